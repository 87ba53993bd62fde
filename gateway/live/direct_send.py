"""A direct way from a session to its socket: one framed message, one non-blocking system call.

Through ASGI a message of some hundred bytes costs 3 to 6 us of processor time before the kernel sees it: an event, an
await, a frame object, a buffered write. `DirectSendProtocol` is uvicorn's own WebSocket protocol, which also offers
the application, as the ASGI extension `tickmesh.direct_send`, a function that frames a message itself and writes it.

It only ever takes the whole way or none of it: where bytes still wait to be written, or the connection is not plainly
open, it declines, and the caller sends as ASGI has it. So nothing overtakes, and pings and closes stay uvicorn's.
"""

import os
from asyncio import Transport
from collections.abc import Callable, Mapping
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION = "tickmesh.direct_send"

DirectSend = Callable[[bytes, bool], bool]
"""`send(message, is_text)`: True when the message is on its way, False when it is the caller's to send."""

_TEXT, _BINARY = b"\x81", b"\x82"  # FIN and the opcode: RFC 6455, 5.2
_LENGTH_16, _LENGTH_64 = b"\x7e", b"\x7f"


class DirectSendProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol on websockets' sans-I/O core, with the extension; give it to uvicorn as `ws=`."""

    async def run_asgi(self) -> None:
        """Run the application with the extension in its scope, where the connection is plain TCP, uncompressed."""
        if self.scheme == "ws" and not self.config.ws_per_message_deflate:
            extensions = cast(dict[str, Any], self.scope["extensions"])
            extensions[EXTENSION] = self._send_directly
        await super().run_asgi()

    def _send_directly(self, message: bytes, is_text: bool) -> bool:
        transport = self.transport
        if self.close_sent or self.disconnected or not self.handshake_complete or transport.is_closing():
            return False
        if transport.get_write_buffer_size():
            return False
        data = frame(message, is_text=is_text)
        written = _write(transport, data)
        if 0 < written < len(data):
            # The rest of a frame must come before anything else; the transport keeps that order from here on.
            transport.write(memoryview(data)[written:])
        return written > 0


def frame(message: bytes, *, is_text: bool) -> bytes:
    """Frame a whole message as a server does, unmasked (RFC 6455, 5.2)."""
    length = len(message)
    opcode = _TEXT if is_text else _BINARY
    if length < 126:
        return b"".join((opcode, length.to_bytes(1, "big"), message))
    if length < 1 << 16:
        return b"".join((opcode, _LENGTH_16, length.to_bytes(2, "big"), message))
    return b"".join((opcode, _LENGTH_64, length.to_bytes(8, "big"), message))


def direct_send_of(scope: Mapping[str, Any]) -> DirectSend | None:
    """Find the extension in a connection's scope; None under TLS, with compression, or with another server."""
    return cast(DirectSend | None, (scope.get("extensions") or {}).get(EXTENSION))


def _write(transport: Transport, data: bytes) -> int:
    """Write what the kernel takes now; 0 where it takes nothing, or fails: the transport will find that out itself."""
    try:
        return os.write(transport.get_extra_info("socket").fileno(), data)
    except OSError:
        return 0
