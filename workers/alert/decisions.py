"""Commands into the tables: some of one partition's, each decided once and under the locks of their users."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

from market.alerts.alert import Alert, Outcome
from market.alerts.answers import has_expired
from market.alerts.commands import MAX_ALERTS, Command, Create
from market.alerts.decide import Decision, Facts, decide
from market.alerts.index import AlertIndex
from market.answer import Answer
from market.subjects import partitions_of
from mesh.actor.reader import Delivery
from mesh.alerts.batch import Past, active, lock, named, numbers, past, sent, verified
from mesh.alerts.codec import decode_command
from mesh.alerts.writes import Changes, Mark, write_decided
from mesh.commands import MISMATCH
from mesh.numbered import Numbered as AnyNumbered
from mesh.numbered import read_numbered
from mesh.pool import Connection
from workers.alert.touches import notices_of

_logger = logging.getLogger(__name__)

Numbered: TypeAlias = AnyNumbered[Command]

_UNREADABLE = UUID("5b2a8f0e-7c15-5d0b-8e57-0f1c7d7c3a66")  # the space of ids of commands that have none to be read
_UNDECIDED = Answer(500, {"code": "undecided_command", "detail": "there is no answer to this; nothing changed"})


@dataclass(slots=True)
class Outcomes:
    """What came of commands: what to tell whom, and what was written."""

    answers: list[tuple[Numbered, Answer]] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for all commands of a process: into how many partitions the tape is divided, and the users' limit."""

    partitions: int
    max_alerts: int = MAX_ALERTS


@dataclass(slots=True)
class _Known:
    """What commands are decided by, as of those before them in the same transaction."""

    partition: int
    since: int
    now: datetime
    rules: Rules
    index: AlertIndex
    numbers: list[int]
    alerts: dict[UUID, Alert]
    active: defaultdict[UUID, int]
    sent: defaultdict[UUID, int]
    channels: Mapping[UUID, set[UUID]]


def numbered(delivery: Delivery) -> Numbered:
    """Read one message; what cannot be read is refused."""
    return read_numbered(delivery, decode_command, _UNREADABLE)


async def decide_all(
    connection: Connection, mark: Mark, commands: Sequence[Numbered], index: AlertIndex, rules: Rules
) -> Outcomes:
    """Decide commands and write what comes of them; the caller commits. Raises FencedError."""
    asked = [each.command for each in commands if each.command is not None]
    users = {each.user for each in asked}
    await lock(connection, users)
    before = await past(connection, [each.id for each in commands])
    now = datetime.now(UTC)
    known = _Known(
        mark.partition,
        mark.seen,
        now,
        rules,
        index,
        await numbers(connection, sum(isinstance(each.action, Create) for each in asked)),
        await named(connection, {each.action.alert for each in asked if not isinstance(each.action, Create)}),
        defaultdict(int, await active(connection, users, now)),
        defaultdict(int, await sent(connection, users, now)),
        await verified(connection, users),
    )
    outcomes = _decided(commands, before, known)
    changes = outcomes.changes
    told = [each for each in changes.firings if each.outcome is Outcome.SENT]
    changes.notices = await notices_of(connection, [(each, changes.alerts[each.alert_id].channels) for each in told])
    await write_decided(connection, mark, changes)
    return outcomes


async def answers_to(connection: Connection, commands: Sequence[Numbered]) -> list[tuple[Numbered, Answer]]:
    """Read the answers to commands that were decided."""
    before = await past(connection, [each.id for each in commands])
    return [(each, _as_before(each, before[each.id])) for each in commands]


def _decided(commands: Sequence[Numbered], before: Mapping[UUID, Past], known: _Known) -> Outcomes:
    outcomes, answered = Outcomes(), dict(before)
    for each in commands:
        if (first := answered.get(each.id)) is not None:
            outcomes.answers.append((each, _as_before(each, first)))
            continue
        answer = each.refusal or _decide(each, known, outcomes.changes)
        answered[each.id] = Past(each.digest, answer)
        outcomes.answers.append((each, answer))
        outcomes.changes.decided.append(each.decided(answer))
    return outcomes


def _decide(each: Numbered, known: _Known, changes: Changes) -> Answer:
    command = each.command
    assert command is not None  # noqa: S101  # what cannot be read has a refusal
    try:
        decision = _decision(command, known)
    except Exception:
        _logger.exception("command %d cannot be decided", each.sequence)  # the others of the partition can
        return _UNDECIDED
    if (alert := decision.alert) is not None:
        before = known.alerts.get(alert.id)
        known.active[alert.user] += _counts(alert, known.now) - (before is not None and _counts(before, known.now))
        known.alerts[alert.id] = changes.alerts[alert.id] = alert
    if (firing := decision.firing) is not None:
        known.sent[firing.user] += firing.outcome is Outcome.SENT
        changes.firings.append(firing)
    return decision.answer


def _decision(command: Command, known: _Known) -> Decision:
    action = command.action
    alert = None if isinstance(action, Create) else known.alerts.get(action.alert)
    if alert is not None and alert.partition != known.partition:
        alert = None
    instrument = action.instrument if isinstance(action, Create) else alert.instrument if alert else 0
    if isinstance(action, Create) and partitions_of(instrument, known.rules.partitions) != known.partition:
        raise ValueError(f"instrument {instrument} is in another partition")
    facts = Facts(
        partition=known.partition,
        number=known.numbers.pop() if isinstance(action, Create) else 0,
        since=known.since,
        price=known.index.price_of(instrument),
        prev_close=known.index.prev_close_of(instrument),
        day=known.index.instrument_day(instrument),
        active=known.active[command.user],
        sent=known.sent[command.user],
        channels=known.channels[command.user],
        now=known.now,
        max_alerts=known.rules.max_alerts,
    )
    return decide(command, alert, facts)


def _as_before(each: Numbered, first: Past) -> Answer:
    return first.answer if first.digest == each.digest else MISMATCH


def _counts(alert: Alert, now: datetime) -> bool:
    return alert.state.is_active and not has_expired(alert, now)
