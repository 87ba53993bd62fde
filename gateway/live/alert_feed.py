"""Alerts on the stream: what fired, to each session that watches its user's, at once and until it was seen.

    worker ──alert.fired.<user>.<alert>──▶ feed ──alert_fired──▶ every session of that user that watches
    Postgres ────────── unseen ──────────▶ feed ──alerts───────▶ whoever begins, or may have missed some

What the limit of an hour keeps back is many at a time and nobody's news: one of a transaction is heard and stands for
all of it, and `alerts` tells what there is, once a second at most.

Nothing is lost with a connection, the client's or ours to NATS: what was not seen is told again by the next `alerts`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from gateway.live.close_codes import CloseCode
from gateway.live.commands import UnwatchAlerts, WatchAlerts
from gateway.live.messages import AlertFired, Alerts, AlertsUnwatched, Error, Firing, Message
from gateway.live.outlet import TooSlowError
from gateway.live.session import Session
from market import subjects
from market.alerts.alert import Outcome
from mesh.connection import Connection
from mesh.pool import PostgresAway

_logger = logging.getLogger(__name__)

_RETRY_AFTER_MS = 1000
_AGAIN_S = 1.0
_FLUSH_S = 2

Unseen = Callable[[UUID], Awaitable[Alerts]]
"""Reads what of a user's has fired and was not seen; raises PostgresAway."""


@dataclass(slots=True)
class _Watched:
    """A user whose alerts somebody watches here."""

    subscription: Subscription | None = None
    sessions: set[Session] = field(default_factory=set)
    waiting: dict[Session, list[Firing]] = field(default_factory=dict)
    """The one of them whose `alerts` is being read, with what fired meanwhile."""
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


class AlertFeed:
    """All users whose alerts are watched at this gateway."""

    def __init__(self, connection: Connection, unseen: Unseen, flush_s: int = _FLUSH_S) -> None:
        self._connection = connection
        self._flush_s = flush_s
        self._unseen = unseen
        self._watched: dict[UUID, _Watched] = {}
        self._behind: set[Session] = set()
        self._is_any_behind = asyncio.Event()

    async def run(self) -> None:
        """Tell those who do not know all that fired what was not seen, while the task lives."""
        while True:
            await self._is_any_behind.wait()
            self._is_any_behind.clear()
            for session in list(self._behind):
                await self._catch_up(session)
            await asyncio.sleep(_AGAIN_S)
            if self._behind:
                self._is_any_behind.set()

    def refresh(self) -> None:
        """Have everybody told anew what was not seen: some may have fired unheard while NATS was away."""
        for watched in self._watched.values():
            self._behind |= watched.sessions
        self._is_any_behind.set()

    async def obey(self, session: Session, command: WatchAlerts | UnwatchAlerts) -> None:
        """Carry out a command about alerts."""
        if isinstance(command, WatchAlerts):
            await self.watch(session)
        else:
            await self.leave(session)
            session.answer(AlertsUnwatched())

    async def watch(self, session: Session) -> None:
        """Send what was not seen, and then each that fires; once more, for a session that does watch."""
        user = session.admitted.user
        if user is None:
            return  # it has left
        watched = self._watched.setdefault(user, _Watched())
        watched.sessions.add(session)  # before anything is awaited: whoever leaves last unsubscribes
        session.alerts = True
        try:
            async with watched.reading:
                if watched.subscription is None:
                    watched.subscription = await self._connection.subscribe(subjects.alerts_fired(user), cb=self._hear)
                    await self._connection.flush(self._flush_s)  # what fires from now on is heard
                await self._begin(user, watched, session)
        except (PostgresAway, NatsError, TimeoutError) as error:
            _logger.debug("alerts cannot be watched: %s", str(error) or type(error).__name__)
            await self.leave(session)
            detail = "alerts cannot be read just now"
            session.answer(Error("alerts_unavailable", detail, alerts=True, retry_after_ms=_RETRY_AFTER_MS))

    async def leave(self, session: Session) -> None:
        """Take a session off its user's alerts, if it is on."""
        user, session.alerts = session.admitted.user, False
        watched = None if user is None else self._watched.get(user)
        if user is None or watched is None:
            return
        watched.sessions.discard(session)
        watched.waiting.pop(session, None)
        self._behind.discard(session)
        if not watched.sessions:
            del self._watched[user]
            if watched.subscription is not None:
                with contextlib.suppress(NatsError):  # NATS is being left
                    await watched.subscription.unsubscribe()

    async def _catch_up(self, session: Session) -> None:
        """Tell a session what was not seen; where the tables are away it stays behind."""
        user = session.admitted.user
        watched = None if user is None else self._watched.get(user)
        self._behind.discard(session)  # before the tables are read: what fires from then on is another reason
        if user is None or watched is None:
            return
        try:
            async with watched.reading:
                await self._begin(user, watched, session)
        except PostgresAway:
            if session in watched.sessions:
                self._behind.add(session)

    async def _begin(self, user: UUID, watched: _Watched, session: Session) -> None:
        """Send what was not seen, and after it what fires meanwhile. Raises PostgresAway."""
        meanwhile = watched.waiting[session] = []
        try:
            unseen = await self._unseen(user)
        finally:
            watched.waiting.pop(session, None)
        if session not in watched.sessions:
            return
        told = {each.id for each in unseen.firings}
        self._send(session, unseen)
        for firing in meanwhile:
            if firing.id not in told:
                self._send(session, AlertFired(firing))

    async def _hear(self, message: Msg) -> None:
        try:
            user = UUID(message.subject.split(".")[2])
            firing = msgspec.msgpack.decode(message.data, type=Firing)
        except (IndexError, ValueError, msgspec.DecodeError) as error:
            _logger.warning("a firing cannot be read: %s", error)
            return
        watched = self._watched.get(user)
        if watched is None:
            return  # nobody watches any more
        if firing.outcome == Outcome.LIMIT:
            self._behind |= watched.sessions
            self._is_any_behind.set()
            return
        for session in list(watched.sessions):
            if session in watched.waiting:
                watched.waiting[session].append(firing)
            else:
                self._send(session, AlertFired(firing))

    @staticmethod
    def _send(session: Session, message: Message) -> None:
        """Send, in order; who reads so little that it has no room is closed, and told again when it comes back."""
        try:
            session.answer(message)
        except TooSlowError as error:
            session.outlet.close(CloseCode.TRY_AGAIN_LATER, str(error))
