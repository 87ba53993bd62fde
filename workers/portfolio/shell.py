"""The shell of the portfolio worker: batches into Postgres until they are there for sure, then the answers."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]  # it ships no annotations
from nats.aio.client import Client
from nats.errors import Error as NatsError

from market.ledger.account import Changes
from market.ledger.decide import Answer
from mesh.actor.lease import Lease
from mesh.actor.outbox import Entry, FencedError, Outbox
from mesh.actor.protocols import Step
from mesh.actor.reader import Delivery
from mesh.ledger.batch import take
from mesh.ledger.codec import encode_answer
from mesh.ledger.postgres import LedgerAway, Pool
from workers.portfolio.apply import Numbered, Outcome, apply, numbered, portions
from workers.portfolio.core import LedgerCore

_logger = logging.getLogger(__name__)

_WITHIN_S = 60.0  # a batch; most of it is for an import into a long history on a busy machine
_FIRST_RETRY_S, _MAX_RETRY_S = 0.05, 1.0
_UNWRITABLE = Answer(500, {"code": "unwritable_command", "detail": "the tables cannot hold what this command comes to"})

Result = TypeVar("Result")


class Follower(Protocol):
    """Whoever keeps in memory what the tables hold."""

    async def opened(self, partition: int, lease: Lease) -> None:
        """Read the partition: from now on only what `committed` tells changes it. Raises LedgerAway to be asked again.

        The partition is ours while `lease.is_held()`.
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


@dataclass(slots=True)
class Counts:
    """What a process did since it began."""

    commands: int = 0
    applied: int = 0
    refused: int = 0
    repeated: int = 0
    unreadable: int = 0
    unwritable: int = 0
    batches: int = 0
    commit_ms: float = 0.0  # of the last batch, all four statements


class LedgerShell:
    """See `mesh.actor.protocols.Shell`."""

    def __init__(self, client: Client, pool: Pool, followers: Sequence[Follower]) -> None:
        self._client = client
        self._pool = pool
        self._followers = followers
        self._away_since_s: float | None = None
        self.leases: dict[int, Lease] = {}
        self.counts = Counts()
        # What lasts is in the tables before the runtime hears of it.
        self.outbox: Outbox[None] = Outbox(lambda _: None, lambda _: 0, _written, 1)

    @property
    def away_s(self) -> float:
        """For how long Postgres has been away."""
        return 0.0 if self._away_since_s is None else time.monotonic() - self._away_since_s

    async def took(self, partition: int, lease: Lease) -> int:
        """Keep older owners from writing, and begin where the tables are."""
        fence = lease.value.fence

        async def ask() -> int | None:
            async with self._pool.lend(_WITHIN_S) as connection:
                return await take(connection, partition, fence)

        reached = await self._patiently(ask)
        if reached is None:
            raise FencedError(partition)
        self.leases[partition] = lease
        return reached

    async def restore(self, partition: int, saved: bytes | None) -> LedgerCore:
        """Make a core; it has nothing to remember."""
        return LedgerCore()

    async def answer(self, partition: int, core: LedgerCore, question: Sequence[Delivery]) -> Step:
        """Have commands decided, written and answered; returns once they last. Raises FencedError."""
        for batch in portions([numbered(each) for each in question]):
            await self._settle(partition, batch)
        return Step()

    def publish_live(self, partition: int, live: object) -> None:
        """Show nothing: followers do."""

    async def opened(self, partition: int, core: LedgerCore) -> None:
        """Let the followers read the partition."""
        for each in self._followers:
            await self._patiently(partial(each.opened, partition, self.leases[partition]))

    async def closed(self, partition: int) -> None:
        """Let the followers forget it."""
        for each in self._followers:
            await each.closed(partition)
        self.leases.pop(partition, None)

    async def _settle(self, partition: int, batch: list[Numbered]) -> None:
        """Bring a batch into the tables, however often that has to be tried, and answer its commands."""
        changes: Sequence[Changes] = ()

        async def attempt() -> Outcome:
            nonlocal changes
            async with self._pool.lend(_WITHIN_S) as connection:
                outcome = await apply(connection, partition, self.leases[partition].value.fence, batch)
                if not outcome.is_repeat:
                    # Decided anew, so no attempt before was committed; decided already, the last one was.
                    changes = outcome.changes
                for each in self._followers:
                    each.committing(partition, [change.portfolio.id for change in changes])
                await connection.execute("COMMIT")
            return outcome

        began_s = time.monotonic()
        try:
            outcome = await self._patiently(attempt)
        except asyncpg.PostgresError:
            if len(batch) == 1 and batch[0].refusal is not None:
                raise
            _logger.exception("partition %d: commands %d to %d", partition, batch[0].sequence, batch[-1].sequence)
            await self._settle_each(partition, batch)
            return
        self.counts.commit_ms = (time.monotonic() - began_s) * 1e3
        for each in self._followers:
            each.committed(partition, changes)
        self._count(outcome)
        await self._reply(outcome)

    async def _settle_each(self, partition: int, batch: list[Numbered]) -> None:
        """Settle commands one by one, as one of them is more than the tables take; that one is refused."""
        if len(batch) == 1:
            await self._settle(partition, [replace(batch[0], refusal=_UNWRITABLE)])
            return
        for each in batch:
            await self._settle(partition, [each])

    async def _reply(self, outcome: Outcome) -> None:
        with contextlib.suppress(NatsError):  # whoever waits in vain looks the answer up
            for each, answer in outcome.answers:
                if each.reply:
                    await self._client.publish(each.reply, encode_answer(answer))

    async def _patiently(self, ask: Callable[[], Awaitable[Result]]) -> Result:
        """Ask until Postgres answers."""
        retry_s = _FIRST_RETRY_S
        while True:
            try:
                result = await ask()
            except LedgerAway as error:
                if self._away_since_s is None:
                    _logger.warning("Postgres is away: %s", error)
                    self._away_since_s = time.monotonic()
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, _MAX_RETRY_S)
            else:
                if self._away_since_s is not None:
                    _logger.info("Postgres is back after %.1f s", self.away_s)
                    self._away_since_s = None
                return result

    def _count(self, outcome: Outcome) -> None:
        counts = self.counts
        counts.batches += 1
        counts.commands += len(outcome.answers)
        counts.applied += len(outcome.changes)
        counts.repeated += len(outcome.answers) - len(outcome.new)
        counts.refused += len(outcome.new) - len(outcome.changes)
        counts.unreadable += sum(each.command is None for each, _ in outcome.answers)
        counts.unwritable += sum(answer is _UNWRITABLE for _, answer in outcome.answers)


async def _written(_: Sequence[Entry[None]]) -> None:
    pass
