"""Clients that flood, stall or never finish, each with the exact answer; the application is a small one."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode

from gateway.serving.http_protocol import MAX_HEAD_BYTES
from gateway.serving.stream_protocol import CLOSE_TIMEOUT_S, CONTROL_FRAMES_BURST, MAX_FRAGMENTS
from tests.integration.gateway.echo_server import MAX_MESSAGE_BYTES, EchoServer, running_echo
from tests.integration.gateway.raw_client import HANDSHAKE, in_fragments, raw, raw_stream, sent
from tests.integration.gateway.running import until

HANDSHAKE_TIMEOUT_S = 1.0
LATE_S = 1.5  # by which a bound may be missed on a busy machine
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HALF_BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"

TEXT, BINARY, PING, PONG = Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.PONG
HALF = MAX_MESSAGE_BYTES // 2
FAULTS = {
    "pings": (sent(PING) * 1000, 1008, "too many control frames"),
    "pongs": (sent(PONG, b"unasked") * 1000, 1008, "too many control frames"),
    "pings in a message": (sent(TEXT, b"a", fin=False) + sent(PING) * 1000, 1008, "too many control frames"),
    "fragments": (in_fragments(TEXT, *[b"a"] * (MAX_FRAGMENTS + 1)), 1008, "too many fragments"),
    "empty fragments": (in_fragments(BINARY, *[b""] * 100_000), 1008, "too many fragments"),
    "a long message": (sent(BINARY, bytes(MAX_MESSAGE_BYTES + 1)), 1009, "exceeds limit of 65536 bytes"),
    "a long one in fragments": (in_fragments(BINARY, bytes(HALF), bytes(HALF + 1)), 1009, "exceeds limit"),
    "not UTF-8": (sent(TEXT, b"caf\xe9"), 1007, "text that is not UTF-8"),
    "not UTF-8 in fragments": (in_fragments(TEXT, b"caf", b"\xe9"), 1007, "text that is not UTF-8"),
    "reserved bits": (b"\xf1\x80\0\0\0\0", 1002, "reserved bits must be 0"),
    "not masked": (b"\x81\x01a", 1002, "incorrect masking"),
    "a continuation of nothing": (sent(Opcode.CONT, b"a"), 1002, "unexpected continuation frame"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def echo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EchoServer]:
    """Run the small application once for these tests; its log must stay without a trace."""
    folder: Path = tmp_path_factory.mktemp("echo")
    async with running_echo(folder, handshake_timeout_s=HANDSHAKE_TIMEOUT_S, drain_s=0.1) as server:
        yield server


@pytest.mark.parametrize(("data", "code", "reason"), FAULTS.values(), ids=FAULTS.keys())
async def test_a_fault_is_closed_with_its_code_and_reason(
    echo: EchoServer, data: bytes, code: int, reason: str
) -> None:
    async with raw_stream(echo.port) as client:
        client.send(data)
        rest = await client.rest()
    given, said = rest.close()
    assert given == code
    assert reason in said
    assert not rest.was_reset


async def test_who_floods_on_is_told_why_and_cut_off_in_time(echo: EchoServer) -> None:
    async def flood() -> None:
        while True:
            client.send(sent(PING, b"x" * 100) * 500)
            await client.writer.drain()

    async with raw_stream(echo.port) as client:
        began_s = time.monotonic()
        flooding = asyncio.create_task(flood())
        rest = await client.rest()
        took_s = time.monotonic() - began_s
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(flooding, 10)
    assert rest.close() == (1008, "too many control frames")
    assert len(rest.of(PONG)) < 1000, "it was answered all along"
    assert took_s < CLOSE_TIMEOUT_S + LATE_S


async def test_within_the_bounds_everything_is_answered(echo: EchoServer) -> None:
    whole = bytes(HALF)
    async with raw_stream(echo.port) as client:
        client.send(
            *[sent(PING, b"%d" % number) for number in range(CONTROL_FRAMES_BURST)],
            in_fragments(TEXT, *[b"a"] * MAX_FRAGMENTS),
            in_fragments(BINARY, whole, whole),
            in_fragments(TEXT, b"caf\xc3", b"\xa9"),  # a character that two frames share
            sent(TEXT, b"do:close"),
        )
        rest = await client.rest()
    assert rest.of(PONG) == [b"%d" % number for number in range(CONTROL_FRAMES_BURST)]
    assert rest.of(TEXT) == [b"a" * MAX_FRAGMENTS, "café".encode()]
    assert rest.of(BINARY) == [whole + whole]


async def test_many_messages_in_one_read_are_all_served_in_their_order(echo: EchoServer) -> None:
    messages = [b"%d" % number for number in range(20_000)]
    async with raw_stream(echo.port) as client:
        client.send(*[sent(TEXT, message) for message in messages], sent(TEXT, b"do:close"))
        rest = await client.rest(30)
    assert rest.of(TEXT) == messages


async def test_a_close_that_is_answered_ends_at_once(echo: EchoServer) -> None:
    async with connect(echo.url, proxy=None) as client:
        began_s = time.monotonic()
        await client.send("do:close")
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert (client.close_code, client.close_reason) == (4000, "as you wish")
        assert time.monotonic() - began_s < 1


@pytest.mark.parametrize("text", ["do:close", "do:close,stay"])
async def test_a_client_that_does_not_answer_a_close_is_cut_off(echo: EchoServer, text: str) -> None:
    async with raw_stream(echo.port) as client:
        began_s = time.monotonic()
        client.send(sent(TEXT, text.encode()))
        rest = await client.rest()
        took_s = time.monotonic() - began_s
    assert rest.close() == (4000, "as you wish")
    assert rest.was_reset
    assert CLOSE_TIMEOUT_S - 0.2 < took_s < CLOSE_TIMEOUT_S + LATE_S


@pytest.mark.parametrize("text", ["do:fill,overfill,close", "do:fill,overfill", "do:fill,overfill,stay"])
async def test_a_full_socket_keeps_nobody_from_closing(echo: EchoServer, text: str) -> None:
    """The application closes, with messages before it that do not fit; or the client does, which it may not notice."""
    before = await echo.told()

    async def is_full() -> bool:
        return (await echo.told())["fills"] >= before["fills"] + 2

    async with raw_stream(echo.port) as client:
        client.read_nothing()
        client.send(sent(TEXT, text.encode()))
        await until(is_full, "neither way is open")
        if "close" not in text:
            client.send(sent(Opcode.CLOSE))

        async def is_cut_off() -> bool:
            try:
                client.send(sent(TEXT, b"?"))
                await client.writer.drain()
            except ConnectionError:
                return True
            return False

        await until(is_cut_off, "the connection is reset", CLOSE_TIMEOUT_S + LATE_S)


@pytest.mark.parametrize(("buffer_bytes", "most_bytes"), [(None, 256 << 10), (4096, 80 << 10)])
async def test_the_kernel_holds_little_for_a_client_that_does_not_read(
    echo: EchoServer, buffer_bytes: int | None, most_bytes: int
) -> None:
    """With a small buffer of the client's own nearly all of it is what the server's side holds."""
    before = await echo.told()
    async with raw_stream(echo.port, buffer_bytes) as client:

        async def is_full() -> bool:
            return (await echo.told())["fills"] > before["fills"]

        client.read_nothing()
        client.send(sent(TEXT, b"do:fill"))
        await until(is_full, "the socket takes no more")
        taken = (await echo.told())["filled_bytes"] - before["filled_bytes"]
    assert 4096 < taken < most_bytes


HALF_OPEN = {
    "nothing": [],
    "half a handshake": [HANDSHAKE],
    "half a line": [b"GET /"],
    "half a body": [HALF_BODY],
    "half of a second request": [REQUEST, b"GET / HTTP/1.1\r\nHo"],
    "a drip": [bytes([byte]) for byte in HANDSHAKE],
}


@pytest.mark.parametrize("pieces", HALF_OPEN.values(), ids=HALF_OPEN.keys())
async def test_a_request_that_is_never_whole_is_cut_off(echo: EchoServer, pieces: list[bytes]) -> None:
    async def drip() -> None:
        for piece in pieces:
            client.send(piece)
            await asyncio.sleep(0.02)

    async with raw(echo.port) as client:
        began_s = time.monotonic()
        dripping = asyncio.create_task(drip())
        await client.rest()
        took_s = time.monotonic() - began_s
        dripping.cancel()
    assert HANDSHAKE_TIMEOUT_S - 0.2 < took_s < HANDSHAKE_TIMEOUT_S + LATE_S


async def test_a_stream_outlives_the_bound_on_its_handshake(echo: EchoServer) -> None:
    async with raw_stream(echo.port) as client:
        await asyncio.sleep(HANDSHAKE_TIMEOUT_S * 1.5)  # longer than the bound
        client.send(sent(TEXT, b"still here"))
        assert await client.read_frame() == (TEXT, b"still here")


async def test_an_answer_that_nobody_reads_is_cut_off(echo: EchoServer) -> None:
    async with raw(echo.port) as client:
        client.read_nothing()
        client.send(b"GET /bytes/10000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(HANDSHAKE_TIMEOUT_S + LATE_S)  # longer than the bound
        client.read_again()
        rest = await client.rest()
    assert rest.was_reset
    assert len(rest.data) < 1_000_000


ENDLESS = HANDSHAKE + b"X: y\r\n" * (MAX_HEAD_BYTES // 2)
REFUSED = {
    "no HTTP": (b"nonsense\r\n\r\n", b"HTTP/1.1 400 "),
    "an endless head": (ENDLESS, b"HTTP/1.1 400 "),
    "too many headers": (HANDSHAKE + b"X: y\r\n" * 200 + b"\r\n", b"HTTP/1.1 431 "),
    "too long a header": (HANDSHAKE + b"X: " + b"y" * 9000 + b"\r\n\r\n", b"HTTP/1.1 431 "),
    "an old version": (HANDSHAKE.replace(b"13", b"8") + b"\r\n", b"HTTP/1.1 400 "),
}


@pytest.mark.parametrize(("data", "answer"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_handshake_that_is_refused_is_answered_and_closed(echo: EchoServer, data: bytes, answer: bytes) -> None:
    async with raw(echo.port) as client:
        began_s = time.monotonic()
        client.send(data)
        rest = await client.rest()
        took_s = time.monotonic() - began_s
    assert rest.data.startswith(answer), rest.data[:80]
    assert took_s < HANDSHAKE_TIMEOUT_S, "it was the bound that closed it"
