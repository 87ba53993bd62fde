"""WebSocket frames as a client reads them: many sockets' reads at once where each is one whole frame, else one by one.

RFC 6455, 5.2: a byte of opcode, a length of 7 bits, of 16 behind 126 or of 64 behind 127, then the payload; a server
does not mask.
"""

import base64
import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.intp]

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_FINAL = 0x80
_LENGTH_16, _LENGTH_64 = 126, 127
MOST_FRAMES = 32  # of one read, that are cut in bulk


class FrameError(ValueError):
    """Bytes are not what a server may send."""


@dataclass(frozen=True, slots=True)
class Reads:
    """What several reads brought, back to back in `data`; read `i` lies from `starts[i]` to `ends[i]`."""

    data: Bytes
    starts: Positions
    ends: Positions


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames of those reads that are nothing but whole data frames: which read's, and where the payloads begin."""

    reads: Positions
    payloads: Positions
    is_whole: npt.NDArray[np.bool_]  # by read


def split(reads: Reads, opcode: int) -> Frames:
    """Cut reads into frames, the first of every read at once, then the second, up to `MOST_FRAMES`.

    A read that ends within a frame, or holds anything but final data frames below 64 KiB, is left out whole.
    """
    data, last = reads.data, len(reads.data) - 1
    left, at = np.arange(len(reads.starts)), reads.starts
    is_whole = np.zeros(len(left), bool)
    found: list[tuple[Positions, Positions]] = []
    for _ in range(MOST_FRAMES):
        first, short = data[at], data[np.minimum(at + 1, last)].astype(np.intp)
        high, low = data[np.minimum(at + 2, last)].astype(np.intp), data[np.minimum(at + 3, last)]
        is_long = short == _LENGTH_16
        payloads = at + np.where(is_long, 4, 2)
        ends = payloads + np.where(is_long, high << 8 | low, short)
        # A masked frame, and one with a length of 64 bits, has a `short` above 126.
        fits = (first == _FINAL | opcode) & (short <= _LENGTH_16) & (ends <= reads.ends[left])
        found.append((left[fits], payloads[fits]))
        left, at = left[fits], ends[fits]
        is_at_end = at == reads.ends[left]
        is_whole[left[is_at_end]] = True
        left, at = left[~is_at_end], at[~is_at_end]
        if not len(left):
            break
    of_read, payloads = (np.concatenate(each) for each in zip(*found, strict=True))
    return Frames(of_read[is_whole[of_read]], payloads[is_whole[of_read]], is_whole)


def begins_with(data: Bytes, at: Positions, prefix: bytes) -> npt.NDArray[np.bool_]:
    """Tell for each position whether `prefix` stands there."""
    window = np.minimum(at[:, None] + np.arange(len(prefix)), len(data) - 1)
    begins: npt.NDArray[np.bool_] = (data[window] == np.frombuffer(prefix, np.uint8)).all(axis=1)
    return begins


class Reassembler:
    """One connection's bytes, cut into messages wherever the reads ended. Control frames may come in between."""

    def __init__(self) -> None:
        self._waiting = b""
        self._opcode = 0
        self._parts: list[bytes] = []

    @property
    def is_between(self) -> bool:
        """Whether the last byte taken ended a message."""
        return not self._waiting and not self._parts

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
            if first & _FINAL:
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
        if length >= _LENGTH_16:
            head = 4 if length == _LENGTH_16 else 10
            length = int.from_bytes(data[2:head], "big")
        if len(data) < head or len(data) < head + length:
            return None
        self._waiting = data[head + length :]
        return data[0], data[head : head + length]


def masked(opcode: int, payload: bytes) -> bytes:
    """Frame a message as a client does, with a mask of zeros, which changes nothing."""
    length = len(payload)
    if length < _LENGTH_16:
        size = bytes([_FINAL | length])
    elif length < 1 << 16:
        size = bytes([_FINAL | _LENGTH_16]) + length.to_bytes(2, "big")
    else:
        size = bytes([_FINAL | _LENGTH_64]) + length.to_bytes(8, "big")
    return bytes([_FINAL | opcode]) + size + bytes(4) + payload


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
    size = bytes([length]) if length < _LENGTH_16 else bytes([_LENGTH_16]) + length.to_bytes(2, "big")
    return bytes([_FINAL | opcode]) + size + payload
