"""Touches into the tables: what each brings about is decided and written in one transaction with how far the ticks are.

What ticks touch at once may be a great deal: 100,000 rules at one price. So it is divided by rule, and each part has a
transaction of its own; a rule keeps up to which tick it has been settled, and only the last part says that all have.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from uuid import UUID

import numpy as np

from market.alerts.alert import Alert, Firing, Outcome
from market.alerts.columns import Touches, TouchKind
from market.alerts.touch import touch
from mesh.alerts.batch import hold, kinds, sent
from mesh.alerts.messages import notice_of
from mesh.alerts.writes import Changes, Mark, Notice, write_touched
from mesh.pool import Connection

MAX_TOUCHES = 10_000  # of a transaction, unless one rule has more
_TURN = 2_000  # touches decided before others of the process get a turn


def portions(touches: Touches, most: int = MAX_TOUCHES) -> Iterator[Touches]:
    """Divide touches by rule, a rule's all into one portion, each in its order."""
    if len(touches) <= most:
        yield touches
        return
    _, rule, counts = np.unique(touches.number, return_inverse=True, return_counts=True)
    portion = (np.cumsum(counts) - 1) // most
    own = portion[rule]
    for each in np.unique(portion).tolist():
        yield touches.take(own == each)


def numbers_of(touches: Touches) -> list[int]:
    """Give the numbers of the rules that are touched, each once."""
    return list(dict.fromkeys(touches.number.tolist()))


async def settle(connection: Connection, mark: Mark, touches: Touches, rules: Mapping[int, Alert]) -> Changes:
    """Decide touches of rules and write what comes of them; the caller commits. Raises FencedError.

    `rules` are those that are touched, by number, as the tables have them. They may have been read before: nobody but
    the owner of a partition changes its rules.
    """
    await hold(connection, {each.user for each in rules.values()})
    alerts = dict(rules)
    fires = set(touches.number[touches.kind == TouchKind.FIRE].tolist())
    users = {alerts[each].user for each in fires if each in alerts}
    now = datetime.now(UTC)
    counts = defaultdict(int, await sent(connection, users, now) if users else {})
    firings: list[Firing] = []
    columns = (getattr(touches, each.name).tolist() for each in fields(touches))
    for at, (number, kind, side, price, ts_event_ns, day, tape_sequence, row) in enumerate(zip(*columns, strict=True)):
        alert = alerts.get(number)
        if alert is not None and alert.state.is_live:
            alerts[number], firing = touch(
                alert, kind, side, price, ts_event_ns, day, tape_sequence, row, counts[alert.user], now
            )
            if firing is not None:
                firings.append(firing)
                counts[alert.user] += firing.outcome is Outcome.SENT
        if at % _TURN == _TURN - 1:
            await asyncio.sleep(0)
    by_id = {each.id: each for each in alerts.values()}
    changes = Changes(by_id, firings, await notices_of(connection, firings, by_id))
    await write_touched(connection, mark, now, changes)
    return changes


async def notices_of(connection: Connection, firings: Sequence[Firing], alerts: Mapping[UUID, Alert]) -> list[Notice]:
    """Make the notifications of firings: those that are told of, through the channels of their alerts that work."""
    wanted = [(each, alerts[each.alert_id].channels) for each in firings if each.outcome is Outcome.SENT]
    channels = {channel for _, some in wanted for channel in some}
    kind_of = await kinds(connection, channels) if channels else {}
    return [
        notice_of(each, channel, kind_of[channel]) for each, some in wanted for channel in some if channel in kind_of
    ]
