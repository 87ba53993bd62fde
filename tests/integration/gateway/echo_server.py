"""`python -m tests.integration.gateway.echo_server PORT SETTINGS`: a small application, served as the gateway is.

SETTINGS is JSON: the arguments of `main`. `running_echo` runs it for a test.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
from litestar.types import Receive, Scope, Send
from uvicorn.config import STARTUP_FAILURE

from gateway.live.direct_send import direct_send_of
from gateway.serving import Server, ServingConfig, bound_sockets
from infra.local import servers
from infra.local.ports import any_free
from infra.local.probes import http_answers
from infra.local.service import Service, Step

ROOT = Path(__file__).parents[3]
MODULE = "tests.integration.gateway.echo_server"
MAX_MESSAGE_BYTES = 64 << 10
STAY_S = 5.0


class Echo:
    """The application, and what it knows of its clients."""

    def __init__(self, port: int, drain_s: float, hangs: str) -> None:
        self.port = port
        self.drain_s = drain_s
        self.hangs = hangs
        self.sends: set[Send] = set()
        self.filled_bytes = 0
        self.fills = 0
        self.is_draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve whatever comes."""
        await {"lifespan": self.live, "http": self.answer, "websocket": self.stream}[scope["type"]](
            scope, receive, send
        )

    async def live(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if self.hangs == "startup":
            print("starting", flush=True)  # noqa: T201  # its log
            await asyncio.Event().wait()
        if self.hangs == "port":
            self.intruder = bound_sockets("127.0.0.1", self.port)[0]
            self.intruder.listen()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self.hangs == "shutdown":
            await asyncio.Event().wait()
        await send({"type": "lifespan.shutdown.complete"})

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the present state, or a body's length, or as many bytes as the path says."""
        body, size = b"", 0
        if scope["method"] == "POST":
            while (event := await receive()).get("more_body"):
                size += len(event["body"])
            size += len(event.get("body", b""))
            body = b"%d" % size
        elif scope["path"].startswith("/bytes/"):
            body = bytes(int(scope["path"].rpartition("/")[2]))
        else:
            known = {"clients": len(self.sends), "filled_bytes": self.filled_bytes, "fills": self.fills}
            body = json.dumps(known | {"is_draining": self.is_draining}).encode()
        status = 503 if self.is_draining else 200
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Echo, or do what a client says that begins with `do:`; several things in one message, one after the other."""
        await receive()
        await send({"type": "websocket.accept"})
        self.sends.add(send)
        does = {"fill": self.fill, "overfill": self.overfill, "close": close, "stay": stay}
        try:
            while (event := await receive())["type"] == "websocket.receive":
                text = event.get("text")
                if text is None or not text.startswith("do:"):
                    await send({"type": "websocket.send", "text": text, "bytes": event.get("bytes")})
                    continue
                for name in text.removeprefix("do:").split(","):
                    await does[name](scope, send)
                if "close" in text:
                    return
        finally:
            self.sends.discard(send)

    async def fill(self, scope: Scope, _: Send) -> None:
        """Send directly until the socket has taken nothing for a while."""
        direct = direct_send_of(scope)
        assert direct is not None
        write = direct.writer(is_text=False)
        full_since_s = None
        while full_since_s is None or time.monotonic() - full_since_s < 0.2:
            if write(bytes(1000)):
                self.filled_bytes += 1004
                full_since_s = None
            else:
                full_since_s = full_since_s or time.monotonic()
                await asyncio.sleep(0.01)
        self.fills += 1

    async def overfill(self, _: Scope, send: Send) -> None:
        """Send the plain way until that waits, too."""
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(0.05):
                    await send({"type": "websocket.send", "bytes": bytes(10_000)})
        self.fills += 1

    async def drain(self) -> None:
        """Close every client, evenly over the time there is."""
        self.is_draining = True
        if self.hangs == "drain":
            await asyncio.Event().wait()
        if self.hangs == "loop":
            time.sleep(600)  # noqa: ASYNC251  # the loop stands still, as it is meant to
        leaving = list(self.sends)
        for send in leaving:
            with contextlib.suppress(OSError):  # it is gone already
                await send({"type": "websocket.close", "code": 1012, "reason": "drain"})
            await asyncio.sleep(self.drain_s / len(leaving))


async def close(_: Scope, send: Send) -> None:
    """Close."""
    await send({"type": "websocket.close", "code": 4000, "reason": "as you wish"})


async def stay(_: Scope, __: Send) -> None:
    """Do nothing, for longer than any client is waited for, or to the end."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(STAY_S)


class EchoServer(servers.Server):
    """A process that serves `Echo`."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.port = any_free()
        probe: Step | None = http_answers("127.0.0.1", self.port, "/")
        if settings.get("hangs") in {"startup", "port"}:
            probe = None
        super().__init__(
            Service(
                name="echo",
                argv=(sys.executable, "-m", MODULE, str(self.port), json.dumps(settings)),
                cwd=ROOT,
                log=folder / f"echo-{self.port}.log",
                probe=probe,
            )
        )

    @property
    def url(self) -> str:
        """The address for WebSocket clients."""
        return f"ws://127.0.0.1:{self.port}/"

    async def told(self) -> dict[str, Any]:
        """Ask what it knows."""
        async with httpx.AsyncClient(trust_env=False) as http:
            told: dict[str, Any] = (await http.get(f"http://127.0.0.1:{self.port}/")).json()
        return told


@contextlib.asynccontextmanager
async def running_echo(folder: Path, **settings: object) -> AsyncIterator[EchoServer]:
    """Run it until the end of the block; it must not have met with an error it did not expect."""
    server = EchoServer(folder, **settings)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
    assert "Traceback" not in server.log.read_text(), server.log.read_text()[-5000:]


def main(
    port: int, drain_s: float = 1.0, handshake_timeout_s: float = 10.0, ops_port: int = 0, hangs: str = ""
) -> None:
    app = Echo(port, drain_s, hangs)
    config = ServingConfig(app, max_message_bytes=MAX_MESSAGE_BYTES, handshake_timeout_s=handshake_timeout_s)
    ops = bound_sockets("127.0.0.1", ops_port) if ops_port else []
    server = Server(config, app.drain, drain_s, kept=ops)
    server.run(bound_sockets("127.0.0.1", port))
    sys.exit(0 if server.started else STARTUP_FAILURE)


if __name__ == "__main__":
    main(int(sys.argv[1]), **json.loads(sys.argv[2]))
