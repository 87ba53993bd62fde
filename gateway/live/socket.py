"""A stream's end of its ASGI connection: what Litestar's WebSocket would be to it, in less time and memory."""

from typing import TYPE_CHECKING

from litestar.exceptions import WebSocketDisconnect

from gateway.live.wire import JSON, WIRES, Wire

if TYPE_CHECKING:
    from litestar.types import Receive, Send, WebSocketReceiveMessage, WebSocketScope

BEARER = "bearer."


class Socket:
    """Receives and sends a stream's events. Once the client has left, either raises WebSocketDisconnect."""

    __slots__ = ("_has_left", "_receive", "_send", "scope")

    def __init__(self, scope: "WebSocketScope", receive: "Receive", send: "Send") -> None:
        self.scope = scope
        """What was said in the handshake; empty once it is accepted."""
        self._receive = receive
        self._send = send
        self._has_left = False

    @property
    def offered_wire(self) -> Wire:
        """The first encoding that the client offers; JSON by default."""
        return next((WIRES[each] for each in self.scope["subprotocols"] if each in WIRES), JSON)

    @property
    def offered_token(self) -> str | None:
        """The token that the client brings with its handshake, if it does."""
        offered = self.scope["subprotocols"]
        return next((each.removeprefix(BEARER) for each in offered if each.startswith(BEARER)), None)

    async def accept(self, wire: Wire) -> None:
        """Accept the handshake, and forget it: it is some kilobytes a client, and nobody asks for it again."""
        # A client drops a connection that agrees to a subprotocol it never offered.
        subprotocol = wire.subprotocol if wire.subprotocol in self.scope["subprotocols"] else None
        await self._receive()  # "websocket.connect", as ASGI has it
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})
        self.scope.clear()  # type: ignore[attr-defined]  # mypy has no clear() for a TypedDict

    async def receive(self) -> "WebSocketReceiveMessage":
        """Wait for the next event; the last is `websocket.disconnect`."""
        self._expect_client()
        event: WebSocketReceiveMessage = await self._receive()  # type: ignore[assignment]  # of a WebSocket
        self._has_left = event["type"] == "websocket.disconnect"
        return event

    async def send_data(self, data: str | bytes, mode: str, encoding: str = "utf-8") -> None:
        """Send a message, as `text` or `binary`."""
        self._expect_client()
        if mode == "text":
            text = data if isinstance(data, str) else data.decode(encoding)
            await self._send({"type": "websocket.send", "bytes": None, "text": text})
        else:
            whole = data if isinstance(data, bytes) else data.encode(encoding)
            await self._send({"type": "websocket.send", "bytes": whole, "text": None})

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close; before it is accepted this refuses the handshake, with 403."""
        self._expect_client()
        await self._send({"type": "websocket.close", "code": code, "reason": reason})

    def _expect_client(self) -> None:
        if self._has_left:
            raise WebSocketDisconnect(detail="the client left")
