"""`WS /stream`: the shell around a session. One task reads commands, one sends; either ends both."""

import asyncio
import contextlib
import time
from typing import Any

from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect, WebSocketException

from gateway.accounts import AccountsService, TokenError
from gateway.live.close_codes import CloseCode
from gateway.live.commands import AnyCommand, Auth, CommandError, Ping, Reconnect, Subscribe, Unsubscribe
from gateway.live.direct_send import direct_send_of
from gateway.live.hub import Hub
from gateway.live.session import Session, TooSlowError
from gateway.live.wire import JSON, WIRES, Wire

BEARER = "bearer."
_TIMER_STEP_S = 0.001  # uvloop counts whole milliseconds: a timer may fire, or seem to, that much before its time

AnySocket = WebSocket[Any, Any, Any]


class CloseStream(Exception):  # noqa: N818  # an instruction, not an error
    """End the stream with a code and a reason."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Stream:
    """Serves one client from the handshake to the close."""

    def __init__(
        self, socket: AnySocket, hub: Hub, accounts: AccountsService, auth_timeout_s: float, frame_interval_s: float
    ) -> None:
        self._socket = socket
        self._hub = hub
        self._accounts = accounts
        self._auth_timeout_s = auth_timeout_s
        self._frame_interval_s = frame_interval_s
        self._session: Session
        self._send_directly = direct_send_of(socket.scope)
        self._expiry: asyncio.TimerHandle | None = None
        self._expired = asyncio.Event()

    async def serve(self) -> None:
        """Accept, authenticate, then read and send until either side ends it."""
        offered = self._socket.scope["subprotocols"]
        wire, token = _offered(offered)
        # A client drops a connection that agrees to a subprotocol it never offered.
        await self._socket.accept(subprotocols=wire.subprotocol if wire.subprotocol in offered else None)
        self._session = self._hub.open(wire)
        try:
            await self._authenticated(token)
            self._hub.welcome(self._session)
            await self._both_ways()
        except CloseStream as close:
            await self._send_waiting()
            await self._close(close.code, str(close))
        except (WebSocketDisconnect, WebSocketException, ConnectionError):
            pass  # the client is gone, and needs no answer
        finally:
            if self._expiry is not None:
                self._expiry.cancel()
            self._hub.close(self._session)

    async def _authenticated(self, token: str | None) -> None:
        """Let in who has a token, from the subprotocols or the first message."""
        if token is not None:
            self._admit_or_close(token)
            return
        try:
            async with asyncio.timeout(self._auth_timeout_s):
                while True:
                    command = await self._read()
                    if isinstance(command, Auth):
                        self._admit_or_close(command.token)
                        return
                    if command is not None:
                        self._refuse("unauthenticated", 'the first message must be {"action":"auth","token":…}')
                    await self._send_waiting()
        except TimeoutError:
            reason = f"no token came within {self._auth_timeout_s:g} s"
            raise CloseStream(CloseCode.AUTH_TIMEOUT, reason) from None

    def _admit_or_close(self, token: str) -> None:
        """Let the client in until its first token expires; a bad one ends the stream."""
        try:
            self._admit(token)
        except TokenError as error:
            self._refuse(error.code, error.detail)
            raise CloseStream(CloseCode.UNAUTHENTICATED, error.code) from None

    def _renew(self, token: str) -> None:
        """Take a further token; a bad one changes nothing: the stream goes on until the one it has expires."""
        try:
            self._admit(token)
        except TokenError as error:
            self._refuse(error.code, error.detail)
        else:
            self._session.answer({"type": "authenticated"})

    def _admit(self, token: str) -> None:
        """Let the client in until its token expires. Raises TokenError."""
        principal = self._accounts.authenticate(token)
        if self._expiry is not None:
            self._expiry.cancel()
        left_s = max(0.0, principal.expires_at_s - time.time())
        self._expiry = asyncio.get_running_loop().call_later(left_s, self._expire)

    def _expire(self) -> None:
        self._expired.set()
        self._session.wake.set()

    async def _both_ways(self) -> None:
        sending = asyncio.create_task(self._send_for_ever())
        reading = asyncio.create_task(self._read_for_ever())
        try:
            done, _ = await asyncio.wait({sending, reading}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, reading):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task
        for task in done:
            task.result()  # raises what ended it

    async def _read_for_ever(self) -> None:
        while True:
            try:
                await self._session.room.wait()
                command = await self._read()
                if command is not None:
                    await self._obey(command)
            except TooSlowError as error:
                raise CloseStream(CloseCode.TRY_AGAIN_LATER, str(error)) from None

    async def _obey(self, command: AnyCommand) -> None:
        hub, session = self._hub, self._session
        match command:
            case Subscribe(symbols):
                await hub.subscribe(session, symbols)
            case Unsubscribe(symbols):
                hub.unsubscribe(session, symbols)
            case Reconnect(last_seen):
                await hub.reconnect(session, last_seen)
            case Ping():
                session.answer({"type": "pong"})
            case Auth(token):
                self._renew(token)

    async def _read(self) -> AnyCommand | None:
        """Read one command; what is none is answered with an error, and is None."""
        event = await self._socket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(detail="the client left")
        if event["type"] != "websocket.receive":
            return None
        try:
            return self._session.wire.read(event.get("text"), event.get("bytes"))
        except CommandError as error:
            self._refuse(error.code, str(error))
            return None

    def _refuse(self, code: str, message: str) -> None:
        self._hub.metrics.refused_commands.labels(code).inc()
        self._session.answer({"type": "error", "code": code, "message": message})

    async def _send_for_ever(self) -> None:
        """Send answers at once, and what changed in one frame, no oftener than the client's interval."""
        session, loop = self._session, asyncio.get_running_loop()
        free_at_s, timer_set = 0.0, False

        def interval_over() -> None:
            nonlocal timer_set
            timer_set = False
            session.wake.set()

        while True:
            await session.wake.wait()
            session.wake.clear()
            await self._send_waiting()
            if self._expired.is_set():
                self._refuse("token_expired", "the access token has expired; get a new one and connect again")
                raise CloseStream(CloseCode.UNAUTHENTICATED, "token_expired")
            if session.is_stuck:
                raise CloseStream(CloseCode.TRY_AGAIN_LATER, "the client does not read")
            if not session.has_updates:
                continue
            now_s = loop.time()
            if now_s < free_at_s - _TIMER_STEP_S:
                if not timer_set:
                    timer_set = True
                    loop.call_at(free_at_s, interval_over)
                continue
            free_at_s = now_s + self._frame_interval_s
            frame = self._hub.frame(session)
            if frame is not None:
                await self._send(frame)

    async def _send_waiting(self) -> None:
        """Send the answers, those too that come meanwhile: an update must not overtake its snapshot."""
        while answers := self._session.take_answers():
            for message in answers:
                await self._send(message)

    async def _send(self, message: bytes) -> None:
        is_text = self._session.wire.is_text
        if self._send_directly is not None and self._send_directly(message, is_text):
            return
        if is_text:
            await self._socket.send_data(message.decode(), mode="text", encoding="utf-8")
        else:
            await self._socket.send_data(message, mode="binary")

    async def _close(self, code: CloseCode, reason: str) -> None:
        with contextlib.suppress(WebSocketException, RuntimeError, ConnectionError):
            await self._socket.close(code=code, reason=reason[:120])


def _offered(subprotocols: list[str]) -> tuple[Wire, str | None]:
    """Read the encoding and the token that the client offers; JSON and no token by default."""
    wires = [WIRES[each] for each in subprotocols if each in WIRES]
    tokens = [each.removeprefix(BEARER) for each in subprotocols if each.startswith(BEARER)]
    return (wires[0] if wires else JSON), (tokens[0] if tokens else None)
