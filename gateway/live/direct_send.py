"""A direct way from a session to its socket: one framed message, one non-blocking system call.

Through ASGI a message of some hundred bytes costs 3 to 6 us of processor time before the kernel sees it: an event, an
await, a frame object, a buffered write. `DirectSendProtocol` is uvicorn's own WebSocket protocol, which also offers
the application, as the ASGI extension `tickmesh.direct_send`, a function that frames a message itself and writes it.

It only ever takes the whole way or none of it: where bytes still wait to be written, or the connection is not plainly
open, it declines, and the caller sends as ASGI has it. So nothing overtakes, and pings and closes stay uvicorn's.
"""

import os
from collections.abc import Mapping
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION = "tickmesh.direct_send"

_TEXT, _BINARY = b"\x81", b"\x82"  # FIN and the opcode: RFC 6455, 5.2


class DirectSend:
    """The direct way of one connection: `send(message, is_text)`."""

    __slots__ = ("_is_closing", "_protocol", "_waiting_bytes", "descriptor")

    def __init__(self, protocol: WebSocketsSansIOProtocol) -> None:
        transport = protocol.transport
        self._protocol = protocol
        self._is_closing, self._waiting_bytes = transport.is_closing, transport.get_write_buffer_size
        self.descriptor: int = transport.get_extra_info("socket").fileno()

    def __call__(self, message: bytes, is_text: bool) -> bool:
        """Send a message; True when it is on its way, False when it is the caller's to send."""
        protocol = self._protocol
        # Closing comes first: once closed, the descriptor may be another connection's.
        if self._is_closing() or protocol.close_sent or not protocol.handshake_complete or self._waiting_bytes():
            return False
        data = frame(message, is_text)
        try:
            written = os.write(self.descriptor, data)
        except OSError:
            return False  # full, or failed: the transport will find out which
        if written < len(data):
            # The rest of a frame must come before anything else; the transport keeps that order from here on.
            protocol.transport.write(memoryview(data)[written:])
        return True


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
    if length < 126:
        return opcode + length.to_bytes(1, "big") + message
    if length < 1 << 16:
        return opcode + b"\x7e" + length.to_bytes(2, "big") + message
    return opcode + b"\x7f" + length.to_bytes(8, "big") + message


def direct_send_of(scope: Mapping[str, Any]) -> DirectSend | None:
    """Find the extension in a connection's scope; None under TLS, with compression, or with another server."""
    return cast(DirectSend | None, (scope.get("extensions") or {}).get(EXTENSION))
