"""What the worker shows of its portfolios: valued when asked, published while watched, and at each close."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from market.ledger.account import Changes
from mesh.actor.lease import Lease
from mesh.calendars import Calendars
from mesh.connection import Connection
from mesh.directory import Directory
from workers.portfolio.closes import Closes
from workers.portfolio.now import PortfolioNowServer
from workers.portfolio.owned import Owned
from workers.portfolio.prices import HeldPrices
from workers.portfolio.stores import Stores
from workers.portfolio.watch import PortfolioWatch


class Showing:
    """See `workers.portfolio.shell.Follower`."""

    def __init__(
        self, client: Connection, directory: Directory, calendars: Calendars, stores: Stores, partitions: int
    ) -> None:
        self._directory = directory
        self._prices = HeldPrices(client, directory, stores.cache)
        self._owned = Owned(stores.positions, self._prices)
        self._now = PortfolioNowServer(client, self._owned, self._prices, partitions)
        self._watch = PortfolioWatch(client, self._owned, self._prices)
        self._closes = Closes(directory, calendars, stores.candles, stores.ledger, stores.days)
        client.on_reconnect(directory.reconnected)
        client.on_reconnect(self._prices.refresh_all)

    async def run(self) -> None:
        """Follow prices and publish what is watched, while the task lives."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._directory.follow(), name="directory")
            tasks.create_task(self._prices.run(), name="prices")
            tasks.create_task(self._watch.run(), name="watch")
            tasks.create_task(
                self._closes.run(lambda: self._owned.partitions, lambda: self._prices.venues), name="closes"
            )

    async def opened(self, partition: int, lease: Lease) -> None:
        """Read a partition, then answer for it; raises PostgresAway."""
        await self._owned.opened(partition, lease)
        self._now.opened(partition)
        await self._watch.opened(partition)

    def committing(self, partition: int, portfolios: Sequence[UUID]) -> None:
        """Hear that these are about to change."""
        self._owned.committing(partition, portfolios)

    def committed(self, partition: int, changes: Sequence[Changes]) -> None:
        """Hear what changed, before anybody is answered."""
        self._owned.committed(partition, changes)

    async def closed(self, partition: int) -> None:
        """Answer for a partition no more."""
        self._now.closed(partition)
        await self._watch.closed(partition)
        await self._owned.closed(partition)

    def figures(self) -> Mapping[str, object]:
        """Say what is held, asked and watched, for the heartbeat."""
        return {
            "portfolios": self._owned.portfolios,
            "prices": self._prices.subscriptions,
            "price_updates": self._prices.updates,
            "valuations": self._now.answers,
            "valuations_from_tables": self._now.from_tables,
            "watched": self._watch.watched,
            "watched_refused": self._watch.refused,
            "watched_sent": self._watch.published,
            "days_made": self._closes.made,
        }
