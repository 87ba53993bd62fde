"""The shell of the alert worker: ticks and commands of a partition, one after the other into the tables.

`AlertCore.lock` is what puts ticks and commands in an order: a rule that a transaction makes has seen the ticks up to
`evaluated`, and sees each one behind that.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from market.alerts.columns import RuleColumns, Touches
from market.alerts.rule import Condition, Reference
from mesh.actor.lease import Lease
from mesh.actor.outbox import Entry, FencedError, Outbox
from mesh.actor.protocols import StateError, Step
from mesh.actor.reader import Delivery
from mesh.alerts.batch import Progress, take
from mesh.alerts.loading import changed_rules, live_rules
from mesh.alerts.messages import FiredMessages
from mesh.alerts.writes import Mark, write_reached
from mesh.batch_publisher import BatchPublisher
from workers.alert.commanding import Commanding
from workers.alert.core import AlertCore, loaded, restored, rows_of
from workers.alert.days import InstrumentDays
from workers.alert.owned import Owned
from workers.alert.places import Places
from workers.alert.prices import Prices
from workers.alert.teller import Teller
from workers.alert.touches import Draft, Sends, drafted, portions, settle
from workers.alert.transactions import Transactions
from workers.alert.upkeep import Upkeep

_logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class AlertShell:
    """See `mesh.actor.protocols.Shell`; `owned` are the partitions that were opened."""

    def __init__(
        self,
        transactions: Transactions,
        publisher: BatchPublisher,
        days: InstrumentDays,
        places: Places,
        prices: Prices,
        commanding: Commanding,
        upkeep: Upkeep,
    ) -> None:
        self._transactions = transactions
        self._publisher = publisher
        self._days = days
        self._places = places
        self._prices = prices
        self._commanding = commanding
        self._upkeep = upkeep
        self._taken: dict[int, tuple[Lease, Progress]] = {}
        self.owned: dict[int, Owned] = {}
        self.fired = 0
        self.touched = 0
        # What lasts is in the tables before the runtime hears of it.
        self.outbox: Outbox[None] = Outbox(lambda _: None, lambda _: 0, _written, 1)

    async def took(self, partition: int, lease: Lease) -> None:
        """Keep older owners from writing; checkpoints say where to begin, the tables what has come of the tape."""
        fence = lease.value.fence
        progress = await self._transactions.ask(partial(take, partition=partition, fence=fence))
        if progress is None:
            raise FencedError(partition)
        await self._places.compare(partition, progress)
        self._taken[partition] = lease, progress

    async def restore(self, partition: int, saved: bytes | None) -> AlertCore:
        """Make a core of a checkpoint and the rules that changed since, or of all rules and no prices."""
        lease, progress = self._taken[partition]
        evaluated = progress.tape_sequence
        if saved is None:
            rules = await self._transactions.ask(partial(live_rules, partition=partition))
            _logger.info("partition %d has %d rules", partition, len(rules))
            core = AlertCore(loaded(self._days.of, rules, evaluated), progress.revision, evaluated, 0)
            core.moving = _moving(rules)
            return core
        index, revision = restored(self._days.of, saved)
        if revision > progress.revision:
            raise StateError(f"the checkpoint is of revision {revision}, the tables of {progress.revision}")
        reading = partial(changed_rules, partition=partition, after=revision, until=progress.revision)
        changed = await self._transactions.ask(reading)
        if changed is None:
            raise StateError(f"what changed since revision {revision} is not kept any more")
        index.put(changed)
        position = lease.value.sequence
        return AlertCore(index, progress.revision, max(evaluated, position), position)

    async def opened(self, partition: int, core: AlertCore) -> None:
        """Begin to publish, with what an owner before committed and did not publish."""
        lease, progress = self._taken[partition]
        fence = lease.value.fence
        teller = Teller(partition, fence, progress.published, self._transactions, self._publisher)
        teller.look_up(progress.revision)
        self.owned[partition] = Owned(partition, fence, progress.command_sequence, core, teller)

    async def beside(self, partition: int, core: AlertCore) -> None:
        """Publish, and decide commands once the tape is read to its end."""
        owned = self.owned[partition]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(owned.teller.run())
            tasks.create_task(self._upkeep.run(partition))
            await self._places.caught_up(partition, core)
            await self._prices.learn(core, core.moving)
            await self._commanding.run(owned)

    async def answer(self, partition: int, core: AlertCore, question: Sequence[Delivery]) -> Step:
        """Let the rules see ticks; returns once what comes of them lasts. Raises FencedError.

        Without any it is written down how far those before were evaluated.
        """
        owned = self.owned[partition]
        if question:
            async with core.lock:
                if core.pass_by(question):
                    core.reached(max(core.evaluated, core.position), False, time.monotonic_ns())
                    return Step()
        rows, sequences = rows_of(question)
        if unknown := self._days.unknown(rows["instrument"].astype(np.uint32)):
            await self._days.learn(unknown)
        async with core.lock:
            if question:
                touches = core.evaluate(rows, sequences, question[-1].sequence)
                reached = max(core.evaluated, question[-1].sequence)
                if len(touches):
                    await self._settle(owned, touches, reached)
                core.reached(reached, len(touches) > 0, time.monotonic_ns())
            else:
                writing = partial(write_reached, partition=partition, fence=owned.fence, reached=core.evaluated)
                await self._transactions.ask(writing)
        await owned.teller.room()
        return Step()

    async def _settle(self, owned: Owned, touches: Touches, reached: int) -> None:
        """Settle touches portion by portion; while one is written, the next is decided."""
        core, parts = owned.core, list(portions(touches))
        draft = await self._transactions.ask(partial(drafted, touches=parts[0]))
        for each, following in zip(parts, [*parts[1:], None], strict=True):
            done = reached if following is None else core.evaluated
            mark = Mark(owned.partition, owned.fence, core.revision + 1, reached, done)
            writing: Sends = asyncio.get_running_loop().create_future()
            if following is None:
                await self._commit(owned, mark, each, draft, writing)
                return
            async with _meanwhile(self._drafted(following, writing)) as drafting:
                await self._commit(owned, mark, each, draft, writing)
            draft = drafting.result()

    async def _drafted(self, touches: Touches, writing: Sends) -> Draft:
        before = await writing  # to begin sooner would take the processor from what Postgres waits for
        return await self._transactions.ask(partial(drafted, touches=touches, before=before))

    async def _commit(self, owned: Owned, mark: Mark, touches: Touches, draft: Draft, writing: Sends) -> None:
        settling = partial(settle, mark=mark, touches=touches, draft=draft, writing=writing)
        settled = await self._transactions.commit(mark, settling)
        self.touched += len(touches)
        if settled is None:
            await owned.catch_up(self._transactions)
            return
        self.fired += len(settled.firings)
        owned.core.index.remove(settled.ended)
        owned.core.revision = mark.revision
        owned.teller.tell(mark.revision, FiredMessages(settled.firings), settled.notices)
        await owned.teller.room()

    def publish_live(self, partition: int, live: object) -> None:
        """Show nothing: the teller does."""

    async def closed(self, partition: int) -> None:
        """Forget it."""
        self.owned.pop(partition, None)
        self._taken.pop(partition, None)


def _moving(rules: RuleColumns) -> list[int]:
    """Give the instruments whose previous close rules wait for."""
    is_move = (rules.condition == Condition.CHANGE_PCT.code) & (rules.reference == Reference.PREV_CLOSE.code)
    instruments: list[int] = np.unique(rules.instrument[is_move]).tolist()
    return instruments


@contextlib.asynccontextmanager
async def _meanwhile(work: Coroutine[object, object, Result]) -> AsyncIterator[asyncio.Task[Result]]:
    """Do work beside what is done within, which ends it where it fails; on leaving it is done."""
    task = asyncio.create_task(work)
    try:
        yield task
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _written(_: Sequence[Entry[None]]) -> None:
    pass
