"""The two encodings of the stream, JSON text and msgpack binary, of the same messages. Pure.

An entry is encoded once and shared by every client of that encoding; a frame only joins the entries.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import msgspec

from gateway.live.commands import AnyCommand, CommandError, read_json, read_msgpack

Kind = Literal["snapshot", "update"]
Joiner = Callable[[Sequence[bytes]], bytes]


@dataclass(frozen=True, slots=True)
class Wire:
    """One encoding, named by its WebSocket subprotocol."""

    subprotocol: str
    is_text: bool
    encode: Callable[[object], bytes]
    joiner: Callable[[Kind, str], Joiner]
    """Give the function that joins encoded entries of one channel into a frame."""
    frame: Callable[[Kind, Mapping[str, Sequence[bytes]]], bytes]
    """Join entries of several channels, by name, into one frame."""

    def read(self, text: str | None, data: bytes | None) -> AnyCommand:
        """Read a received message; raises CommandError, also where it is of the other kind."""
        if self.is_text:
            if text is None:
                raise CommandError("wrong_frame", f"{self.subprotocol} takes text messages, this one is binary")
            return read_json(text)
        if data is None:
            raise CommandError("wrong_frame", f"{self.subprotocol} takes binary messages, this one is text")
        return read_msgpack(data)


@cache
def _json_joiner(kind: Kind, channel: str) -> Joiner:
    head, tail = b'{"type":"%b","%b":[' % (kind.encode(), channel.encode()), b"]}"

    def join(entries: Sequence[bytes]) -> bytes:
        return head + b",".join(entries) + tail

    return join


def _json_frame(kind: Kind, by_channel: Mapping[str, Sequence[bytes]]) -> bytes:
    parts = [b'"%b":[%b]' % (channel.encode(), b",".join(entries)) for channel, entries in by_channel.items()]
    return b'{"type":"%b",%b}' % (kind.encode(), b",".join(parts))


@cache
def _msgpack_joiner(kind: Kind, channel: str) -> Joiner:
    heads = [_msgpack_head(kind, 2) + _msgpack_array(channel, count) for count in range(_READY_HEADS)]

    def join(entries: Sequence[bytes]) -> bytes:
        count = len(entries)
        head = heads[count] if count < _READY_HEADS else _msgpack_head(kind, 2) + _msgpack_array(channel, count)
        return head + b"".join(entries)

    return join


def _msgpack_frame(kind: Kind, by_channel: Mapping[str, Sequence[bytes]]) -> bytes:
    parts = [_msgpack_head(kind, 1 + len(by_channel))]
    for channel, entries in by_channel.items():
        parts += [_msgpack_array(channel, len(entries)), *entries]
    return b"".join(parts)


_READY_HEADS = 64
_FIXMAP, _ARRAY_16 = 0x80, b"\xdc"
_pack = msgspec.msgpack.encode


def _msgpack_head(kind: Kind, keys: int) -> bytes:
    return bytes([_FIXMAP | keys]) + _pack("type") + _pack(kind)


def _msgpack_array(channel: str, count: int) -> bytes:
    return _pack(channel) + _ARRAY_16 + count.to_bytes(2, "big")


JSON = Wire("tickmesh.json", is_text=True, encode=msgspec.json.encode, joiner=_json_joiner, frame=_json_frame)
MSGPACK = Wire(
    "tickmesh.msgpack", is_text=False, encode=msgspec.msgpack.encode, joiner=_msgpack_joiner, frame=_msgpack_frame
)
WIRES = {wire.subprotocol: wire for wire in (JSON, MSGPACK)}
