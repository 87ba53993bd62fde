"""uvicorn's HTTP with bounds: on how long a client may keep us waiting, and on the head of a request."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from gateway.serving.config import ServingConfig
from gateway.serving.handshake import accept_key
from gateway.serving.stream_protocol import StreamProtocol
from gateway.serving.timing import Alarm, reset

MAX_HEAD_BYTES = 32 << 10
"""Of a request, about: what comes in one read may add to it. A token and cookies are some 4 KiB."""


class HttpProtocol(HttpToolsProtocol):
    """HTTP that closes on a client of whom no whole request comes, or who reads no answer, for `handshake_timeout_s`.

    A handshake of a WebSocket is such a request. Between two of them uvicorn's own bound holds, of 5 s.
    """

    def __init__(
        self,
        config: ServingConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._overdue = Alarm(config.handshake_timeout_s, self._on_overdue)
        self._stalled = Alarm(config.handshake_timeout_s, lambda: reset(self.transport))
        self._head_bytes: int | None = 0  # None while no head is being read

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Expect a request."""
        super().connection_made(transport)
        self._overdue.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect no more."""
        self._overdue.cancel()
        self._stalled.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless a head has no end."""
        super().data_received(data)
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        """Bound the time of this request, the first of its connection or a later one."""
        super().on_message_begin()
        self._head_bytes = 0
        self._overdue.set()

    def on_headers_complete(self) -> None:
        """Count no further."""
        self._head_bytes = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Leave the answer as much time as it takes."""
        self._overdue.cancel()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over with the request as it is: uvicorn would write it out, to be read once more."""
        key = accept_key(self.scope["method"], self.scope["http_version"], self.url, self.headers)
        if key is None:
            super().handle_websocket_upgrade()
            return
        self.connections.discard(self)
        protocol = StreamProtocol(config=self.config, server_state=self.server_state, app_state=self.app_state)
        protocol.connection_made(self.transport)
        protocol.open(self.url, self.headers, key)
        self.transport.set_protocol(protocol)

    def pause_writing(self) -> None:
        """Bound how long an answer may wait to be read."""
        super().pause_writing()
        self._stalled.set()

    def resume_writing(self) -> None:
        """Go on: it is being read."""
        self._stalled.cancel()
        super().resume_writing()

    def _on_overdue(self) -> None:
        if self.flow.read_paused:  # the rest may be there: it is we who do not read
            self._overdue.set()
        else:
            self.transport.close()
