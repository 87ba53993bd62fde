"""Clients of the stream at the level of frames: cheap enough for a thousand, and as rude as a test wants them."""

import asyncio
import contextlib
import functools
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import msgpack
import msgspec
import nats
from websockets.frames import Close, Frame, Opcode

from gateway.accounts.settings import TokenSettings
from gateway.accounts.tokens import AccessTokens
from market import subjects
from mesh.directory import Directory
from tests.integration.gateway.running import SECRET, SOON_S, Gateway, Market, token
from tests.integration.gateway.tiny_venue import TinyVenue

_DATA = {Opcode.TEXT, Opcode.BINARY}
_PAGE_BYTES = 4096


def token_of(user: UUID, lifetime_s: int = 900) -> str:
    """Sign an access token of one user, who may then have several."""
    settings = TokenSettings(secret=SECRET.encode(), access_lifetime_s=lifetime_s)
    return AccessTokens(settings).issue(user, time.time())


def memory_bytes(gateway: Gateway) -> int:
    """Read what the gateway's process keeps in memory."""
    return int(Path(f"/proc/{gateway.pid}/statm").read_text().split()[1]) * _PAGE_BYTES


@functools.cache
def handshake(wire: str, bearer: str) -> bytes:
    """Make the request that opens a stream; an empty `bearer` is none."""
    offered = f"{wire}, bearer.{bearer}" if bearer else wire
    return (
        "GET /stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: {offered}\r\n\r\n"
    ).encode()


@dataclass(frozen=True)
class Ending:
    """How a connection ended: the server's close code and reason, or 0 where it was cut off."""

    code: int
    reason: str


class FrameReader:
    """Takes the bytes that a server sends, gives whole frames."""

    def __init__(self) -> None:
        self._left = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Take some bytes; give the opcode and payload of each frame that they complete."""
        self._left += data
        at, left = 0, self._left
        while len(left) - at >= 2:
            length, begin = left[at + 1], at + 2
            if length >= 126:
                begin += 2 if length == 126 else 8
                length = int.from_bytes(left[at + 2 : begin], "big")
            if len(left) < begin + length or len(left) < begin:
                break
            yield left[at] & 0x0F, bytes(left[begin : begin + length])
            at = begin + length
        del left[:at]


class WireClient(asyncio.Protocol):
    """One connection, from its handshake on; `take(payload)` is called with each data message."""

    def __init__(self, take: Callable[[bytes], object], *, packed: bool) -> None:
        loop = asyncio.get_running_loop()
        self.is_packed = packed
        self.upgraded: asyncio.Future[bytes] = loop.create_future()
        self.ended: asyncio.Future[Ending] = loop.create_future()
        self.received_bytes = 0
        self.pause_s = 0.0
        """How long to read nothing after each piece that was read."""
        self.transport: asyncio.Transport
        self._take = take
        self._head = bytearray()
        self._frames = FrameReader()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hold the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Take the answer to the handshake, then frames."""
        self.received_bytes += len(data)
        if self.pause_s:
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(self.pause_s, self.transport.resume_reading)
        if not self.upgraded.done():
            self._head += data
            head, end, data = bytes(self._head).partition(b"\r\n\r\n")
            if not end:
                return
            self.upgraded.set_result(head)
        for opcode, payload in self._frames.feed(data):
            if opcode in _DATA:
                self._take(payload)
            elif opcode == Opcode.PING:
                self.send_frames(Frame(Opcode.PONG, payload).serialize(mask=True))
            elif opcode == Opcode.CLOSE:
                close = Close.parse(payload)
                self._end(Ending(close.code, close.reason))
                self.send_frames(Frame(Opcode.CLOSE, payload).serialize(mask=True))

    def connection_lost(self, error: Exception | None) -> None:
        """Note the end, where no close frame told it."""
        self._end(Ending(0, str(error or "")))
        if not self.upgraded.done():
            self.upgraded.set_result(b"")

    def send_frames(self, *frames: bytes) -> None:
        """Send frames, or any other bytes."""
        if not self.transport.is_closing():
            self.transport.write(b"".join(frames))

    def command(self, action: str, **fields: object) -> None:
        """Send a command."""
        message = {"action": action, **fields}
        if self.is_packed:
            self.send_frames(Frame(Opcode.BINARY, msgpack.packb(message)).serialize(mask=True))
        else:
            self.send_frames(Frame(Opcode.TEXT, msgspec.json.encode(message)).serialize(mask=True))

    def _end(self, ending: Ending) -> None:
        if not self.ended.done():
            self.ended.set_result(ending)


def small_socket(receive_buffer_bytes: int) -> socket.socket:
    """Make a socket for which the kernel holds little, so that the server soon feels that nobody reads."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    made.setblocking(False)
    return made


async def opened(
    gateway: Gateway,
    take: Callable[[bytes], object],
    *,
    packed: bool = False,
    bearer: str | None = None,
    receive_buffer_bytes: int = 0,
) -> WireClient:
    """Connect and upgrade, with a good token unless another, or an empty one, is given; abort its transport later."""
    loop = asyncio.get_running_loop()
    made = small_socket(receive_buffer_bytes) if receive_buffer_bytes else socket.socket()
    made.setblocking(False)
    async with asyncio.timeout(SOON_S):
        await loop.sock_connect(made, ("127.0.0.1", gateway.port))
        _, client = await loop.create_connection(lambda: WireClient(take, packed=packed), sock=made)
        wire = "tickmesh.msgpack" if packed else "tickmesh.json"
        client.send_frames(handshake(wire, token() if bearer is None else bearer))
        assert (await client.upgraded).startswith(b"HTTP/1.1 101"), client.upgraded.result()
    return client


@contextlib.asynccontextmanager
async def wired(
    gateway: Gateway,
    take: Callable[[bytes], object] = lambda _: None,
    *,
    packed: bool = False,
    bearer: str | None = None,
    receive_buffer_bytes: int = 0,
) -> AsyncIterator[WireClient]:
    """Keep one such client for the block."""
    client = await opened(gateway, take, packed=packed, bearer=bearer, receive_buffer_bytes=receive_buffer_bytes)
    try:
        yield client
    finally:
        client.transport.abort()


@contextlib.asynccontextmanager
async def many_published(
    market: Market, venue: TinyVenue
) -> AsyncIterator[Callable[[Sequence[str], int], Awaitable[int]]]:
    """Give `publish(symbols, count)`: publishes the states after so many events at once, and gives their sequence."""
    client = await nats.connect(market.nats.url)

    async def publish(symbols: Sequence[str], count: int) -> int:
        for symbol in symbols:
            row = venue.hold(symbol, count, last=count)
            await client.publish(subjects.quote(venue.instruments[symbol].key), row.tobytes())
        await client.flush()
        return int(row["sequence"][0])

    try:
        yield publish
    finally:
        await client.close()


async def listed_names(market: Market) -> list[str]:
    """List the instruments of the simulated market, the busiest first, without those of the tests' own venues."""
    client = await nats.connect(market.nats.url)
    try:
        directory = await Directory.open(client.jetstream())
    finally:
        await client.close()
    return [str(each.key) for each in directory.all() if not each.key.venue.startswith("XT")]
