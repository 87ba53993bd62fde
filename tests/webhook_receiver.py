"""A real receiver of webhooks, which fails as often as it is told and remembers what reached it."""

import asyncio
import base64
import contextlib
import hmac
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

MOST_REFUSED = 3  # times that one notification is: no bad luck makes a sender give it up


@dataclass
class WebhookReceiver:
    """Counts what it answered with 200, by `webhook-id`; `fails` is asked for every request, by its number from 1.

    It never refuses one notification more than MOST_REFUSED times.

    With a secret (the base64 behind `whsec_`), a request that is not signed with it is counted as forged.
    """

    fails: Callable[[int], bool] = lambda _: False
    secret: str = ""
    port: int = 0
    requests: int = 0
    forged: int = 0
    refused: Counter[UUID] = field(default_factory=Counter)
    taken: Counter[UUID] = field(default_factory=Counter)
    bodies: dict[UUID, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until its end."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lines = [line.partition(":") for line in head.split("\r\n")[1:]]
                headers = {name.strip().lower(): value.strip() for name, _, value in lines}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                status = b"200 OK" if self._take(headers, body) else b"503 Service Unavailable"
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()

    def _take(self, headers: dict[str, str], body: bytes) -> bool:
        self.requests += 1
        number = UUID(headers["webhook-id"])
        if self.fails(self.requests) and self.refused[number] < MOST_REFUSED:
            self.refused[number] += 1
            return False
        self.forged += bool(self.secret) and not self._is_signed(headers, body)
        self.taken[number] += 1
        self.bodies[number] = json.loads(body)
        return True

    def _is_signed(self, headers: dict[str, str], body: bytes) -> bool:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        wanted = "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        return wanted in headers["webhook-signature"].split()


@contextlib.asynccontextmanager
async def webhook_receiver(
    fails: Callable[[int], bool] = lambda _: False, secret: str = ""
) -> AsyncIterator[WebhookReceiver]:
    """Run a receiver on a free port."""
    receiver = WebhookReceiver(fails, secret)
    serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving[task] = writer
        try:
            await receiver.serve(reader, writer)
        finally:
            del serving[task]
            writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for writer in serving.values():
            writer.transport.abort()
        await asyncio.gather(*serving)
