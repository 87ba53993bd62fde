"""`WS /stream`: the shell around a session. It lets a client in, then reads its commands until either side ends it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable
from typing import cast

from litestar.exceptions import WebSocketDisconnect, WebSocketException
from msgspec import UNSET

from gateway.accounts import TokenError, counted_address
from gateway.live.admission import Admission, Admitted, Refusal
from gateway.live.close_codes import CloseCode
from gateway.live.commands import (
    AnyCommand,
    Auth,
    CommandError,
    Ping,
    Rate,
    Reconnect,
    Snapshot,
    Subscribe,
    Unsubscribe,
    UnwatchAlerts,
    UnwatchPortfolio,
    WatchAlerts,
    WatchPortfolio,
)
from gateway.live.messages import Authenticated, Error, Pong
from gateway.live.outlet import AnySocket, Outlet, TooSlowError
from gateway.live.reception import Reception
from gateway.live.session import Session
from gateway.live.socket import Socket
from gateway.live.token_bucket import TokenBucket
from gateway.live.wire import Wire

_logger = logging.getLogger(__name__)

_BURST_S = 2  # a client may send the commands of so long at once: a page opens with several
_MAX_REFUSED_AT_ONCE = 500
_MAX_REFUSED_IN_A_ROW = 200  # in a row: whoever goes on is not waiting as it was told
_GONE = (WebSocketDisconnect, WebSocketException, OSError)  # what is raised to whoever talks to a client that left
_FAILED = 4500  # as Litestar closes a WebSocket whose handler fails


class CloseStream(Exception):  # noqa: N818  # an instruction, not an error
    """End the stream with a code and a reason."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def serve(socket: Socket, reception: Reception) -> Awaitable[None]:
    """Serve one client from the handshake to the close."""
    headers = dict(socket.scope["headers"])
    if not reception.origins.allows(_text(headers.get(b"origin")), _text(headers.get(b"host"))):
        return socket.close()  # before it is accepted: the answer is 403
    client = socket.scope["client"]
    address = counted_address(client[0] if client else None)
    admitted = reception.admission.arrive(address, asyncio.get_running_loop().time())
    if isinstance(admitted, Refusal):
        return _turn_away(socket, reception.admission, admitted)
    return Stream(socket, reception, admitted).serve()


