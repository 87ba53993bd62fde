"""Rows that nobody spoke of: whoever wrote them went away, or NATS was, before the message was published."""

import asyncio
import logging

from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from mesh.notify.outgoing import publish
from mesh.notify.store import NotificationStore
from mesh.pool import PostgresAway

_logger = logging.getLogger(__name__)

_AT_ONCE = 1000


class Forgotten:
    """Publishes what is so old and was forgotten; any number of workers may do so at a time."""

    def __init__(self, store: NotificationStore, js: JetStreamContext, older_than_s: float) -> None:
        self._store = store
        self._js = js
        self._older_than_s = older_than_s
        self.published = 0

    async def run(self) -> None:
        """Look every few seconds until the task is cancelled."""
        while True:
            try:
                await self._look()
            except (PostgresAway, NatsError, TimeoutError) as error:
                _logger.debug("later: %s", str(error) or type(error).__name__)
            await asyncio.sleep(self._older_than_s / 2)

    async def _look(self) -> None:
        orders = await self._store.unpublished(self._older_than_s, _AT_ONCE)
        # One that NATS has seen moments ago may be of another life, before it was given up and taken up again: it is
        # looked at again when NATS has forgotten that.
        new = [order.id for order in orders if await publish(self._js, order)]
        await self._store.published(new)
        self.published += len(new)
