"""A direct way from a session to its socket: one framed message, one non-blocking system call.

Through ASGI a message of some hundred bytes costs 3 to 6 us of processor time before the kernel sees it: an event, an
await, a frame object, a buffered write. `DirectSendProtocol` is uvicorn's own WebSocket protocol, which also offers
the application, as the ASGI extension `tickmesh.direct_send`, a function that frames a message itself and writes it.

It only ever takes the whole way or none of it: where bytes still wait to be written, or the connection is not plainly
open, it declines, and the caller sends as ASGI has it. So nothing overtakes, and pings and closes stay uvicorn's.
Whoever writes to thousands asks none of them: each tells when its way opens and closes, and the descriptor to write to.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

EXTENSION = "tickmesh.direct_send"

_TEXT, _BINARY = b"\x81", b"\x82"  # FIN and the opcode: RFC 6455, 5.2
_SHORT, _LONG = 126, 1 << 16  # messages from these lengths on have a length of two, and of eight bytes
_TWO_BYTES, _EIGHT_BYTES = b"\x7e", b"\x7f"

Write = Callable[[bytes], bool]


class DirectSend:
    """The direct way of one connection, open while nothing waits to be written and no close has begun."""

    __slots__ = ("_descriptor", "_is_held", "_is_paused", "_on_change", "_protocol", "is_open")

    def __init__(self, protocol: WebSocketsSansIOProtocol) -> None:
        self._protocol = protocol
        self._descriptor: int = protocol.transport.get_extra_info("socket").fileno()
        self._on_change: Callable[[int], object] | None = None
        self._is_held = False
        self._is_paused = False
        self.is_open = False

    def attend(self, on_change: Callable[[int], object] | None) -> None:
        """Tell somebody the descriptor to write frames to, now and whenever it changes: less than 0, to none."""
        self._on_change = on_change
        self._tell()

    def hold(self, is_held: bool) -> None:
        """Close the way while the application itself has something to send first."""
        self._is_held = is_held
        self.look()

    def pause(self, is_paused: bool) -> None:
        """Close the way while the transport has something to write first."""
        self._is_paused = is_paused
        self.look()

    def look(self) -> None:
        """See whether the way is open, after anything that may change it."""
        protocol = self._protocol
        is_open = not (self._is_held or self._is_paused or protocol.transport.is_closing())
        is_open = is_open and protocol.conn.state is State.OPEN
        if is_open != self.is_open:
            self.is_open = is_open
            self._tell()

    def finish(self, rest: bytes) -> None:
        """Write the rest of a frame that was written in part: it must come before anything else."""
        self._protocol.transport.write(rest)

    def abort(self) -> None:
        """Drop the connection at once, with what waits to be written."""
        self._protocol.transport.abort()

    def writer(self, is_text: bool) -> Write:
        """Give the function that writes whole messages of one kind.

        It answers True when a message is on its way, and False when it is the caller's to send.
        """

        def send(message: bytes) -> bool:
            if not self.is_open:
                return False
            data = frame(message, is_text)
            try:
                written = os.write(self._descriptor, data)
            except OSError:
                return False  # full, or failed: the transport will find out which
            if written < len(data):
                self.finish(data[written:])
            return True

        return send

    def _tell(self) -> None:
        if self._on_change is not None:
            self._on_change(self._descriptor if self.is_open else -1)


class _Watched:
    """A transport whose every use that may close the direct way is seen."""

    __slots__ = ("_direct", "_transport")

    def __init__(self, transport: asyncio.Transport, direct: DirectSend) -> None:
        self._transport = transport
        self._direct = direct

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._transport.write(data)
        self._direct.look()  # it may have been a close frame

    def write_eof(self) -> None:
        self._transport.write_eof()
        self._direct.look()

    def close(self) -> None:
        self._transport.close()
        self._direct.look()

    def abort(self) -> None:
        self._transport.abort()
        self._direct.look()


class DirectSendProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol on websockets' sans-I/O core, with the extension; give it to uvicorn as `ws=`."""

    _direct: DirectSend | None = None

    async def run_asgi(self) -> None:
        """Run the application with the extension in its scope, where the connection is plain TCP, uncompressed."""
        if self.scheme == "ws" and not self.config.ws_per_message_deflate:
            # So it says whenever something waits to be written, and when nothing does any more.
            self.transport.set_write_buffer_limits(high=0)
            self._direct = DirectSend(self)
            self.transport = cast(asyncio.Transport, _Watched(self.transport, self._direct))
            cast(dict[str, Any], self.scope["extensions"])[EXTENSION] = self._direct
        await super().run_asgi()

    def pause_writing(self) -> None:
        """Note that something waits to be written."""
        super().pause_writing()
        if self._direct is not None:
            self._direct.pause(True)

    def resume_writing(self) -> None:
        """Note that nothing waits any more."""
        super().resume_writing()
        if self._direct is not None:
            self._direct.pause(False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the direct way: both event loops close the descriptor only after this."""
        if self._direct is not None:
            self._direct.look()
        super().connection_lost(exc)


def frame(message: bytes, is_text: bool) -> bytes:
    """Frame a whole message as a server does, unmasked (RFC 6455, 5.2)."""
    length = len(message)
    opcode = _TEXT if is_text else _BINARY
    if length < _SHORT:
        return opcode + length.to_bytes(1, "big") + message
    if length < _LONG:
        return opcode + _TWO_BYTES + length.to_bytes(2, "big") + message
    return opcode + _EIGHT_BYTES + length.to_bytes(8, "big") + message


def direct_send_of(scope: Mapping[str, Any]) -> DirectSend | None:
    """Find the extension in a connection's scope; None under TLS, with compression, or with another server."""
    return cast(DirectSend | None, (scope.get("extensions") or {}).get(EXTENSION))
