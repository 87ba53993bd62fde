"""A client that keeps none of the rules: it sends the bytes it is given, and tells what came and how it ended."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from websockets.frames import Close, Frame, Opcode

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)


def sent(opcode: Opcode, data: bytes = b"", *, fin: bool = True) -> bytes:
    """Make one frame as a client sends it."""
    return Frame(opcode, data, fin).serialize(mask=True)


def in_fragments(opcode: Opcode, *parts: bytes) -> bytes:
    """Make a message of several frames."""
    last = len(parts) - 1
    return b"".join(
        sent(opcode if number == 0 else Opcode.CONT, part, fin=number == last) for number, part in enumerate(parts)
    )


@dataclass(frozen=True)
class Rest:
    """What came until the connection ended: frames, and whether it was reset."""

    data: bytes
    was_reset: bool

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Read the frames of a server: whole messages, and no longer than 64 KiB."""
        left = self.data
        while left:
            opcode, length, begin = left[0] & 0x0F, left[1], 2
            if length >= 126:
                begin = 4 if length == 126 else 10
                length = int.from_bytes(left[2:begin], "big")
            yield opcode, left[begin : begin + length]
            left = left[begin + length :]

    def close(self) -> tuple[int, str]:
        """Give code and reason of the close frame that came last."""
        opcode, data = list(self.frames())[-1]
        assert opcode == Opcode.CLOSE
        close = Close.parse(data)
        return close.code, close.reason

    def of(self, opcode: Opcode) -> list[bytes]:
        """List what came in frames of one kind."""
        return [data for each, data in self.frames() if each == opcode]


class RawClient:
    """One TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *data: bytes) -> None:
        """Send bytes."""
        self.writer.write(b"".join(data))

    async def upgrade(self, path: bytes = b"/") -> None:
        """Make a WebSocket of it."""
        self.send(HANDSHAKE.replace(b" / ", b" %b " % path, 1), b"\r\n")
        async with asyncio.timeout(10):
            answer = await self.reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101"), answer

    async def read_frame(self) -> tuple[int, bytes]:
        """Read one frame, shorter than 126 bytes."""
        async with asyncio.timeout(10):
            head = await self.reader.readexactly(2)
            return head[0] & 0x0F, await self.reader.readexactly(head[1])

    async def rest(self, within_s: float = 10.0) -> Rest:
        """Read to the end of the connection; fail if it does not end in time."""
        data = bytearray()
        async with asyncio.timeout(within_s):
            try:
                while chunk := await self.reader.read(1 << 16):
                    data += chunk
            except ConnectionError:
                return Rest(bytes(data), was_reset=True)
        return Rest(bytes(data), was_reset=False)

    def read_nothing(self) -> None:
        """Leave what comes in the kernel."""
        self.writer.transport.pause_reading()  # type: ignore[attr-defined]  # of a socket's transport

    def read_again(self) -> None:
        """Read on."""
        self.writer.transport.resume_reading()  # type: ignore[attr-defined]  # likewise


@contextlib.asynccontextmanager
async def raw(port: int, receive_buffer_bytes: int | None = None) -> AsyncIterator[RawClient]:
    """Connect, with a receive buffer of that size in the kernel, if given."""
    connection = socket.socket()
    if receive_buffer_bytes is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=connection)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.transport.abort()  # type: ignore[attr-defined]  # of a socket's transport
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def raw_stream(
    port: int, receive_buffer_bytes: int | None = None, path: bytes = b"/"
) -> AsyncIterator[RawClient]:
    """Connect and upgrade to WebSocket."""
    async with raw(port, receive_buffer_bytes) as client:
        await client.upgrade(path)
        yield client
