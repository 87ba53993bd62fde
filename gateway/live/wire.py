"""The two encodings of the stream, JSON text and msgpack binary, of the same messages. Pure.

An update is encoded once and shared by every client of that encoding; a frame of updates only joins the pieces.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from gateway.live.commands import AnyCommand, CommandError, read_json, read_msgpack

Message = dict[str, object]


@dataclass(frozen=True, slots=True)
class Wire:
    """One encoding, named by its WebSocket subprotocol."""

    subprotocol: str
    is_text: bool
    encode: Callable[[Message], bytes]
    frame_of_updates: Callable[[Sequence[bytes]], bytes]
    """Join encoded updates into one `{"type":"update","updates":[…]}`."""

    def read(self, text: str | None, data: bytes | None) -> AnyCommand:
        """Read a received message; raises CommandError, also where it is of the other kind."""
        if self.is_text:
            if text is None:
                raise CommandError("wrong_frame", f"{self.subprotocol} takes text messages, this one is binary")
            return read_json(text)
        if data is None:
            raise CommandError("wrong_frame", f"{self.subprotocol} takes binary messages, this one is text")
        return read_msgpack(data)


_FIXMAP_2 = b"\x82"
_UPDATE_HEAD = _FIXMAP_2 + b"".join(map(msgspec.msgpack.encode, ("type", "update", "updates")))
_ARRAY_16 = b"\xdc"


def _json_updates(updates: Sequence[bytes]) -> bytes:
    return b'{"type":"update","updates":[%s]}' % b",".join(updates)


def _msgpack_updates(updates: Sequence[bytes]) -> bytes:
    return b"".join((_UPDATE_HEAD, _ARRAY_16, len(updates).to_bytes(2, "big"), *updates))


JSON = Wire("tickmesh.json", is_text=True, encode=msgspec.json.encode, frame_of_updates=_json_updates)
MSGPACK = Wire("tickmesh.msgpack", is_text=False, encode=msgspec.msgpack.encode, frame_of_updates=_msgpack_updates)
WIRES = {wire.subprotocol: wire for wire in (JSON, MSGPACK)}
