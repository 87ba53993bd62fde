"""A server's end of a WebSocket, in memory: what is written arrives in one list, by whichever way it went."""

import asyncio
from collections.abc import Callable
from typing import Any

from litestar import WebSocket
from litestar.types import Message

from gateway.live.direct_send import EXTENSION


class TinyDirect:
    """The direct way: it takes whole messages while there is room and nothing is held back."""

    def __init__(self, arrived: list[str | bytes]) -> None:
        self.has_room = True
        self.is_held = False
        self.is_aborted = False
        self._arrived = arrived

    def writer(self, is_text: bool) -> Callable[[bytes], bool]:
        def send(message: bytes) -> bool:
            if not self.has_room or self.is_held:
                return False
            self._arrived.append(message.decode() if is_text else message)
            return True

        return send

    def hold(self, is_held: bool) -> None:
        self.is_held = is_held

    def attend(self, on_change: Callable[[int], object] | None) -> None:
        """Have no descriptor: frames come through the writer."""

    def abort(self) -> None:
        self.is_aborted = True


class TinySocket:
    """The plain way: it waits while `is_open` is not set, and fails once the client is gone."""

    def __init__(self, *, is_direct: bool = True) -> None:
        self.arrived: list[str | bytes] = []
        self.closes: list[tuple[int, str]] = []
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.is_gone = False
        self.direct = TinyDirect(self.arrived)
        extensions: dict[str, Any] = {EXTENSION: self.direct} if is_direct else {}
        scope: Any = {"type": "websocket", "extensions": extensions, "headers": [], "subprotocols": []}
        self.socket: WebSocket[Any, Any, Any] = WebSocket(scope, self._receive, self._send)
        self.socket.connection_state = "receive"

    def stick(self) -> None:
        """Take nothing more, by either way."""
        self.direct.has_room = False
        self.is_open.clear()

    def flow(self) -> None:
        """Take everything again."""
        self.direct.has_room = True
        self.is_open.set()

    async def _receive(self) -> Any:  # noqa: ANN401  # an ASGI event
        return await asyncio.get_running_loop().create_future()

    async def _send(self, event: Message) -> None:
        await self.is_open.wait()
        if self.is_gone:
            raise OSError("the client is gone")  # as ASGI has it
        if event["type"] == "websocket.close":
            self.closes.append((event["code"], event["reason"] or ""))
        elif event["type"] == "websocket.send":
            text, data = event["text"], event["bytes"]
            self.arrived.append(text if text is not None else data or b"")
