"""Portfolios on the stream: what they are worth, passed on from their owners while somebody watches.

    owner ──portfolio.<id>, at most 4/s──▶ feed ──whole, then changes──▶ every session that watches it
      ▲                                      │
      └──── portfoliowatch.<p>, every 5 s ───┘  which are watched here, and of which the whole is wanted now

Every message is the whole portfolio, or what changed since the one before. A session that cannot take one is sent the
whole next, and nothing of what was in between.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from gateway.live.commands import UnwatchPortfolio, WatchPortfolio
from gateway.live.messages import Error, PortfolioImage, PortfolioUnwatched, PortfolioUpdate
from gateway.live.outlet import TooSlowError
from gateway.live.session import Session
from gateway.live.wire import WIRES
from market import subjects
from mesh import portfolio_now
from mesh.connection import Connection
from mesh.portfolio_now import WATCH_EVERY_S, PortfolioMessage, Watched, read_message

_logger = logging.getLogger(__name__)

MAX_PER_CONNECTION = 20
_ANSWER_S = 1.0
_GATHER_S = 0.05  # wholes that are wanted within so long are asked for at once
_RETRY_AFTER_MS = 1000


@dataclass(slots=True)
class _Shown:
    """A portfolio that somebody watches here."""

    user: UUID
    subscription: Subscription | None = None
    epoch: int = -1
    number: int = -1
    """Of its owner's last message."""
    sessions: set[Session] = field(default_factory=set)
    behind: set[Session] = field(default_factory=set)
    """Those of them that are to be sent the whole."""


