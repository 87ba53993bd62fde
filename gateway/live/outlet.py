"""The way out to one client: frames that may be skipped, and answers that may not."""

import asyncio
import contextlib
from collections import deque
from typing import Any

from litestar import WebSocket
from litestar.exceptions import WebSocketException

from gateway.live.close_codes import CloseCode
from gateway.live.direct_send import direct_send_of
from gateway.live.wire import Wire

MAX_WAITING_BYTES = 2 << 20
PAUSE_AT_BYTES = 1 << 18  # with one more command, of 1,000 symbols, it stays below the bound
_CLOSE_TIMEOUT_S = 2.0
_REASON_BYTES = 120  # a close frame holds 123

AnySocket = WebSocket[Any, Any, Any]


class TooSlowError(Exception):
    """The client does not read its answers; it is to be closed and may reconnect."""


class Outlet:
    """Writes to one socket: directly while it takes everything at once, else through ASGI, in order."""

    def __init__(self, socket: AnySocket, wire: Wire) -> None:
        self._socket = socket
        self._is_text = wire.is_text
        self.direct = direct_send_of(socket.scope)
        self._write = self.direct.writer(wire.is_text) if self.direct is not None else None
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._pump: asyncio.Task[None] | None = None
        self._room: asyncio.Event | None = None
        self._closing: asyncio.Task[None] | None = None
        self.offer = self._write or self._offer_slowly

    def put(self, message: bytes) -> None:
        """Send a message that must arrive, after those put before; raises TooSlowError at the bound."""
        if self._closing is not None:
            return
        if self._pump is None and self._write is not None and self._write(message):
            return
        if self._waiting_bytes + len(message) > MAX_WAITING_BYTES:
            raise TooSlowError(f"{self._waiting_bytes} bytes of answers wait to be read")
        self._enqueue(message)

    async def room(self) -> None:
        """Wait until so little waits that one more command may be read."""
        if self._waiting_bytes >= PAUSE_AT_BYTES:
            self._room = asyncio.Event()
            await self._room.wait()

    def close(self, code: CloseCode, reason: str) -> None:
        """Close, after what was put before; whoever reads the socket then sees the end."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._end(code, reason))
            self._hold(True)

    async def closed(self, code: CloseCode, reason: str) -> None:
        """Close, and wait until that is done."""
        self.close(code, reason)
        if self._closing is not None:
            await self._closing

    def _offer_slowly(self, frame: bytes) -> bool:
        """Take a frame if none waits; False, and nothing taken, if one does."""
        if self._closing is not None or self._pump is not None:
            return False
        self._enqueue(frame)
        return True

    def _enqueue(self, message: bytes) -> None:
        self._waiting.append(message)
        self._waiting_bytes += len(message)
        if self._pump is None:
            self._hold(True)  # a frame must not overtake what waits
            self._pump = asyncio.ensure_future(self._send_waiting())

    async def _send_waiting(self) -> None:
        try:
            while self._waiting:
                message = self._waiting.popleft()
                self._waiting_bytes -= len(message)
                if self._is_text:
                    await self._socket.send_data(message.decode(), mode="text", encoding="utf-8")
                else:
                    await self._socket.send_data(message, mode="binary")
                if self._room is not None and self._waiting_bytes < PAUSE_AT_BYTES:
                    self._room.set()
                    self._room = None
        except (WebSocketException, RuntimeError, OSError):
            self._waiting.clear()  # the client is gone; whoever reads the socket sees it too
            self._waiting_bytes = 0
        finally:
            if self._room is not None:
                self._room.set()
            self._pump = None
            self._hold(self._closing is not None)

    async def _end(self, code: CloseCode, reason: str) -> None:
        """Close in order, or, where the client reads nothing, not."""
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                if self._pump is not None:
                    await asyncio.shield(self._pump)
                with contextlib.suppress(WebSocketException, RuntimeError, OSError):
                    await self._socket.close(code=code, reason=reason.encode()[:_REASON_BYTES].decode(errors="ignore"))
        except TimeoutError:
            if self.direct is not None:
                self.direct.abort()
            if self._pump is not None:
                self._pump.cancel()

    def _hold(self, is_held: bool) -> None:
        if self.direct is not None:
            self.direct.hold(is_held)
