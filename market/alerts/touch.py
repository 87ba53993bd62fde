"""What a touch makes of a rule: a firing to record, and what it waits for then."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid5

from market.alerts.alert import Alert, Firing, Outcome
from market.alerts.columns import TouchKind
from market.alerts.rule import Repeat, State

MAX_SENT_PER_HOUR = 10  # of a user's firings; what is beyond is recorded, and told to no channel

_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_AFTER = {Repeat.ONCE: State.FIRED, Repeat.DAILY: State.DORMANT, Repeat.EVERY_CROSS: State.WAITING}


class Touched(NamedTuple):
    """A rule after a touch, and the firing to record, if it fired."""

    alert: Alert
    firing: Firing | None


def touch(
    alert: Alert,
    kind: int,
    side: int,
    price: float,
    ts_event_ns: int,
    day: int,
    tape_sequence: int,
    row: int,
    sent: int,
    now: datetime,
) -> Touched:
    """Decide a touch of a rule that is live, with the fields of `Touches`; `sent` and `now` as in `Facts`."""
    at = _1970 + timedelta(microseconds=ts_event_ns // 1000)
    if alert.expires_at is not None and alert.expires_at <= at:
        return Touched(replace(alert, state=State.EXPIRED, waiting_side=0, updated_at=now), None)
    if kind == TouchKind.REARM:
        return Touched(replace(alert, state=State.ARMED, waiting_side=0, updated_at=now), None)
    firing_id = uuid5(alert.id, f"{tape_sequence}:{row}")
    return fired(alert, firing_id, side, price, at, day, tape_sequence, row, sent, now)


def fired(
    alert: Alert,
    firing_id: UUID,
    side: int,
    price: float,
    at: datetime,
    day: int,
    tape_sequence: int,
    row: int,
    sent: int,
    now: datetime,
) -> Touched:
    """Record a firing; one within the cooldown of the last is used up, and counts for nothing."""
    last = alert.last_fired_at
    if alert.cooldown_s and last is not None and at < last + timedelta(seconds=alert.cooldown_s):
        outcome, counted = Outcome.COOLDOWN, 0
    else:
        outcome, counted = Outcome.LIMIT if sent >= MAX_SENT_PER_HOUR else Outcome.SENT, 1
        last = at
    after = replace(
        alert,
        state=_AFTER[alert.repeat],
        waiting_side=side if alert.repeat is Repeat.EVERY_CROSS else 0,
        fired_day=day if alert.repeat is Repeat.DAILY else 0,
        last_fired_at=last,
        fired_count=alert.fired_count + counted,
        updated_at=now,
    )
    firing = Firing(
        id=firing_id,
        alert_id=alert.id,
        user=alert.user,
        symbol=alert.symbol,
        condition=alert.condition,
        threshold=alert.threshold,
        price=price,
        fired_at=at,
        side=side,
        tape_sequence=tape_sequence,
        row=row,
        outcome=outcome,
        note=alert.note,
        recorded_at=now,
        seen_at=None,
    )
    return Touched(after, firing)
