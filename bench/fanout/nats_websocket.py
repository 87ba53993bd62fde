"""nats-server with its own WebSocket listener: what clients could subscribe to without a gateway."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from infra.local.ports import any_free
from infra.local.probes import nats_answers
from infra.local.programs import nats_server
from infra.local.servers import Server
from infra.local.service import Service

CONFIG = """\
host: 127.0.0.1
port: {port}
max_pending: 256MB
jetstream {{ store_dir: "{store}" }}
websocket {{
  host: 127.0.0.1
  port: {websocket_port}
  no_tls: true
}}
"""


@dataclass(frozen=True, slots=True)
class WebSocketNats:
    """A running server: `url` for the publisher, `websocket_port` for clients."""

    url: str
    websocket_port: int
    pid: int


@contextlib.asynccontextmanager
async def running_websocket_nats(folder: Path) -> AsyncIterator[WebSocketNats]:
    """Run one with its data, configuration and log in the folder."""
    port, websocket_port = any_free(), any_free()
    config, store = folder / "nats-websocket.conf", folder / "nats-websocket"
    config.write_text(CONFIG.format(port=port, websocket_port=websocket_port, store=store))
    service = Service(
        name="nats-websocket",
        argv=(str(nats_server()), "-c", str(config)),
        cwd=folder,
        log=folder / "nats-websocket.log",
        probe=nats_answers(port),
    )
    server = Server(service)
    await server.start()
    try:
        yield WebSocketNats(f"nats://127.0.0.1:{port}", websocket_port, server.pid)
    finally:
        await server.stop()
