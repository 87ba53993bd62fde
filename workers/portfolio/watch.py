"""Watched portfolios, each published four times a second at most, and only when something of it changed."""

import asyncio
import logging
import time
from dataclasses import dataclass
from uuid import UUID

import msgspec
import numpy as np
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from market import subjects
from market.portfolio.delta import delta
from market.portfolio.holders import Holders
from market.portfolio.valuation import Body
from mesh.connection import Connection
from mesh.pool import PostgresAway
from mesh.portfolio_now import FORGOTTEN_AFTER_S, PortfolioMessage, Watched
from workers.portfolio.owned import Owned, OwnedPartition
from workers.portfolio.prices import HeldPrices, Numbers
from workers.portfolio.valued import valued

_logger = logging.getLogger(__name__)

_WINDOW_S = 0.25
_REST = 4  # times as long as the work took: a fifth of a core at most
MAX_WATCHED = 50_000  # of a partition; more are left unwatched, and counted


@dataclass(slots=True)
class _Portfolio:
    """A watched portfolio: when it was last said to be, and what was last published of it."""

    heard_s: float
    n: int
    sent: Body | None = None
    is_whole_due: bool = True


class _Partition:
    """The watched portfolios of one partition, and who of them holds what."""

    def __init__(self) -> None:
        self.portfolios: dict[UUID, _Portfolio] = {}
        self.due: set[UUID] = set()
        self.refused = 0
        self._by_row: dict[int, UUID] = {}
        self._holders: Holders | None = None

    def heard(self, watched: Watched, now_s: float, first_n: int) -> None:
        """Note what somebody watches, and of what somebody needs all."""
        for portfolio in watched.watched:
            if portfolio in self.portfolios:
                self.portfolios[portfolio].heard_s = now_s
            elif len(self.portfolios) < MAX_WATCHED:
                self.portfolios[portfolio] = _Portfolio(now_s, first_n)
                self.due.add(portfolio)
                self._holders = None
            else:
                self.refused += 1
        for portfolio in watched.whole:
            if portfolio in self.portfolios:
                self.portfolios[portfolio].is_whole_due = True
                self.due.add(portfolio)

    def forget(self, now_s: float) -> None:
        """Let go what nobody has said for long."""
        for portfolio, each in list(self.portfolios.items()):
            if now_s - each.heard_s > FORGOTTEN_AFTER_S:
                self.drop(portfolio)

    def drop(self, portfolio: UUID) -> None:
        """Watch a portfolio no more."""
        del self.portfolios[portfolio]
        self._holders = None

    def note(self, owned: OwnedPartition, numbers: Numbers) -> None:
        """Find the portfolios that changed since the last time, by a commit or by the prices of `numbers`."""
        changed = owned.changed & self.portfolios.keys()
        owned.changed.clear()
        if changed or self._holders is None:
            rows = {portfolio: owned.positions.row(portfolio.bytes) for portfolio in self.portfolios}
            self._by_row = {row: portfolio for portfolio, row in rows.items() if row is not None}
            self._holders = Holders(*owned.positions.instruments(np.array(sorted(self._by_row), np.intp)))
        self.due |= changed
        self.due.update(self._by_row[row] for row in self._holders.of(numbers).tolist())


class PortfolioWatch:
    """Hears on `portfoliowatch.<partition>` what is watched, and publishes it on `portfolio.<id>`."""

    def __init__(self, client: Connection, owned: Owned, prices: HeldPrices) -> None:
        self.published = 0
        self._client = client
        self._owned = owned
        self._prices = prices
        self._partitions: dict[int, _Partition] = {}
        self._subscriptions: dict[int, Subscription] = {}
        self._changed: list[Numbers] = []
        self._highest_n = 0
        prices.on_changed(self._prices_changed)

    @property
    def watched(self) -> int:
        """How many portfolios are watched."""
        return sum(len(each.portfolios) for each in self._partitions.values())

    @property
    def refused(self) -> int:
        """How many times more portfolios were to be watched than may be."""
        return sum(each.refused for each in self._partitions.values())

    async def opened(self, partition: int) -> None:
        """Begin to hear what is watched of a partition."""
        watched = self._partitions[partition] = _Partition()

        async def heard(message: Msg) -> None:
            try:
                # A number that was never used: nobody takes what follows for a continuation.
                watched.heard(Watched.decode(message.data), time.monotonic(), self._highest_n)
            except msgspec.DecodeError as error:
                _logger.warning("what is watched of partition %d cannot be read: %s", partition, error)

        self._subscriptions[partition] = await self._client.subscribe(subjects.portfolio_watch(partition), cb=heard)

    async def closed(self, partition: int) -> None:
        """Publish nothing of it any more."""
        self._partitions.pop(partition, None)
        subscription = self._subscriptions.pop(partition, None)
        if subscription is not None and self._client.is_connected:
            await subscription.unsubscribe()

    async def run(self) -> None:
        """Publish while the task lives."""
        while True:
            began_s = time.monotonic()
            numbers = np.unique(np.concatenate([np.zeros(0, np.intp), *self._changed]))
            self._changed = []
            for partition, watched in list(self._partitions.items()):
                watched.forget(began_s)
                owned = self._owned.get(partition)
                if owned is not None and watched.portfolios:
                    watched.note(owned, numbers)
                    await self._publish_due(partition, owned, watched)
                elif owned is not None:
                    owned.changed.clear()
            took_s = time.monotonic() - began_s
            await asyncio.sleep(max(_WINDOW_S - took_s, _REST * took_s))

    def _prices_changed(self, numbers: Numbers) -> None:
        if self.watched:
            self._changed.append(numbers)

    async def _publish_due(self, partition: int, owned: OwnedPartition, watched: _Partition) -> None:
        due, watched.due = watched.due, set()
        for portfolio in due & watched.portfolios.keys():
            if not owned.is_sure(portfolio) or not self._client.is_connected:
                watched.due.add(portfolio)  # until it is known again, by whoever owns it then
                continue
            try:
                whole = await self._owned.whole(partition, portfolio)
            except PostgresAway:
                watched.due.add(portfolio)
                continue
            each = watched.portfolios.get(portfolio)
            if whole is None:
                watched.drop(portfolio)
                await self._tell(portfolio, PortfolioMessage(owned.fence, self._highest_n + 1, True, {}))
            elif each is not None and owned.is_sure(portfolio):
                await self._publish(owned.fence, portfolio, each, valued(whole, self._prices))

    async def _publish(self, fence: int, portfolio: UUID, each: _Portfolio, body: Body) -> None:
        changed = body if each.is_whole_due or each.sent is None else delta(each.sent, body)
        if changed is None:
            return
        each.n += 1
        each.sent, each.is_whole_due, is_whole = body, False, changed is body
        await self._tell(portfolio, PortfolioMessage(fence, each.n, is_whole, changed))

    async def _tell(self, portfolio: UUID, message: PortfolioMessage) -> None:
        self.published += 1
        self._highest_n = max(self._highest_n, message.n)
        await self._client.publish(subjects.portfolio(portfolio), message.encode())