class Stream:
    """One admitted client. While it is quiet nothing is kept of its handshake, nor of its last command."""

    __slots__ = ("_expiry", "_hub", "_reception", "_refused_commands", "_session", "_socket")

    def __init__(self, socket: Socket, reception: Reception, admitted: Admitted) -> None:
        self._socket = socket
        self._reception = reception
        self._hub = reception.hub
        wire = socket.offered_wire
        rate = reception.settings.commands_per_s
        self._session = Session(
            wire=wire,
            outlet=_outlet(socket, wire),
            fan_out=reception.fan_outs[wire.subprotocol],
            admitted=admitted,
            commands=TokenBucket(rate, max(1.0, rate * _BURST_S)),
            heard_s=asyncio.get_running_loop().time(),
        )
        self._refused_commands = 0
        self._expiry: asyncio.TimerHandle | None = None

    async def serve(self) -> None:
        """Let the client in, then carry out commands until it leaves or is sent away."""
        try:
            await self._let_in()
            while True:
                await self._obey(await self._read())
        except CloseStream as close:
            await self._close(close.code, str(close))
        except TooSlowError as error:
            await self._close(CloseCode.TRY_AGAIN_LATER, str(error))
        except _GONE:
            pass  # it needs no answer
        except Exception:
            _logger.exception("a stream failed")
            with contextlib.suppress(*_GONE):
                await self._socket.close(_FAILED, "Internal Server Error")
        finally:
            self._end()
            await self._reception.leave(self._session)

    async def _let_in(self) -> None:
        """Accept the client when it is its turn, authenticate and greet it."""
        wait_s = self._session.admitted.wait_s
        if wait_s:
            await asyncio.sleep(wait_s)
        token = self._socket.offered_token
        await self._socket.accept(self._session.wire)
        await self._authenticated(token)
        self._hub.welcome(self._session)

    async def _close(self, code: CloseCode, reason: str) -> None:
        with contextlib.suppress(*_GONE):
            await self._session.outlet.closed(code, reason)

    def _end(self) -> None:
        """Give back all that the client had."""
        if self._expiry is not None:
            self._expiry.cancel()
        self._hub.close(self._session)

    async def _authenticated(self, token: str | None) -> None:
        """Let in who has a token, from the subprotocols or the first message."""
        if token is not None:
            self._admit_or_close(token)
            return
        timeout_s = self._reception.settings.auth_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    command = await self._read()
                    if isinstance(command, Auth):
                        self._admit_or_close(command.token)
                        return
                    if command is not None:
                        self._refuse(Error("unauthenticated", 'the first message must be {"action":"auth","token":…}'))
        except TimeoutError:
            raise CloseStream(CloseCode.AUTH_TIMEOUT, f"no token came within {timeout_s:g} s") from None

    def _admit_or_close(self, token: str) -> None:
        """Let the client in until its first token expires; a bad one ends the stream."""
        try:
            refusal = self._admit(token)
        except TokenError as error:
            self._refuse(Error(error.code, error.detail))
            raise CloseStream(CloseCode.UNAUTHENTICATED, error.code) from None
        if refusal is not None:
            self._refuse(_error(refusal))
            raise CloseStream(refusal.close_code, refusal.message)

    def _renew(self, token: str) -> None:
        """Take a further token; a bad one changes nothing: the stream goes on until the one it has expires."""
        try:
            refusal = self._admit(token)
        except TokenError as error:
            self._refuse(Error(error.code, error.detail))
            return
        if refusal is None:
            self._session.answer(Authenticated())
        else:
            self._refuse(_error(refusal))

    def _admit(self, token: str) -> Refusal | None:
        """Let the client in until its token expires, or say why its user may not. Raises TokenError."""
        principal = self._reception.accounts.authenticate(token)
        refusal = self._reception.admission.prove(self._session.admitted, principal.user_id)
        if refusal is None:
            if self._expiry is not None:
                self._expiry.cancel()
            left_s = max(0.0, principal.expires_at_s - time.time())
            self._expiry = asyncio.get_running_loop().call_later(left_s, self._expire)
        return refusal

    def _expire(self) -> None:
        with contextlib.suppress(TooSlowError):
            self._refuse(Error("token_expired", "the access token has expired; get a new one and connect again"))
        self._session.outlet.close(CloseCode.UNAUTHENTICATED, "token_expired")

    async def _obey(self, command: AnyCommand | None) -> None:
        session, watching = self._session, self._hub.watching
        match command:
            case Subscribe(symbols, channel, rate):
                await watching.subscribe(session, channel, symbols, rate)
            case Unsubscribe(symbols, channel):
                watching.unsubscribe(session, channel, symbols)
            case Reconnect(last_seen, epoch, channel, rate):
                await watching.reconnect(session, channel, last_seen, epoch, rate)
            case Snapshot(symbols, channel):
                await watching.snapshot(session, channel, symbols)
            case Rate(rate):
                self._hub.pace(session, rate)
            case WatchPortfolio() | UnwatchPortfolio() | WatchAlerts() | UnwatchAlerts():
                await self._reception.obey(session, command)
            case Ping():
                session.answer(Pong())
            case Auth(token):
                self._renew(token)
            case None:
                pass  # it was answered with an error

    async def _read(self) -> AnyCommand | None:
        """Read one command; what is none, or one too many, is answered with an error, and is None."""
        await self._session.outlet.room()
        event = await self._socket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(detail="the client left")
        if event["type"] != "websocket.receive" or self._is_too_often():
            return None
        try:
            return self._session.wire.read(event.get("text"), event.get("bytes"))
        except CommandError as error:
            self._refuse(Error(error.code, str(error)))
            return None

    def _is_too_often(self) -> bool:
        now_s = asyncio.get_running_loop().time()
        self._session.heard_s = now_s
        wait_s = self._session.commands.take(now_s)
        if wait_s == 0:
            self._refused_commands = 0
            return False
        self._refused_commands += 1
        if self._refused_commands > _MAX_REFUSED_IN_A_ROW:
            raise CloseStream(CloseCode.POLICY, "too many commands")
        rate = self._reception.settings.commands_per_s
        message = f"a client sends at most {rate:g} commands a second; this one was not carried out"
        self._refuse(Error("too_many_commands", message, retry_after_ms=int(1000 * wait_s) + 1))
        return True

    def _refuse(self, error: Error) -> None:
        self._reception.metrics.refused_commands.labels(error.code).inc()
        self._session.answer(error)


async def _turn_away(socket: Socket, admission: Admission, refusal: Refusal) -> None:
    """Say why: a browser's page can see neither the status nor the headers of a handshake that failed.

    To many at once that is too much work; then the handshake is simply refused, with 403.
    """
    if admission.being_refused >= _MAX_REFUSED_AT_ONCE:
        await socket.close()
        return
    admission.being_refused += 1
    try:
        wire = socket.offered_wire
        outlet = _outlet(socket, wire)
        await socket.accept(wire)
        outlet.put(wire.encode(_error(refusal)))
        await outlet.closed(refusal.close_code, refusal.message)
    except _GONE:
        pass  # it needs no answer
    finally:
        admission.being_refused -= 1


def _outlet(socket: Socket, wire: Wire) -> Outlet:
    return Outlet(cast(AnySocket, socket), wire)  # of Litestar's WebSocket it uses what a Socket has


def _text(header: bytes | None) -> str | None:
    return None if header is None else header.decode("latin-1")


def _error(refusal: Refusal) -> Error:
    retry_after_ms = UNSET if refusal.retry_after_ms is None else refusal.retry_after_ms
    return Error(refusal.code, refusal.message, retry_after_ms=retry_after_ms)
