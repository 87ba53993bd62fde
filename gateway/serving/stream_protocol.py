"""uvicorn's WebSocket with bounds: on what a client may flood us with, and on how long any close may take."""

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from uvicorn.protocols.utils import ClientDisconnected
from websockets.frames import Frame
from websockets.protocol import State

from gateway.live.close_codes import CloseCode
from gateway.live.direct_send import DirectSendProtocol
from gateway.live.token_bucket import TokenBucket
from gateway.serving.handshake import Headers, agreement
from gateway.serving.timing import Alarm, reset
from gateway.serving.waiting import Gate, Inbox

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent, WebSocketAcceptEvent

CLOSE_TIMEOUT_S = 2.0
"""How long a client may take to read a close and to answer it; then its connection is reset."""

CONTROL_FRAMES_PER_S = 20.0
CONTROL_FRAMES_BURST = 40
"""Pings and pongs from a client. A keepalive sends one in some seconds; each costs a parse and an answer."""

MAX_FRAGMENTS = 1024
"""Of one message: 64 bytes in each make the largest. An empty one adds nothing to the size, and costs as much."""

_PIECE_BYTES = 1 << 10  # parsed at a time: 170 frames at most, so that few come after the one that is too many
_NOT_UTF_8 = 1007  # RFC 6455, 7.4.1


