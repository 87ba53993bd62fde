"""Rows that nobody spoke of: whoever wrote them went away, or NATS was, before the message was published."""

import asyncio
import logging
from uuid import UUID

from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from mesh.notify.outgoing import publish
from mesh.notify.store import NotificationStore
from mesh.pool import PostgresAway

_logger = logging.getLogger(__name__)

AT_ONCE = 1000
MOST_IN_A_ROW = 100  # portions; then others' may have become old enough, too


class Forgotten:
    """Publishes what is so old and was forgotten; any number of workers may do so at a time."""

    def __init__(self, store: NotificationStore, js: JetStreamContext, older_than_s: float) -> None:
        self._store = store
        self._js = js
        self._older_than_s = older_than_s
        self.published = 0

    async def run(self) -> None:
        """Look every few seconds until the task is cancelled, and again at once while there is a backlog."""
        while True:
            try:
                for _ in range(MOST_IN_A_ROW):
                    if not await self.look():
                        break
            except (PostgresAway, NatsError, TimeoutError) as error:
                _logger.debug("later: %s", str(error) or type(error).__name__)
            await asyncio.sleep(self._older_than_s / 2)

    async def look(self) -> bool:
        """Publish a portion; tell whether another one is worth a look now.

        It is where this one was full, and any of it new to NATS. Raises PostgresAway, NatsError and TimeoutError: of
        a stream that is full after it was written down what it took.
        """
        orders = await self._store.unpublished(self._older_than_s, AT_ONCE)
        new: list[UUID] = []
        try:
            for order in orders:
                # One that NATS has seen moments ago may be of another life, before it was given up and taken up
                # again: it is looked at again when NATS has forgotten that.
                if await publish(self._js, order):
                    new.append(order.id)  # noqa: PERF401  # they count, too, where it breaks off
        except (NatsError, TimeoutError):
            await self._took(new)
            raise
        await self._took(new)
        return len(orders) == AT_ONCE and len(new) > 0

    async def _took(self, new: list[UUID]) -> None:
        if new:
            await self._store.published(new)
            self.published += len(new)
