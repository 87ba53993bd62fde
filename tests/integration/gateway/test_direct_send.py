"""The direct way to the socket: the same bytes as the plain one, in the same order, whatever else is sent."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from litestar.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from gateway.live.direct_send import DirectSendProtocol, direct_send_of, frame

MESSAGES = [b"", b"a", b"b" * 125, b"c" * 126, b"d" * 65_535, b"e" * 65_536, b"f" * 300_000]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


@asynccontextmanager
async def serving(application: Application, **options: object) -> AsyncIterator[str]:
    """Serve an ASGI application on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application, lifespan="off", log_config=None, **options)  # type: ignore[arg-type]  # uvicorn's own
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        server.should_exit = True
        await task


async def accepted(scope: Scope, receive: Receive, send: Send) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})


async def plainly(send: Send, message: bytes, *, is_text: bool) -> None:
    await send({"type": "websocket.send", **({"text": message.decode()} if is_text else {"bytes": message})})


@given(st.binary(max_size=70_000), st.booleans())
def test_a_frame_is_the_one_that_websockets_writes(message: bytes, is_text: bool) -> None:
    opcode = Opcode.TEXT if is_text else Opcode.BINARY
    assert frame(message, is_text) == Frame(opcode, message).serialize(mask=False)


@pytest.mark.parametrize("protocol", [DirectSendProtocol, "websockets-sansio"])
async def test_both_ways_put_the_same_bytes_on_the_wire(protocol: type[DirectSendProtocol] | str) -> None:
    directly = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await accepted(scope, receive, send)
        direct = direct_send_of(scope)
        for message in MESSAGES:
            for is_text in (True, False):
                went = direct is not None and direct.writer(is_text)(message)
                directly.append(went)
                if not went:
                    await plainly(send, message, is_text=is_text)
        await send({"type": "websocket.close", "code": 4000})

    async with serving(application, ws=protocol, ws_per_message_deflate=False) as url:
        received = await raw_stream(url)
    expected = b"".join(
        Frame(opcode, message).serialize(mask=False) for message in MESSAGES for opcode in (Opcode.TEXT, Opcode.BINARY)
    )
    assert received.startswith(expected)
    assert received[len(expected) :].startswith(b"\x88")  # and the close came last
    assert any(directly) == (protocol is DirectSendProtocol)


async def raw_stream(url: str) -> bytes:
    """Upgrade by hand, answer nothing, and read all bytes up to the close frame."""
    host, port = url.removeprefix("ws://").rstrip("/").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    received = b""
    while not received.endswith(b"\x88\x02\x0f\xa0"):
        received += await asyncio.wait_for(reader.read(1 << 16), 20)
    writer.close()
    await writer.wait_closed()
    return received


@pytest.mark.parametrize("options", [{"ws_per_message_deflate": True}, {"ws": "websockets-sansio"}])
async def test_where_the_way_is_not_plain_there_is_none(options: dict[str, object]) -> None:
    found = asyncio.get_running_loop().create_future()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await accepted(scope, receive, send)
        found.set_result(direct_send_of(scope))
        await send({"type": "websocket.close"})

    async with (
        serving(application, **{"ws": DirectSendProtocol, "ws_per_message_deflate": False, **options}) as url,
        connect(url),
    ):
        assert await asyncio.wait_for(found, 10) is None


async def test_a_reader_that_stalls_gets_every_message_whole_and_in_order() -> None:
    """Partial writes: the socket fills, the rest goes the transport's way, and then the direct way opens again."""
    count, declined = 400, []
    stalled, resumed = asyncio.Event(), asyncio.Event()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await accepted(scope, receive, send)
        direct = direct_send_of(scope)
        assert direct is not None
        for number in range(count):
            message = b"%06d" % number * 5_000
            if not direct.writer(is_text=False)(message):
                declined.append(number)
                stalled.set()
                await plainly(send, message, is_text=False)
        assert (await receive())["type"] == "websocket.receive"
        resumed.set()
        assert direct.writer(is_text=False)(b"again"), "the direct way stays closed"
        assert (await receive())["type"] == "websocket.disconnect"

    async with (
        serving(application, ws=DirectSendProtocol, ws_per_message_deflate=False) as url,
        connect(url, max_size=None, max_queue=1, compression=None) as client,
    ):
        await asyncio.wait_for(stalled.wait(), 20)
        for number in range(count):
            assert await asyncio.wait_for(client.recv(), 20) == b"%06d" % number * 5_000
        await client.send("go on")
        assert await asyncio.wait_for(client.recv(), 20) == b"again"
    assert declined, "the socket never filled"
    assert resumed.is_set()


