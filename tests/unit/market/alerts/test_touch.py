"""What touches make of alerts."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4, uuid5

import pytest

from market.alerts.alert import Outcome, Standing
from market.alerts.columns import TouchKind
from market.alerts.rule import Repeat, State
from market.alerts.touch import MAX_SENT_PER_HOUR, Terms, firing_id, time_of, touch

NOON = datetime(2026, 3, 2, 15, tzinfo=UTC)
ONCE = Terms(Repeat.ONCE, 0, None)
ARMED = Standing(State.ARMED, 0, 0, None, 0)
WAITING = Standing(State.WAITING, -1, 0, None, 1)


def touched(
    terms: Terms, standing: Standing = ARMED, kind: TouchKind = TouchKind.FIRE, sent: int = 0
) -> tuple[Standing, Outcome | None]:
    return touch(terms, standing, kind, -1, NOON, 739_000, sent)


@pytest.mark.parametrize(
    ("repeat", "state", "waiting_side", "fired_day"),
    [
        (Repeat.ONCE, State.FIRED, 0, 0),
        (Repeat.DAILY, State.DORMANT, 0, 739_000),
        (Repeat.EVERY_CROSS, State.WAITING, -1, 0),
    ],
)
def test_a_rule_fires_and_moves_on(repeat: Repeat, state: State, waiting_side: int, fired_day: int) -> None:
    after = Standing(state, waiting_side, fired_day, NOON, 1)
    assert touched(ONCE._replace(repeat=repeat)) == (after, Outcome.SENT)


def test_a_rule_is_armed_again() -> None:
    assert touched(ONCE, WAITING, TouchKind.REARM) == (ARMED._replace(fired_count=1), None)


@pytest.mark.parametrize("kind", TouchKind)
def test_the_first_touch_from_its_expiry_on_ends_a_rule(kind: TouchKind) -> None:
    after = WAITING._replace(state=State.EXPIRED, waiting_side=0)
    assert touched(ONCE._replace(expires_at=NOON), WAITING, kind) == (after, None)
    later = ONCE._replace(expires_at=NOON + timedelta(microseconds=1))
    assert touched(later, WAITING, kind)[0].state is not State.EXPIRED


@pytest.mark.parametrize(("ago", "outcome"), [(59_999_999, Outcome.COOLDOWN), (60_000_000, Outcome.SENT)])
def test_a_crossing_within_the_cooldown_is_used_up(ago: int, outcome: Outcome) -> None:
    last = NOON - timedelta(microseconds=ago)
    is_used_up = outcome is Outcome.COOLDOWN
    after = Standing(State.FIRED, 0, 0, *((last, 3) if is_used_up else (NOON, 4)))
    assert touched(ONCE._replace(cooldown_s=60), ARMED._replace(last_fired_at=last, fired_count=3)) == (after, outcome)


def test_the_first_firing_has_no_cooldown_before_it() -> None:
    assert touched(ONCE._replace(cooldown_s=60))[1] is Outcome.SENT


def test_what_is_beyond_the_limit_of_an_hour_counts_all_the_same() -> None:
    after = Standing(State.FIRED, 0, 0, NOON, 1)
    assert touched(ONCE, sent=MAX_SENT_PER_HOUR - 1) == (after, Outcome.SENT)
    assert touched(ONCE, sent=MAX_SENT_PER_HOUR) == (after, Outcome.LIMIT)


def test_a_firing_is_named_by_its_rule_and_its_tick() -> None:
    for _ in range(50):
        alert = uuid4()
        assert firing_id(alert, 1_000, 12) == str(uuid5(alert, "1000:12"))


def test_the_time_of_a_tick_is_kept_in_microseconds() -> None:
    assert time_of(1_772_463_600_000_000_999) == NOON
