"""`python -m gateway`: the REST and WebSocket server, in one process or in several that share its port."""

import logging
import os
import sys

from uvicorn.config import STARTUP_FAILURE

from gateway.app import create_app, with_stream
from gateway.live.garbage import Garbage
from gateway.serving import END_S, Server, ServingConfig, bound_sockets, process_number, raise_limit, supervise
from gateway.settings import GatewaySettings
from mesh.settings import SettingsError, read_settings

MAX_MESSAGE_BYTES = 64 << 10


def main() -> None:
    """Read the settings, serve until a signal; a wrong setting ends with its error alone."""
    try:
        settings = read_settings(GatewaySettings, os.environ)
    except SettingsError as error:
        sys.exit(f"gateway: {error}")
    raise_limit()
    number = process_number(os.environ)
    _log(settings.log_level, number)
    if settings.gateway_processes > 1 and number is None:
        command = (sys.executable, "-m", "gateway")
        sys.exit(supervise(settings.gateway_processes, command, settings.drain_s + END_S))
    serve(settings, number)


def serve(settings: GatewaySettings, number: int | None = None) -> None:
    """Serve in this process until a signal; `number` is its own among several. Exits with 3 where it cannot start."""
    app = create_app(settings)

    async def drain() -> None:
        app.state.parts.health.is_draining = True
        await app.state.parts.live.hub.drain(over_s=settings.drain_s)

    ops_port = settings.ops_port and settings.ops_port + (number or 0)
    try:
        public = bound_sockets(settings.http_host, settings.http_port, is_shared=number is not None)
        ops = bound_sockets(settings.http_host, ops_port) if ops_port else []
    except OSError as error:
        print(f"gateway: cannot listen: {error}", file=sys.stderr)  # noqa: T201  # to whoever started it
        sys.exit(STARTUP_FAILURE)
    config = ServingConfig(
        with_stream(app), max_message_bytes=MAX_MESSAGE_BYTES, handshake_timeout_s=settings.handshake_timeout_s
    )
    server = Server(config, drain, settings.drain_s, kept=ops, is_tied=number is not None)
    Garbage.settle()
    server.run(public)
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def _log(level: str, number: int | None) -> None:
    name = "" if number is None else f" {number}"
    logging.basicConfig(level=level, format=f"%(asctime)s{name} %(levelname)-7s %(name)s: %(message)s")
    logging.getLogger("nats").setLevel(logging.CRITICAL)
    # At INFO it logs every stream that is opened, query string and all, and that may hold a token nobody asked for.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


if __name__ == "__main__":
    main()
