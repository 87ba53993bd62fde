"""What is kept of alerts, and for how long: an hour apart, a portion after the other, on a connection of its own.

Whoever owns a partition sees to its alerts, once its index has what changed before; firings and notifications are of
users, and the owner of partition 0 sees to those of all.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]  # it ships no annotations

from mesh.alerts.retention import (
    PORTION,
    forget_alerts,
    forget_changes,
    forget_firings,
    forget_notifications,
    next_stretch,
    next_users,
)
from mesh.pool import Connection, Pool, PostgresAway

_logger = logging.getLogger(__name__)

LEAST_FIRINGS = 100
_EVERY_S, _AGAIN_S = 3600.0, 60.0
_APART_S = 0.2  # between portions: the tables are everybody else's first
_USERS = 100
_WITHIN_S = 30.0
_BEFORE_ALL = UUID(int=0)
_COUNTED = timedelta(hours=1)  # firings that the limit of the hour counts stay
_CHANGES_LAST = timedelta(days=1)  # far longer than the oldest checkpoint of a worker that works

Result = TypeVar("Result")
Forgetting = Callable[[Connection], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is kept: what is younger than so many days, and a user's newest firings, `most` of them at most.

    The newest LEAST_FIRINGS are kept however old they are, and those of the last hour however many.
    """

    days: int
    most: int


class Upkeep:
    """Deletes what is not kept; `forgotten` counts rows since the start."""

    def __init__(self, dsn: str, keeping: Keeping) -> None:
        # How much is too old decides how it is best found, and is another every time.
        self._pool = Pool(dsn, 1, "tickmesh-alerts-upkeep", plan_cache_mode="force_custom_plan")
        self._keeping = keeping
        self.forgotten = 0

    async def close(self) -> None:
        """Give back the connection."""
        await self._pool.close()

    async def run(self, partition: int) -> None:
        """See to a partition while the task lives; whatever goes wrong with that, the partition goes on."""
        while True:
            try:
                await self.sweep(partition, datetime.now(UTC))
            except PostgresAway as error:
                _logger.debug("later: %s", error)
                await asyncio.sleep(_AGAIN_S)
            except asyncpg.PostgresError:
                _logger.exception("partition %d keeps what it has", partition)
                await asyncio.sleep(_EVERY_S)
            else:
                await asyncio.sleep(_EVERY_S)

    async def sweep(self, partition: int, now: datetime) -> None:
        """Delete what a partition, and partition 0 of all users, has and is not kept at this time.

        Raises PostgresAway.
        """
        before = now - timedelta(days=self._keeping.days)
        await self._forget_alerts(partition, before)
        await self._forget(partial(forget_changes, partition=partition, before=now - _CHANGES_LAST))
        if partition == 0:
            await self._forget_firings(before, now)
            await self._forget(partial(forget_notifications, before=before))

    async def _forget_alerts(self, partition: int, before: datetime) -> None:
        after = 0
        while True:
            reading = partial(next_stretch, partition=partition, after=after, before=before)
            stretch = await self._ask(reading)
            if stretch is None:
                return
            await self._forget(partial(forget_alerts, partition=partition, stretch=stretch, before=before))
            after = stretch.end

    async def _forget_firings(self, before: datetime, now: datetime) -> None:
        after = _BEFORE_ALL
        while users := await self._ask(partial(next_users, after=after, limit=_USERS)):
            await self._forget(partial(forget_firings, users=users, but=LEAST_FIRINGS, before=before))
            await self._forget(partial(forget_firings, users=users, but=self._keeping.most, before=now - _COUNTED))
            after = users[-1]

    async def _forget(self, forgetting: Forgetting) -> None:
        """Delete portions until one is not full."""
        deleted = PORTION
        while deleted >= PORTION:
            deleted = await self._ask(forgetting)
            self.forgotten += deleted
            await asyncio.sleep(_APART_S)

    async def _ask(self, what: Callable[[Connection], Awaitable[Result]]) -> Result:
        async with self._pool.lend(_WITHIN_S) as connection:
            return await what(connection)
