"""What a touch makes of a rule: where it stands then, and what becomes of a firing."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha1
from typing import NamedTuple
from uuid import UUID

from market.alerts.alert import Outcome, Standing
from market.alerts.columns import TouchKind
from market.alerts.rule import Repeat, State

MAX_SENT_PER_HOUR = 10  # of a user's firings; what is beyond is recorded, and told to no channel

_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_AFTER = {Repeat.ONCE: State.FIRED, Repeat.DAILY: State.DORMANT, Repeat.EVERY_CROSS: State.WAITING}
_VARIANTS = dict(zip("0123456789abcdef", 4 * "89ab", strict=True))


class Terms(NamedTuple):
    """What of a rule decides how it goes on, and no touch changes."""

    repeat: Repeat
    cooldown_s: int
    expires_at: datetime | None


def touch(
    terms: Terms, standing: Standing, kind: int, side: int, at: datetime, day: int, sent: int
) -> tuple[Standing, Outcome | None]:
    """Decide a touch of a rule that is live; None: it did not fire.

    `kind`, `side` and `day` as in `Touches`, `at` is the time of the tick, `sent` as in `Facts`.
    """
    if terms.expires_at is not None and terms.expires_at <= at:
        return standing._replace(state=State.EXPIRED, waiting_side=0), None
    if kind == TouchKind.REARM:
        return standing._replace(state=State.ARMED, waiting_side=0), None
    return fired(terms, standing, side, at, day, sent)


def fired(terms: Terms, standing: Standing, side: int, at: datetime, day: int, sent: int) -> tuple[Standing, Outcome]:
    """Decide a firing; one within the cooldown of the last is used up, and counts for nothing."""
    repeat, last = terms.repeat, standing.last_fired_at
    if terms.cooldown_s and last is not None and at < last + timedelta(seconds=terms.cooldown_s):
        outcome, counted = Outcome.COOLDOWN, 0
    else:
        outcome, counted = Outcome.LIMIT if sent >= MAX_SENT_PER_HOUR else Outcome.SENT, 1
        last = at
    waiting_side = side if repeat is Repeat.EVERY_CROSS else 0
    fired_day = day if repeat is Repeat.DAILY else 0
    return Standing(_AFTER[repeat], waiting_side, fired_day, last, standing.fired_count + counted), outcome


# One tick may fire 100,000 alerts: what they share is made once.
@lru_cache(maxsize=64)
def time_of(ts_event_ns: int) -> datetime:
    """Give the time of a tick, as tables keep it."""
    return _1970 + timedelta(microseconds=ts_event_ns // 1000)


@lru_cache(maxsize=64)
def _place_of(tape_sequence: int, row: int) -> bytes:
    return b"%d:%d" % (tape_sequence, row)


def firing_id(alert_id: UUID, tape_sequence: int, row: int) -> str:
    """Give the text of `uuid5(alert_id, "<tape_sequence>:<row>")`, in a third of its time."""
    text = sha1(alert_id.bytes + _place_of(tape_sequence, row), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANTS[text[16]]}{text[17:20]}-{text[20:32]}"
