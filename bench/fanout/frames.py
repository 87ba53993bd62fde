"""WebSocket frames as a client reads and writes them, one by one.

RFC 6455, 5.2: a byte of opcode, a length of 7 bits, of 16 behind 126 or of 64 behind 127, then the payload; a server
does not mask.
"""

import base64
import os

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
FINAL = 0x80
LENGTH_16, _LENGTH_64 = 126, 127


class FrameError(ValueError):
    """Bytes are not what a server may send."""


class Reassembler:
    """One connection's bytes, cut into messages wherever the reads ended. Control frames may come in between."""

    def __init__(self) -> None:
        self._waiting = b""
        self._opcode = 0
        self._parts: list[bytes] = []

    @property
    def rest(self) -> bytes | None:
        """What has come of the next message: bytes of its first frame; None where whole frames of it were taken."""
        return None if self._parts else self._waiting

    def take(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take bytes and return the messages they complete: opcode and payload. Raises FrameError."""
        self._waiting += data
        complete: list[tuple[int, bytes]] = []
        while (frame := self._frame()) is not None:
            first, payload = frame
            opcode = first & 0x0F
            if opcode >= CLOSE:
                complete.append((opcode, payload))
                continue
            self._opcode = opcode or self._opcode
            self._parts.append(payload)
            if first & FINAL:
                complete.append((self._opcode, b"".join(self._parts)))
                self._parts = []
        return complete

    def _frame(self) -> tuple[int, bytes] | None:
        data = self._waiting
        if len(data) < 2:
            return None
        head, length = 2, data[1]
        if length > _LENGTH_64:
            raise FrameError("a server's frame is masked")
        if length >= LENGTH_16:
            head = 4 if length == LENGTH_16 else 10
            length = int.from_bytes(data[2:head], "big")
        if len(data) < head or len(data) < head + length:
            return None
        self._waiting = data[head + length :]
        return data[0], data[head : head + length]


def masked(opcode: int, payload: bytes) -> bytes:
    """Frame a message as a client does, with a mask of zeros, which changes nothing."""
    length = len(payload)
    if length < LENGTH_16:
        size = bytes([FINAL | length])
    elif length < 1 << 16:
        size = bytes([FINAL | LENGTH_16]) + length.to_bytes(2, "big")
    else:
        size = bytes([FINAL | _LENGTH_64]) + length.to_bytes(8, "big")
    return bytes([FINAL | opcode]) + size + bytes(4) + payload


def upgrade(path: str, offered: str) -> bytes:
    """Ask for a WebSocket, offering subprotocols unless the text is empty (RFC 6455, 4.1)."""
    key = base64.b64encode(os.urandom(16)).decode()
    subprotocols = f"Sec-WebSocket-Protocol: {offered}\r\n" if offered else ""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{subprotocols}\r\n"
    ).encode()


SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


def served(opcode: int, payload: bytes) -> bytes:
    """Frame a message of less than 64 KiB as a server does, unmasked."""
    length = len(payload)
    size = bytes([length]) if length < LENGTH_16 else bytes([LENGTH_16]) + length.to_bytes(2, "big")
    return bytes([FINAL | opcode]) + size + payload
