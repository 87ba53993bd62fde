"""What a touch makes of a rule: a firing to record, and what it waits for then."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha1
from typing import NamedTuple
from uuid import UUID

from market.alerts.alert import Alert, Firing, Outcome
from market.alerts.columns import TouchKind
from market.alerts.rule import Repeat, State

MAX_SENT_PER_HOUR = 10  # of a user's firings; what is beyond is recorded, and told to no channel

_UNVERSIONED, _VERSION_5 = 0xFFFFFFFF_FFFF_0FFF_3FFF_FFFFFFFFFFFF, 0x00000000_0000_5000_8000_000000000000
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
    at = _time_of(ts_event_ns)
    if alert.expires_at is not None and alert.expires_at <= at:
        return Touched(alert.moved(State.EXPIRED, 0, alert.fired_day, now), None)
    if kind == TouchKind.REARM:
        return Touched(alert.moved(State.ARMED, 0, alert.fired_day, now), None)
    return fired(alert, _firing_id(alert.id, tape_sequence, row), side, price, at, day, tape_sequence, row, sent, now)


# One tick may fire 100,000 alerts: what they share is made once.
@lru_cache(maxsize=64)
def _time_of(ts_event_ns: int) -> datetime:
    return _1970 + timedelta(microseconds=ts_event_ns // 1000)


@lru_cache(maxsize=64)
def _place_of(tape_sequence: int, row: int) -> bytes:
    return b"%d:%d" % (tape_sequence, row)


def _firing_id(alert_id: UUID, tape_sequence: int, row: int) -> UUID:
    """Give `uuid5(alert_id, "<tape_sequence>:<row>")`, in half of its time."""
    hashed = sha1(alert_id.bytes + _place_of(tape_sequence, row), usedforsecurity=False).digest()
    return UUID(int=int.from_bytes(hashed[:16], "big") & _UNVERSIONED | _VERSION_5)


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
    waiting_side = side if alert.repeat is Repeat.EVERY_CROSS else 0
    fired_day = day if alert.repeat is Repeat.DAILY else 0
    after = alert.moved(_AFTER[alert.repeat], waiting_side, fired_day, now, last, alert.fired_count + counted)
    firing = Firing(
        firing_id,
        alert.id,
        alert.user,
        alert.symbol,
        alert.condition,
        alert.threshold,
        price,
        at,
        side,
        tape_sequence,
        row,
        outcome,
        alert.note,
        now,
    )
    return Touched(after, firing)
