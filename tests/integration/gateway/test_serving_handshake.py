"""A handshake that the application has yet to answer: what comes before the answer waits, and nothing is lost."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from litestar.types import Receive, Scope, Send
from websockets.frames import Opcode

from gateway.serving import ServingConfig, StreamProtocol
from tests.integration.gateway.raw_client import HANDSHAKE, RawClient, raw, sent

SHARED_KEYS = 30  # of attributes: with more of them each object has a hash table of its own

PLAIN = HANDSHAKE + b"Sec-WebSocket-Protocol: one, bearer.x\r\n\r\n"
READ_BY_THE_LIBRARY = PLAIN[:-2] + b"X: " + b"y" * 8050 + b"\r\n\r\n"


class Doorkeeper:
    """Answers each handshake when it is told to, then echoes; over HTTP it answers at once."""

    def __init__(self) -> None:
        self.has_arrived = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.answer = {"type": "websocket.accept", "subprotocol": "one", "headers": [(b"x-more", b"yes")]}
        self.offered: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        elif scope["type"] == "websocket":
            await receive()
            self.offered = scope["subprotocols"]
            self.has_arrived.set()
            await self.may_answer.wait()
            await send(self.answer)  # type: ignore[arg-type]  # one of the events of ASGI
            while (event := await receive())["type"] == "websocket.receive":
                await send({"type": "websocket.send", "bytes": event["bytes"], "text": None})


@asynccontextmanager
async def serving(application: Doorkeeper) -> AsyncIterator[tuple[int, uvicorn.Server]]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = ServingConfig(application, max_message_bytes=1 << 16, handshake_timeout_s=10)
    config.lifespan = "off"
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield listener.getsockname()[1], server
    finally:
        server.should_exit = True
        await task


async def has_read_all(port: int) -> None:
    """Return when the server has looked at what others sent before: it takes one after the other."""
    async with raw(port) as other:
        other.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await other.reader.readuntil(b"\r\n\r\n")


async def answered(client: RawClient) -> bytes:
    return await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), 10)


@pytest.mark.parametrize("request_", [PLAIN, READ_BY_THE_LIBRARY], ids=["plain", "read by the library"])
async def test_frames_before_the_answer_wait_for_it(request_: bytes) -> None:
    application = Doorkeeper()
    early = [b"%d" % number * 100 for number in range(50)]
    async with serving(application) as (port, server), raw(port) as client:
        client.send(request_)
        await asyncio.wait_for(application.has_arrived.wait(), 10)
        for message in early:
            client.send(sent(Opcode.BINARY, message[:100]))
            await has_read_all(port)
        application.may_answer.set()
        answer = await answered(client)
        assert answer.startswith(b"HTTP/1.1 101 ")
        assert b"\r\nSec-WebSocket-Protocol: one\r\n" in answer
        assert b"\r\nx-more: yes\r\n" in answer
        assert b"\r\nserver: uvicorn\r\n" in answer
        assert [await client.read_frame() for _ in early] == [(Opcode.BINARY, each[:100]) for each in early]
        assert application.offered == ["one", "bearer.x"]
        (protocol,) = (each for each in server.server_state.connections if isinstance(each, StreamProtocol))
        assert len(vars(protocol)) <= SHARED_KEYS


@pytest.mark.parametrize("request_", [PLAIN, READ_BY_THE_LIBRARY], ids=["plain", "read by the library"])
async def test_a_refusal_is_403(request_: bytes) -> None:
    application = Doorkeeper()
    application.answer = {"type": "websocket.close", "code": 1000}
    application.may_answer.set()
    async with serving(application) as (port, _), raw(port) as client:
        client.send(request_)
        assert (await answered(client)).startswith(b"HTTP/1.1 403 ")


async def test_an_application_that_fails_is_500() -> None:
    application = Doorkeeper()
    application.answer = {"type": "no event"}
    application.may_answer.set()
    async with serving(application) as (port, _), raw(port) as client:
        client.send(PLAIN)
        assert (await answered(client)).startswith(b"HTTP/1.1 500 ")
