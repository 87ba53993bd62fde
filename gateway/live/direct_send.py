"""A direct way from a session to its socket: one framed message, one non-blocking system call.

Through ASGI a message of some hundred bytes costs 3 to 6 us of processor time before the kernel sees it: an event, an
await, a frame object, a buffered write. `DirectSendProtocol` is uvicorn's own WebSocket protocol, which also offers
the application, as the ASGI extension `tickmesh.direct_send`, a function that frames a message itself and writes it.

It only ever takes the whole way or none of it: where bytes still wait to be written, or the connection is not plainly
open, it declines, and the caller sends as ASGI has it. So nothing overtakes, and pings and closes stay uvicorn's.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION = "tickmesh.direct_send"

_TEXT, _BINARY = b"\x81", b"\x82"  # FIN and the opcode: RFC 6455, 5.2
_SHORT, _LONG = 126, 1 << 16  # messages from these lengths on have a length of two, and of eight bytes
_TWO_BYTES, _EIGHT_BYTES = b"\x7e", b"\x7f"

Write = Callable[[bytes], bool]


class DirectSend:
    """The direct way of one connection."""

    __slots__ = ("_protocol", "descriptor", "is_held")

    def __init__(self, protocol: WebSocketsSansIOProtocol) -> None:
        self._protocol = protocol
        self.descriptor: int = protocol.transport.get_extra_info("socket").fileno()
        self.is_held = False
        """Set while the application itself has something to send first."""

    def abort(self) -> None:
        """Drop the connection at once, with what waits to be written."""
        self._protocol.transport.abort()

    def writer(self, is_text: bool) -> Write:
        """Give the function that writes whole messages of one kind, once the handshake is done.

        It answers True when a message is on its way, and False when it is the caller's to send.
        """
        protocol, descriptor, write = self._protocol, self.descriptor, os.write
        transport = protocol.transport
        is_closing, waiting_bytes = transport.is_closing, transport.get_write_buffer_size
        opcode = _TEXT if is_text else _BINARY
        two_bytes = opcode + _TWO_BYTES

        def send(message: bytes) -> bool:
            # Closing comes first: once closed, the descriptor may be another connection's.
            if is_closing() or self.is_held or protocol.close_sent or waiting_bytes():
                return False
            length = len(message)
            if _SHORT <= length < _LONG:
                data = two_bytes + length.to_bytes(2, "big") + message
            else:
                data = frame(message, is_text)
            try:
                written = write(descriptor, data)
            except OSError:
                return False  # full, or failed: the transport will find out which
            if written < len(data):
                # The rest of a frame must come before anything else; the transport keeps that order from here on.
                transport.write(memoryview(data)[written:])
            return True

        return send


class DirectSendProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol on websockets' sans-I/O core, with the extension; give it to uvicorn as `ws=`."""

    async def run_asgi(self) -> None:
        """Run the application with the extension in its scope, where the connection is plain TCP, uncompressed."""
        if self.scheme == "ws" and not self.config.ws_per_message_deflate:
            extensions = cast(dict[str, Any], self.scope["extensions"])
            extensions[EXTENSION] = DirectSend(self)
        await super().run_asgi()


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
