"""Checkpoints of one partition: two objects in turn, and the lease names the one that counts.

A removed object leaves a mark for ever, so an owner overwrites its own instead of removing them.
"""

import asyncio
import logging

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError, ObjectNotFoundError

from mesh.actor.lease import Lease
from mesh.streams import CHECKPOINTS

_logger = logging.getLogger(__name__)

_TIMEOUT_S = 30.0  # nats-py's objects have no bound of their own


class Checkpoints:
    """The checkpoints of one owner of one partition."""

    def __init__(self, js: JetStreamContext, prefix: str, lease: Lease) -> None:
        self._js = js
        self._prefix = prefix  # `<kind>.<partition>`
        self._lease = lease

    async def load(self) -> bytes | None:
        """Read the checkpoint that the lease names; None where there is none. Raises NatsError or TimeoutError."""
        name = self._lease.value.object
        if not name:
            return None
        async with asyncio.timeout(_TIMEOUT_S):
            bucket = await self._js.object_store(CHECKPOINTS)
            try:
                return (await bucket.get(name)).data
            except (ObjectNotFoundError, NotFoundError):
                _logger.warning("the checkpoint %s is not there any more", name)
                return None

    async def save(self, data: bytes, sequence: int, schema: int) -> None:
        """Store a state that includes the tape up to `sequence`, and let it count; the one before that goes.

        Raises LeaseLostError, NatsError or TimeoutError; then the one before still counts.
        """
        own = f"{self._prefix}.{self._lease.value.fence}"
        before = self._lease.value.object
        name = f"{own}.1" if before == f"{own}.0" else f"{own}.0"
        async with asyncio.timeout(_TIMEOUT_S):
            bucket = await self._js.object_store(CHECKPOINTS)
            await bucket.put(name, data)
        await self._lease.record(name, sequence, schema)
        if before and not before.startswith(f"{own}."):
            await self._remove(before)

    async def tidy(self) -> None:
        """Remove what owners left that were killed between storing a state and naming it."""
        async with asyncio.timeout(_TIMEOUT_S):
            bucket = await self._js.object_store(CHECKPOINTS)
            try:
                names = [each.name for each in await bucket.list() if each.name and not each.deleted]
            except NotFoundError:
                return
        for name in names:
            if name.startswith(f"{self._prefix}.") and name != self._lease.value.object:
                await self._remove(name)

    async def _remove(self, name: str) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await (await self._js.object_store(CHECKPOINTS)).delete(name)
        except (NatsError, TimeoutError) as error:
            _logger.info("the old checkpoint %s stays for now: %s", name, str(error) or type(error).__name__)
