"""Batches into the tables: those of all partitions that wait while transactions are on their way share the next."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from market.ledger.commands import Correct, Import
from mesh.commands import UNWRITABLE
from mesh.pool import VALUE_ERRORS, Patience, Pool
from workers.portfolio.apply import Batch, Outcome, apply

_logger = logging.getLogger(__name__)

TOGETHER = (
    2  # shared transactions at a time: more would be smaller ones, and a single one waits for its slowest command
)
WITHIN_S = 60.0  # a transaction; most of it is for an import into a long history on a busy machine

Hear = Callable[[Batch], None]


@dataclass(slots=True)
class Counts:
    """What a process did since it began."""

    commands: int = 0
    applied: int = 0
    refused: int = 0
    repeated: int = 0
    unreadable: int = 0
    unwritable: int = 0
    transactions: int = 0
    commit_ms: float = 0.0  # of the last transaction, all four statements


@dataclass(frozen=True, slots=True)
class _Waiting:
    batch: Batch
    told: "asyncio.Future[Outcome]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Committer:
    """Commits batches, at most one of each partition at a time.

    What takes long has a transaction, and a connection of `alone`, to itself. `committing` hears of a batch before its
    commit is sent and `committed` after it came true, both before anybody is answered.
    """

    def __init__(self, together: Pool, alone: Pool, patience: Patience, committing: Hear, committed: Hear) -> None:
        self._together = together
        self._alone = alone
        self._patience = patience
        self._committing = committing
        self._committed = committed
        self._waiting: list[_Waiting] = []
        self._wanted = asyncio.Event()
        self.counts = Counts()

    async def settle(self, batch: Batch) -> Outcome:
        """Give what came of a batch, once it lasts; raises FencedError and LedgerMismatchError."""
        waiting = _Waiting(batch)
        batch.is_alone |= _is_long(batch)
        if batch.is_alone:
            await self._bring(self._alone, [waiting])
        else:
            self._waiting.append(waiting)
            self._wanted.set()
        outcome = await waiting.told
        if outcome.error is not None:
            raise outcome.error
        return outcome

    async def run(self) -> None:
        """Commit what waits, for as long as the task lives."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(TOGETHER):
                tasks.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            waiting, self._waiting = self._waiting, []
            await self._bring(self._together, [each for each in waiting if not each.told.done()])

    async def _bring(self, pool: Pool, waiting: Sequence[_Waiting]) -> None:
        """Bring batches into the tables, however often that has to be tried."""
        if not waiting:
            return

        async def attempt() -> list[Outcome]:
            async with pool.lend(WITHIN_S) as connection:
                outcomes = await apply(connection, [each.batch for each in waiting])
                for each in waiting:
                    self._committing(each.batch)
                await connection.execute("COMMIT")
            return outcomes

        began_s = time.monotonic()
        try:
            outcomes = await self._patience.ask(attempt)
        except VALUE_ERRORS as error:  # all else is not a command's fault, and ends the process
            _logger.warning("a transaction is not taken as a whole: %s", error)
            await self._bring_each(pool, waiting, error)
            return
        self.counts.transactions += 1
        self.counts.commit_ms = (time.monotonic() - began_s) * 1e3
        for each, outcome in zip(waiting, outcomes, strict=True):
            if outcome.error is None:
                self._committed(each.batch)
                self._count(outcome)
            _tell(each, outcome)

    async def _bring_each(self, pool: Pool, waiting: Sequence[_Waiting], error: Exception) -> None:
        """Divide what the tables do not take as a whole, down to the command that they do not take, and refuse that.

        Raises the error where they do not even take the refusal.
        """
        if len(waiting) > 1:
            for each in waiting:
                await self._bring(pool, [each])
            return
        (whole,) = waiting
        commands = whole.batch.commands
        if len(commands) == 1:
            if commands[0].refusal is not None:
                raise error
            _logger.error("command %d cannot be written: %s", commands[0].sequence, error)
            commands = [replace(commands[0], refusal=UNWRITABLE)]
        outcome = Outcome()
        after = whole.batch.after
        for command in commands:
            part = _Waiting(replace(whole.batch, commands=[command], is_alone=True, changes=(), after=after))
            await self._bring(pool, [part])
            done = await part.told
            after = command.sequence
            outcome.answers += done.answers
            outcome.error = outcome.error or done.error
        _tell(whole, outcome)

    def _count(self, outcome: Outcome) -> None:
        counts = self.counts
        counts.commands += len(outcome.answers)
        counts.applied += len(outcome.changes)
        counts.repeated += len(outcome.answers) - len(outcome.new)
        counts.refused += len(outcome.new) - len(outcome.changes)
        counts.unreadable += sum(each.command is None for each, _ in outcome.answers)
        counts.unwritable += sum(answer is UNWRITABLE for _, answer in outcome.answers)


def _is_long(batch: Batch) -> bool:
    actions = (each.command.action for each in batch.commands if each.command is not None)
    return any(isinstance(action, Import | Correct) for action in actions)


def _tell(waiting: _Waiting, outcome: Outcome) -> None:
    if not waiting.told.done():  # whoever waits may have been cancelled
        waiting.told.set_result(outcome)