class StreamProtocol(DirectSendProtocol):
    """WebSocket whose clients can neither flood it with frames nor keep it from closing."""

    __slots__ = (
        "_accept_key",
        "_control_frames",
        "_end",
        "_has_failed",
        "_inbox",
        "_unread",
        # uvicorn's own: with more than 30 attributes in its `__dict__` an object has a hash table of its own, 1.6 KB.
        "app",
        "app_state",
        "asgi_version",
        "config",
        "connections",
        "default_headers",
        "logger",
        "loop",
        "root_path",
        "tasks",
    )

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401  # uvicorn's own, passed on
        super().__init__(*arguments, **named)
        self._control_frames = TokenBucket(CONTROL_FRAMES_PER_S, CONTROL_FRAMES_BURST)
        self._end = Alarm(CLOSE_TIMEOUT_S, self._cut_off)
        self._unread = bytearray()
        self._has_failed = False
        self._accept_key: bytes | None = None
        self._inbox: Inbox[ASGIReceiveEvent] = Inbox()
        self.queue = self._inbox  # type: ignore[assignment]  # it has what uvicorn uses of a queue
        self.writable = Gate()  # type: ignore[assignment]  # the same of an event

    # How it begins

    def open(self, url: bytes, headers: Headers, accept_key: bytes) -> None:
        """Begin with a handshake that is plainly right, as uvicorn does with one that it has the library read."""
        self._accept_key = accept_key
        self.handshake_initiated = True
        path, _, query = url.partition(b"?")
        offered = [value.decode("latin-1") for name, value in headers if name == b"sec-websocket-protocol"]
        self.scope = {
            "type": "websocket",
            "asgi": {"version": self.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": self.scheme,
            "server": self.server,
            "client": self.client,
            "root_path": self.root_path,
            "path": self.root_path + unquote(path.decode("ascii")),
            "raw_path": self.root_path.encode("ascii") + path,
            "query_string": query,
            "headers": headers,
            "subprotocols": [each.strip() for value in offered for each in value.split(",")],
            "state": self.app_state.copy(),
            "extensions": {"websocket.http.response": {}},
        }
        self.queue.put_nowait({"type": "websocket.connect"})
        task = self.loop.create_task(self.run_asgi())
        task.add_done_callback(self.on_task_complete)
        self.tasks.add(task)

    def _agree(self, message: "WebSocketAcceptEvent", accept_key: bytes) -> None:
        headers = [*self.default_headers, *message.get("headers", ())]
        subprotocol = message.get("subprotocol")
        if subprotocol:
            headers.append((b"Sec-WebSocket-Protocol", subprotocol.encode("latin-1")))
        if not self.transport.is_closing():
            self.handshake_complete = True
            self.conn.state = State.OPEN
            self.transport.write(agreement(accept_key, headers))
            self.start_keepalive()

    def _begin_frames(self) -> None:
        """Read what comes now, and keep nothing of the handshake: the library's parser holds the request, some KB."""
        self.conn.parser = self.conn.parse()
        next(self.conn.parser)
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self._parse_unread()

    # What comes in

    def data_received(self, data: bytes) -> None:
        """Parse no more than the application reads: the rest waits, and the client with it."""
        if not self._has_failed:
            self._unread += data
            if self._is_shaking_hands and not self.read_paused:
                self.read_paused = True
                self.transport.pause_reading()
            self._parse_unread()

    async def receive(self) -> "ASGIReceiveEvent":
        """Give the application a message, and make room for the next."""
        while self._inbox.empty():
            await self._inbox.arrival()
        event = self._inbox.take()
        if self.read_paused and self._inbox.empty():
            self.read_paused = False
            self.transport.resume_reading()
        self._parse_unread()
        return event

    @property
    def _is_shaking_hands(self) -> bool:
        """Whether a handshake waits for our answer: frames that come before it have to wait, too."""
        return self.handshake_initiated and not self.handshake_complete

    def _parse_unread(self) -> None:
        while self._unread and not (self.read_paused or self._is_shaking_hands or self.transport.is_closing()):
            piece = bytes(self._unread[:_PIECE_BYTES])
            del self._unread[:_PIECE_BYTES]
            super().data_received(piece)
        if self.conn.handshake_exc and not self.handshake_initiated and not self.transport.is_closing():
            # The library has its refusal ready, but uvicorn, who saw no request, would leave it there.
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def handle_ping(self) -> None:
        """Answer, unless there are too many."""
        if self._may_control():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Take an answer, unless there are too many."""
        if self._may_control():
            super().handle_pong(event)

    def _may_control(self) -> bool:
        if self._control_frames.take(self.loop.time()) > 0:
            self._fail(CloseCode.POLICY, "too many control frames")
        return not self._has_failed

    def handle_cont(self, event: Frame) -> None:
        """Add a fragment, unless there are too many."""
        if len(self.frames) < MAX_FRAGMENTS:
            super().handle_cont(event)
        else:
            self._fail(CloseCode.POLICY, "too many fragments")

    def send_receive_event_to_app(self) -> None:
        """Pass a message on, if it is text where it says so."""
        if self.curr_msg_data_type == "text" and not _is_utf_8(b"".join(self.frames)):
            self._fail(_NOT_UTF_8, "text that is not UTF-8")
        else:
            super().send_receive_event_to_app()

    def _fail(self, code: int, reason: str) -> None:
        if not self._has_failed:
            self.conn.fail(code, reason)
            self.handle_parser_exception()

    # How it ends

    async def send(self, message: "ASGISendEvent") -> None:
        """Send what the application has; a close waits for no client."""
        if self._has_failed:
            raise ClientDisconnected
        is_close = message["type"] == "websocket.close"
        if is_close:
            self.writable.set()
        was_shaking_hands = self._is_shaking_hands
        if message["type"] == "websocket.accept" and was_shaking_hands and self._accept_key is not None:
            self._agree(message, self._accept_key)
        else:
            await super().send(message)
        if was_shaking_hands and self.conn.state is State.OPEN:
            self._begin_frames()
        if is_close:
            self._end.set()
            self._parse_unread()

    def handle_parser_exception(self) -> None:
        """Close for a fault of the client's, and read no more of what it sends."""
        self._has_failed = True
        self._unread.clear()
        close = self.conn.close_sent
        if close is not None:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self._end.set()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        # Not closed: with something unread the kernel would reset the connection, and the client might not see why.
        # It closes when the client does, or is reset; a timer of uvicorn's own tells it that this is under way.
        self.transport.write_eof()
        self.close_timer = self.loop.call_later(CLOSE_TIMEOUT_S, self.transport.close)

    def handle_close(self, event: Frame) -> None:
        """End as the client wishes."""
        if not self._has_failed:
            super().handle_close(event)
            self._end.set()

    def keepalive_timeout(self) -> None:
        """End with a client that is gone."""
        super().keepalive_timeout()
        self._end.set()

    def eof_received(self) -> None:
        """End with a client that says no more."""
        self._end.set()

    async def run_asgi(self) -> None:
        """Run the application; the end of it is the connection's."""
        await super().run_asgi()
        if not self.disconnected:
            self._end.set()

    def _cut_off(self) -> None:
        reset(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._end.cancel()
        super().connection_lost(exc)


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