async def test_pings_are_answered_between_direct_frames() -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await accepted(scope, receive, send)
        direct = direct_send_of(scope)
        assert direct is not None
        for _ in range(2_000):
            assert direct.writer(is_text=True)(b"x" * 200) or await plainly(send, b"x" * 200, is_text=True) is None
            await asyncio.sleep(0)
        assert (await receive())["type"] == "websocket.disconnect"

    async with (
        serving(application, ws=DirectSendProtocol, ws_per_message_deflate=False) as url,
        connect(url, compression=None, max_queue=None) as client,
    ):
        pongs = [await client.ping() for _ in range(50)]
        await asyncio.wait_for(asyncio.gather(*pongs), 20)
        assert await all_of(client, 2_000) == {"x" * 200}


async def all_of(client: ClientConnection, count: int) -> set[str | bytes]:
    return {await asyncio.wait_for(client.recv(), 20) for _ in range(count)}


async def test_while_it_is_held_nothing_goes_directly_and_then_everything_again() -> None:
    """The application has something to send first, by the plain way."""
    outcome = asyncio.get_running_loop().create_future()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await accepted(scope, receive, send)
        direct = direct_send_of(scope)
        assert direct is not None
        write = direct.writer(is_text=True)
        direct.hold(True)
        held = write(b"too early")
        await plainly(send, b"first", is_text=True)
        direct.hold(False)
        outcome.set_result((held, write(b"second")))
        assert (await receive())["type"] == "websocket.disconnect"

    async with (
        serving(application, ws=DirectSendProtocol, ws_per_message_deflate=False) as url,
        connect(url, compression=None) as client,
    ):
        assert [await asyncio.wait_for(client.recv(), 10) for _ in range(2)] == ["first", "second"]
    assert await outcome == (False, True)


async def test_a_connection_that_is_aborted_ends_at_once_with_what_waits_to_be_read() -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await accepted(scope, receive, send)
        direct = direct_send_of(scope)
        assert direct is not None
        write = direct.writer(is_text=False)
        while write(bytes(100_000)):
            pass
        direct.abort()
        assert not write(b"after"), "the descriptor may be another connection's by now"
        assert (await receive())["type"] == "websocket.disconnect"

    async with (
        serving(application, ws=DirectSendProtocol, ws_per_message_deflate=False) as url,
        connect(url, max_size=None, max_queue=1, compression=None) as client,
    ):
        with pytest.raises(ConnectionClosed):
            await all_of(client, 1_000_000)
        assert client.close_code == 1006


async def test_nothing_is_sent_directly_once_the_close_has_begun() -> None:
    outcome = asyncio.get_running_loop().create_future()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await accepted(scope, receive, send)
        direct = direct_send_of(scope)
        assert direct is not None
        assert direct.writer(is_text=True)(b"before")
        await send({"type": "websocket.close", "code": 4001})
        outcome.set_result(direct.writer(is_text=True)(b"after"))

    async with (
        serving(application, ws=DirectSendProtocol, ws_per_message_deflate=False) as url,
        connect(url, compression=None) as client,
    ):
        assert await asyncio.wait_for(client.recv(), 10) == "before"
        await asyncio.wait_for(client.wait_closed(), 10)
        assert client.close_code == 4001
    assert await outcome is False


LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
RESET = struct.pack("ii", 1, 0)


@LOOPS
@pytest.mark.parametrize("end", ["reset by the client", "left by the client", "aborted", "closed"])
def test_the_way_is_shut_before_its_descriptor_is_another_s(
    loop: Callable[[], asyncio.AbstractEventLoop], end: str
) -> None:
    """Whoever writes to the descriptor does not ask first: it must still be this connection's when the way is shut."""
    found: list[tuple[int, os.stat_result]] = []
    is_its_own: list[bool] = []

    def note(descriptor: int) -> None:
        if descriptor >= 0:
            found.append((descriptor, os.fstat(descriptor)))
        else:
            is_its_own.append(os.path.samestat(os.fstat(found[-1][0]), found[-1][1]))

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await accepted(scope, receive, send)
        direct = direct_send_of(scope)
        assert direct is not None
        direct.attend(note)
        assert direct.writer(is_text=True)(b"open")
        assert (await receive())["type"] == "websocket.receive"
        if end == "aborted":
            direct.abort()
        elif end == "closed":
            await send({"type": "websocket.close", "code": 4001})
        else:
            assert (await receive())["type"] == "websocket.disconnect"

    async def once() -> None:
        async with serving(application, ws=DirectSendProtocol, ws_per_message_deflate=False) as url:
            client = await connect(url, compression=None)
            assert await asyncio.wait_for(client.recv(), 10) == "open"
            await client.send("go on")
            if end == "reset by the client":
                client.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            if end.endswith("by the client"):
                client.transport.abort()
            await asyncio.wait_for(client.wait_closed(), 10)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(once())
    assert is_its_own == [True]
