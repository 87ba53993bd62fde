"""The shell of the portfolio worker: batches into Postgres until they are there for sure, then the answers."""

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial
from typing import Protocol
from uuid import UUID

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from market import subjects
from market.ledger.account import Changes
from mesh.actor.lease import Lease
from mesh.actor.outbox import Entry, FencedError, Outbox
from mesh.actor.protocols import Step
from mesh.actor.reader import Delivery
from mesh.commands import encode_answer
from mesh.ledger.batch import is_decided, take
from mesh.pool import Patience, Pool
from mesh.streams import LEDGER
from workers.portfolio.apply import Batch, LedgerMismatchError, Outcome, numbered, portions
from workers.portfolio.commit import WITHIN_S, Committer
from workers.portfolio.core import LedgerCore

_RETRY_S = 0.2


class Follower(Protocol):
    """Whoever keeps in memory what the tables hold."""

    async def opened(self, partition: int, lease: Lease) -> None:
        """Read the partition: from now on only what `committed` tells changes it.

        Raises PostgresAway to be asked again. The partition is ours while `lease.is_held()`.
        """
        ...

    def committing(self, partition: int, portfolios: Sequence[UUID]) -> None:
        """Hear that these are about to change: until `committed` what is known of them may be old."""
        ...

    def committed(self, partition: int, changes: Sequence[Changes]) -> None:
        """Hear what changed, before anybody is answered."""
        ...

    async def closed(self, partition: int) -> None:
        """Forget the partition."""
        ...


class LedgerShell:
    """See `mesh.actor.protocols.Shell`. `together` has TOGETHER connections, `alone` some."""

    def __init__(self, client: Client, together: Pool, alone: Pool, followers: Sequence[Follower]) -> None:
        self._client = client
        self._pool = alone
        self._followers = followers
        self.patience = Patience()
        self.committer = Committer(together, alone, self.patience, self._committing, self._committed)
        self.leases: dict[int, Lease] = {}
        self._reached: dict[int, int] = {}
        # What lasts is in the tables before the runtime hears of it.
        self.outbox: Outbox[None] = Outbox(lambda _: None, lambda _: 0, _written, 1)

    async def took(self, partition: int, lease: Lease) -> int:
        """Keep older owners from writing, and begin where the tables are."""
        fence = lease.value.fence

        async def ask() -> int | None:
            async with self._pool.lend(WITHIN_S) as connection:
                return await take(connection, partition, fence)

        reached = await self.patience.ask(ask)
        if reached is None:
            raise FencedError(partition)
        await self._compare(partition, reached)
        self.leases[partition], self._reached[partition] = lease, reached
        return reached

    async def _compare(self, partition: int, reached: int) -> None:
        """Raise LedgerMismatchError where the stream does not hold what the tables say that they are at."""
        if not reached:
            return
        while True:
            try:
                stored = await self._client.jetstream().get_msg(LEDGER, reached)
                break
            except NotFoundError:
                raise LedgerMismatchError(
                    f"partition {partition} is at {reached}, which is not on the stream"
                ) from None
            except (NatsError, TimeoutError):
                await asyncio.sleep(_RETRY_S)
        last = numbered(Delivery(reached, "", 0, stored.data or b""))

        async def ask() -> bool:
            async with self._pool.lend(WITHIN_S) as connection:
                return await is_decided(connection, last.id)

        if stored.subject != subjects.ledger(partition) or not await self.patience.ask(ask):
            raise LedgerMismatchError(f"partition {partition} is at {reached}, where the stream has something else")

    async def restore(self, partition: int, saved: bytes | None) -> LedgerCore:
        """Make a core; it has nothing to remember."""
        return LedgerCore()

    async def answer(self, partition: int, core: LedgerCore, question: Sequence[Delivery]) -> Step:
        """Have commands decided, written and answered; returns once they last. Raises FencedError."""
        fence = self.leases[partition].value.fence
        for commands in portions(map(numbered, question)):
            batch = Batch(partition, fence, commands, after=self._reached[partition])
            while batch.commands:
                outcome = await self.committer.settle(batch)
                await self._reply(outcome)
                batch = batch.rest(len(outcome.answers))
            self._reached[partition] = commands[-1].sequence
        return Step()

    def publish_live(self, partition: int, live: object) -> None:
        """Show nothing: followers do."""

    async def opened(self, partition: int, core: LedgerCore) -> None:
        """Let the followers read the partition."""
        for each in self._followers:
            await self.patience.ask(partial(each.opened, partition, self.leases[partition]))

    async def beside(self, partition: int, core: LedgerCore) -> None:
        """Do nothing: all that the partition needs is done between its messages."""

    async def closed(self, partition: int) -> None:
        """Let the followers forget it."""
        for each in self._followers:
            await each.closed(partition)
        self.leases.pop(partition, None)

    async def _reply(self, outcome: Outcome) -> None:
        with contextlib.suppress(NatsError):  # whoever waits in vain looks the answer up
            for each, answer in outcome.answers:
                if each.reply:
                    await self._client.publish(each.reply, encode_answer(answer))

    def _committing(self, batch: Batch) -> None:
        for each in self._followers_of(batch):
            each.committing(batch.partition, [change.portfolio.id for change in batch.changes])

    def _committed(self, batch: Batch) -> None:
        for each in self._followers_of(batch):
            each.committed(batch.partition, batch.changes)

    def _followers_of(self, batch: Batch) -> Sequence[Follower]:
        """Give nobody where the partition was given up meanwhile."""
        lease = self.leases.get(batch.partition)
        return self._followers if lease is not None and lease.value.fence == batch.fence else ()


async def _written(_: Sequence[Entry[None]]) -> None:
    pass
