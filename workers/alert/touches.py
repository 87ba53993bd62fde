"""Touches into the tables: what each brings about is decided and written in one transaction with how far the ticks are.

What ticks touch at once may be a great deal: 100,000 rules at one price. So it is divided by rule, and each part has a
transaction of its own; a rule keeps up to which tick it has been settled, and only the last part says that all have.
While Postgres writes one part, the next is drafted, which holds unless its users are sent something meanwhile.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import numpy as np

from market.alerts.alert import Firing, Outcome, Standing
from market.alerts.columns import Touches
from market.alerts.firings import Firings, Tick, TouchedRules
from market.alerts.touch import firing_id, time_of, touch
from mesh.alerts.batch import hold, kinds, sent, touched
from mesh.alerts.messages import notice_of
from mesh.alerts.writes import Mark, Notice, write_touched
from mesh.pool import Connection

MAX_TOUCHES = 10_000  # of a transaction, unless one rule has more
_DRAFT_LASTS = timedelta(seconds=10)
_TURN = 2_000  # touches decided before others of the process get a turn

Sends = asyncio.Future[Counter[UUID]]
"""Told once Postgres has what it is to write: how many firings each user is sent by that."""


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


class Draft(NamedTuple):
    """What touches come to where the `users` of the rules were `sent` so many firings within the hour before."""

    rules: TouchedRules
    users: set[UUID]
    sent: Counter[UUID]
    after: Sequence[Standing]
    firings: Firings

    @property
    def sends(self) -> Counter[UUID]:
        """How many firings each user is sent by it."""
        user, rule = self.rules.user, self.firings.rule
        return Counter([user[rule[at]] for at in self.firings.with_outcome(Outcome.SENT)])


class Settled(NamedTuple):
    """What was written: what rules fired, whom to tell, and the numbers of those that no tick can touch any more."""

    firings: Firings
    notices: Sequence[Notice]
    ended: Sequence[int]


async def drafted(connection: Connection, touches: Touches, before: Mapping[UUID, int] | None = None) -> Draft:
    """Decide touches without a lock; `before` is what users are sent by the transaction that is being written.

    Without it they are taken for users who were sent nothing: mostly they are, and to ask takes as long as to decide.
    Nobody but the owner of a partition changes its rules, so these are as they will be when the draft is settled.
    """
    rules = await touched(connection, list(dict.fromkeys(touches.number.tolist())))
    users, now = set(rules.user), datetime.now(UTC)
    counts = Counter[UUID]()
    if before is not None:
        counts.update(await sent(connection, users, now))
        counts.update({each: before[each] for each in users & before.keys()})
    return await _decided(touches, rules, users, counts, now)


async def settle(connection: Connection, mark: Mark, touches: Touches, draft: Draft, writing: Sends) -> Settled:
    """Write what comes of touches; the caller commits. Tells `writing` as Postgres begins to. Raises FencedError.

    With their users locked it is seen what they have been sent; where that is not what the draft took it for, all is
    decided again. So it is where Postgres was away for longer than a draft lasts: firings count from when they are
    recorded.
    """
    await hold(connection, draft.users)
    now = datetime.now(UTC)
    counts = Counter(await sent(connection, draft.users, now))
    if counts != draft.sent or now - draft.firings.now > _DRAFT_LASTS:
        draft = await _decided(touches, draft.rules, draft.users, counts, now)
    rules, firings = draft.rules, draft.firings
    wanted = [at for at in firings.with_outcome(Outcome.SENT) if rules.channels[firings.rule[at]]]
    notices = await notices_of(connection, [(firings.firing(at), rules.channels[firings.rule[at]]) for at in wanted])
    if not writing.done():
        writing.set_result(draft.sends)
    await write_touched(connection, mark, rules, draft.after, firings, notices)
    ended = [number for number, each in zip(rules.number, draft.after, strict=True) if not each.state.is_live]
    return Settled(firings, notices, ended)


async def _decided(
    touches: Touches, rules: TouchedRules, users: set[UUID], sent: Counter[UUID], now: datetime
) -> Draft:
    place_of = dict(zip(rules.number, itertools.count()))
    after, counts, firings = list(rules.standing), sent.copy(), Firings(rules, now)
    columns = (getattr(touches, each.name).tolist() for each in fields(touches))
    for at, (number, kind, side, price, ts_event_ns, day, tape_sequence, row) in enumerate(zip(*columns, strict=True)):
        rule = place_of.get(number)
        if rule is not None and after[rule].state.is_live:
            user, time = rules.user[rule], time_of(ts_event_ns)
            after[rule], outcome = touch(rules.terms[rule], after[rule], kind, side, time, day, counts[user])
            if outcome is not None:
                tick = Tick(price, time, side, tape_sequence, row, outcome)
                firings.add(firing_id(rules.id[rule], tape_sequence, row), rule, tick)
                counts[user] += outcome is Outcome.SENT
        if at % _TURN == _TURN - 1:
            await asyncio.sleep(0)
    return Draft(rules, users, sent, after, firings)


async def notices_of(connection: Connection, wanted: Sequence[tuple[Firing, Sequence[UUID]]]) -> list[Notice]:
    """Make the notifications of firings that are told of, through those of their alerts' channels that work."""
    channels = {channel for _, some in wanted for channel in some}
    kind_of = await kinds(connection, channels) if channels else {}
    return [
        notice_of(each, channel, kind_of[channel]) for each, some in wanted for channel in some if channel in kind_of
    ]