class PortfolioFeed:
    """All portfolios that are watched at this gateway."""

    def __init__(self, connection: Connection, partitions: int, answer_s: float = _ANSWER_S) -> None:
        self._connection = connection
        self._partitions = partitions
        self._answer_s = answer_s
        self._shown: dict[UUID, _Shown] = {}
        self._wanted: set[UUID] = set()
        self._beating: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Tell owners what is watched, while the task lives."""
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            await self._beat()

    async def obey(self, session: Session, command: WatchPortfolio | UnwatchPortfolio) -> None:
        """Carry out a command about a portfolio."""
        if isinstance(command, WatchPortfolio):
            await self.watch(session, command.portfolio)
        else:
            await self.unwatch(session, command.portfolio)

    async def watch(self, session: Session, text: str) -> None:
        """Send a portfolio whole, and then what changes of it."""
        user = session.admitted.user
        portfolio = _read_id(text)
        if portfolio is not None and portfolio in session.portfolios:
            self._want(session, portfolio)
        elif len(session.portfolios) >= MAX_PER_CONNECTION:
            detail = f"a connection watches at most {MAX_PER_CONNECTION} portfolios"
            session.answer(Error("too_many_portfolios", detail, portfolio=text))
        elif portfolio is None or user is None:
            session.answer(_unknown(text))
        else:
            await self._begin(session, user, portfolio)

    async def unwatch(self, session: Session, text: str) -> None:
        """Send no more of a portfolio."""
        portfolio = _read_id(text)
        if portfolio is None or portfolio not in session.portfolios:
            session.answer(_unknown(text))
            return
        await self._end(session, portfolio)
        session.answer(PortfolioUnwatched(str(portfolio)))

    async def leave(self, session: Session) -> None:
        """Take a session off all that it watched."""
        for portfolio in list(session.portfolios):
            await self._end(session, portfolio)

    async def refresh(self) -> None:
        """Ask for everything anew: changes may have been missed while NATS was away."""
        for portfolio, shown in self._shown.items():
            self._fall_behind(portfolio, shown)

    async def _begin(self, session: Session, user: UUID, portfolio: UUID) -> None:
        partition = subjects.partition_of_user(user, self._partitions)
        answer = await portfolio_now.ask(self._connection, partition, user, portfolio, self._answer_s)
        if answer is None:
            detail = "portfolios cannot be reached just now"
            error = Error("portfolios_unavailable", detail, portfolio=str(portfolio), retry_after_ms=_RETRY_AFTER_MS)
            session.answer(error)
            return
        if answer == portfolio_now.NOT_FOUND:
            session.answer(_unknown(str(portfolio)))
            return
        session.portfolios.add(portfolio)
        shown = self._shown.setdefault(portfolio, _Shown(user))
        is_first = not shown.sessions
        shown.sessions.add(session)  # before anything is awaited: whoever leaves last unsubscribes
        self._want(session, portfolio)
        if is_first:
            shown.subscription = await self._connection.subscribe(subjects.portfolio(portfolio), cb=self._hear)

    async def _end(self, session: Session, portfolio: UUID) -> None:
        session.portfolios.discard(portfolio)
        shown = self._shown.get(portfolio)
        if shown is None:
            return
        shown.sessions.discard(session)
        shown.behind.discard(session)
        if not shown.sessions:
            del self._shown[portfolio]
            if shown.subscription is not None and self._connection.is_connected:
                await shown.subscription.unsubscribe()

    def _want(self, session: Session, portfolio: UUID) -> None:
        self._shown[portfolio].behind.add(session)
        self._ask_for(portfolio)

    def _fall_behind(self, portfolio: UUID, shown: _Shown) -> None:
        shown.behind |= shown.sessions
        self._ask_for(portfolio)

    def _ask_for(self, portfolio: UUID) -> None:
        """Have the whole of a portfolio sent: what is wanted within a moment is asked for at once."""
        if not self._wanted:
            asyncio.get_running_loop().call_later(_GATHER_S, self._beat_soon)
        self._wanted.add(portfolio)

    def _beat_soon(self) -> None:
        self._beating = asyncio.ensure_future(self._beat())

    async def _beat(self) -> None:
        """Tell each owner what is watched of its partition, and of what the whole is wanted."""
        wanted = {portfolio for portfolio, shown in self._shown.items() if shown.behind}
        self._wanted.clear()
        by_partition: defaultdict[int, list[UUID]] = defaultdict(list)
        for portfolio, shown in self._shown.items():
            by_partition[subjects.partition_of_user(shown.user, self._partitions)].append(portfolio)
        try:
            for partition, watched in by_partition.items():
                beat = Watched(watched, [each for each in watched if each in wanted])
                await self._connection.publish(subjects.portfolio_watch(partition), beat.encode())
        except NatsError as error:
            _logger.debug("no owner was told what is watched: %s", str(error) or type(error).__name__)

    async def _hear(self, message: Msg) -> None:
        try:
            portfolio = UUID(message.subject.rpartition(".")[2])
            heard = read_message(message.data)
        except (ValueError, msgspec.DecodeError) as error:
            _logger.warning("a portfolio's message cannot be read: %s", error)
            return
        shown = self._shown.get(portfolio)
        if shown is None or heard.epoch < shown.epoch:
            return  # nobody watches it any more, or its owner is none any more
        if not heard.valuation:
            await self._close(portfolio, shown)
            return
        is_next = (heard.epoch, heard.n) == (shown.epoch, shown.number + 1)
        shown.epoch, shown.number = heard.epoch, heard.n
        if heard.whole:
            self._send(shown, shown.sessions, heard)
        elif is_next:
            self._send(shown, shown.sessions - shown.behind, heard)
        else:
            self._fall_behind(portfolio, shown)
        if shown.behind:
            self._ask_for(portfolio)

    async def _close(self, portfolio: UUID, shown: _Shown) -> None:
        """Tell all who watch a portfolio that there is none any more."""
        for session in list(shown.sessions):
            await self._end(session, portfolio)
            with contextlib.suppress(TooSlowError):  # it is closed by whoever reads its commands
                session.answer(_unknown(str(portfolio)))

    def _send(self, shown: _Shown, sessions: Iterable[Session], heard: PortfolioMessage) -> None:
        """Send what was heard, encoded once for each encoding; who cannot take it is behind."""
        kind = PortfolioImage if heard.whole else PortfolioUpdate
        frames: dict[str, bytes] = {}
        for session in list(sessions):
            name = session.wire.subprotocol
            if name not in frames:
                frames[name] = WIRES[name].encode(kind(heard.n, heard.valuation))
            if session.outlet.offer(frames[name]):
                shown.behind.discard(session)
            else:
                shown.behind.add(session)


def _read_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _unknown(text: str) -> Error:
    return Error("unknown_portfolio", "there is no such portfolio", portfolio=text[:80])
