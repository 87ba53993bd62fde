"""Batches of commands, decided in one transaction: each once, whatever came before and however often it comes."""

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias
from uuid import UUID

from market.answer import Answer
from market.ledger.account import Account, Changes
from market.ledger.commands import Command, Import
from market.ledger.decide import decide
from market.ledger.needs import history_needed
from mesh.actor.outbox import FencedError
from mesh.actor.reader import Delivery
from mesh.commands import MISMATCH, answer_of
from mesh.ledger.accounts import Wants, learn_history
from mesh.ledger.batch import Settled, begin, read, write
from mesh.ledger.codec import decode_command
from mesh.ledger.rows import Found
from mesh.numbered import Decided, read_numbered
from mesh.numbered import Numbered as AnyNumbered
from mesh.pool import Connection

Numbered: TypeAlias = AnyNumbered[Command]

Past = Mapping[UUID, tuple[bytes, Answer]]
"""The digests of commands that were decided before, and their answers."""

_logger = logging.getLogger(__name__)

MAX_ROWS = 5_000  # of a batch, unless one command has more
DECIDE_S = 8.0  # of a transaction, and then what is begun: the server ends a session that idles for long
_UNREADABLE = UUID("d3bba1ef-6a0b-5c39-9d0f-3a5e4c7f2b11")  # the space of ids of commands that have none to be read
_UNDECIDED = Answer(500, {"code": "undecided_command", "detail": "the ledger has no answer to this; nothing changed"})


class LedgerMismatchError(Exception):
    """Tables and stream contradict each other: one of them is not the one that the other was made with."""


@dataclass(slots=True)
class Batch:
    """Commands of one partition, to be decided together under its owner's fence: all, or as many as there is time for.

    `is_alone`: in a transaction that no other partition waits for. `after` is the sequence that the owner left the
    partition at; None: anywhere before the commands.
    `changes` are those of the last attempt: decided anew, no attempt before was committed; found in the tables, the
    last one was.
    """

    partition: int
    fence: int
    commands: Sequence[Numbered]
    is_alone: bool = False
    changes: Sequence[Changes] = ()
    after: int | None = None

    def rest(self, answered: int) -> "Batch":
        """Give what is left of it behind so many commands."""
        after = self.commands[answered - 1].sequence if answered else self.after
        return Batch(self.partition, self.fence, self.commands[answered:], is_alone=True, after=after)


@dataclass(slots=True)
class Outcome:
    """What came of a batch: what to tell whom, the first of its commands or all, what is new; or why nothing did."""

    answers: list[tuple[Numbered, Answer]] = field(default_factory=list)
    changes: list[Changes] = field(default_factory=list)
    new: list[Decided] = field(default_factory=list)
    error: FencedError | LedgerMismatchError | None = None


def numbered(delivery: Delivery) -> Numbered:
    """Read one message; what cannot be read is refused."""
    return read_numbered(delivery, decode_command, _UNREADABLE)


def portions(commands: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    """Divide commands into batches that a transaction should hold, by what they may enter."""
    portion: list[Numbered] = []
    rows = 0
    for each in commands:
        if portion and rows + _rows(each) > MAX_ROWS:
            yield portion
            portion, rows = [], 0
        portion.append(each)
        rows += _rows(each)
    if portion:
        yield portion


def _rows(each: Numbered) -> int:
    """Tell how many transactions a command may enter."""
    action = each.command.action if each.command is not None else None
    return len(action.rows) if isinstance(action, Import) else 1


async def apply(connection: Connection, batches: Sequence[Batch]) -> list[Outcome]:
    """Decide batches of different partitions and write what comes of them; the caller commits.

    Where deciding takes long, or would hold up other partitions, the rest of the commands is left without an answer.
    """
    partitions = [batch.partition for batch in batches]
    commands = [each for batch in batches for each in batch.commands]
    await begin(connection, partitions)
    wants = Wants(each.command for each in commands if each.command is not None)
    found = await read(connection, partitions, [each.id for each in commands], wants)
    progress = {row["partition"]: row for row in found["progress"]}
    past = {row["id"]: (row["digest"], answer_of(row)) for row in found["commands"]}
    accounts = wants.accounts(found)
    until_s = time.monotonic() + DECIDE_S
    outcomes, settled = [Outcome(error=_error(each, progress.get(each.partition), past)) for each in batches], []
    for batch, outcome in zip(batches, outcomes, strict=True):
        if outcome.error is not None:
            continue
        reached = progress[batch.partition]["sequence"]
        if reached >= batch.commands[0].sequence:
            decided = [each for each in batch.commands if each.sequence <= reached]
            outcome.answers = [(each, _as_before(each, *past[each.id])) for each in decided]
            continue
        await _decide_all(connection, batch, past, accounts, outcome, until_s)
        batch.changes = outcome.changes
        if outcome.answers:
            last, _ = outcome.answers[-1]
            settled.append(Settled(batch.partition, last.sequence, outcome.changes, outcome.new))
    if settled:
        await write(connection, settled)
    return outcomes


def _error(batch: Batch, row: Found | None, past: Past) -> FencedError | LedgerMismatchError | None:
    if row is None or row["fence"] != batch.fence:
        return FencedError(batch.partition)
    reached, first, last = row["sequence"], batch.commands[0].sequence, batch.commands[-1].sequence
    decided = [each for each in batch.commands if each.sequence <= reached]
    if decided:
        is_right = decided[-1].sequence == reached and all(each.id in past for each in decided)
    else:
        is_right = batch.after in (None, reached)
    if not is_right:
        return LedgerMismatchError(
            f"partition {batch.partition} is at {reached}, not at {batch.after} or as {first} to {last} left it"
        )
    return None


async def _decide_all(
    connection: Connection,
    batch: Batch,
    past: Past,
    accounts: Mapping[UUID, Account],
    outcome: Outcome,
    until_s: float,
) -> None:
    answered = dict(past)
    for each in batch.commands:
        is_late = bool(outcome.answers) and time.monotonic() > until_s
        if is_late or (not batch.is_alone and _reaches_back(each, accounts)):
            return
        if each.id in answered:
            outcome.answers.append((each, _as_before(each, *answered[each.id])))
            continue
        answer = each.refusal or await _decide(connection, each, accounts, outcome)
        answered[each.id] = each.digest, answer
        outcome.answers.append((each, answer))
        outcome.new.append(each.decided(answer))


def _reaches_back(each: Numbered, accounts: Mapping[UUID, Account]) -> bool:
    command = each.command
    return command is not None and bool(history_needed(command, accounts[command.user]))


async def _decide(connection: Connection, each: Numbered, accounts: Mapping[UUID, Account], outcome: Outcome) -> Answer:
    command = each.command
    assert command is not None  # noqa: S101  # what cannot be read has a refusal
    account = accounts[command.user]
    is_long = await learn_history(connection, command, account) or _rows(each) > 1
    try:
        # What takes long leaves the loop to leases and to other partitions.
        deciding = partial(decide, command, each.sequence, account)
        decision = await asyncio.to_thread(deciding) if is_long else deciding()
    except Exception:
        _logger.exception("command %d cannot be decided", each.sequence)  # the others of the partition can
        return _UNDECIDED
    if decision.changes is not None:
        account.take(decision.changes)
        outcome.changes.append(decision.changes)
    return decision.answer


def _as_before(each: Numbered, digest: bytes, answer: Answer) -> Answer:
    return answer if each.digest == digest else MISMATCH
