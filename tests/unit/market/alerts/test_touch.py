"""What touches make of alerts."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest

from market.alerts.alert import Alert, Outcome
from market.alerts.answers import firing_body
from market.alerts.columns import TouchKind
from market.alerts.rule import Condition, Reference, Repeat, State
from market.alerts.touch import MAX_SENT_PER_HOUR, Touched, touch

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
AT_NS = 1_772_463_600_000_000_999  # 15:00, and some nanoseconds that a table does not keep
ALERT = Alert(
    id=UUID(int=1),
    number=17,
    user=UUID(int=2),
    partition=4,
    instrument=7,
    symbol="XNAS:AAPL",
    condition=Condition.CHANGE_PCT,
    threshold=5.0,
    reference=Reference.PREV_CLOSE,
    reference_price=0.0,
    repeat=Repeat.ONCE,
    state=State.ARMED,
    waiting_side=0,
    since=900,
    fired_day=0,
    cooldown_s=0,
    expires_at=None,
    note="n",
    channels=(),
    created_at=NOW,
    updated_at=NOW,
)
LATER = NOW + timedelta(seconds=1)


def touched(alert: Alert, kind: TouchKind = TouchKind.FIRE, sent: int = 0) -> Touched:
    return touch(alert, kind, -1, 94.5, AT_NS, 739_000, 1_000, 12, sent, LATER)


@pytest.mark.parametrize(
    ("repeat", "state", "waiting_side", "fired_day"),
    [
        (Repeat.ONCE, State.FIRED, 0, 0),
        (Repeat.DAILY, State.DORMANT, 0, 739_000),
        (Repeat.EVERY_CROSS, State.WAITING, -1, 0),
    ],
)
def test_a_rule_fires_and_moves_on(repeat: Repeat, state: State, waiting_side: int, fired_day: int) -> None:
    alert = ALERT._replace(repeat=repeat)
    after, firing = touched(alert)
    assert after == alert._replace(
        state=state,
        waiting_side=waiting_side,
        fired_day=fired_day,
        last_fired_at=NOW,
        fired_count=1,
        updated_at=LATER,
    )
    assert firing is not None
    assert firing.id == uuid5(ALERT.id, "1000:12")
    assert (firing.alert_id, firing.user, firing.symbol, firing.note) == (ALERT.id, ALERT.user, "XNAS:AAPL", "n")
    assert (firing.condition, firing.threshold) == (Condition.CHANGE_PCT, 5.0)
    assert (firing.price, firing.side, firing.fired_at, firing.recorded_at) == (94.5, -1, NOW, LATER)
    assert (firing.tape_sequence, firing.row, firing.outcome, firing.seen_at) == (1_000, 12, Outcome.SENT, None)


def test_a_firing_is_told_without_its_user() -> None:
    firing = touched(ALERT).firing
    assert firing is not None
    assert firing_body(firing) == {
        "id": str(firing.id),
        "alert_id": str(ALERT.id),
        "symbol": "XNAS:AAPL",
        "condition": "CHANGE_PCT",
        "threshold": 5.0,
        "side": -1,
        "price": 94.5,
        "fired_at": "2026-03-02T15:00:00.000000Z",
        "outcome": "sent",
        "note": "n",
    }


def test_a_rule_is_armed_again() -> None:
    waiting = ALERT._replace(state=State.WAITING, waiting_side=-1, fired_count=1)
    assert touched(waiting, TouchKind.REARM) == (ALERT._replace(fired_count=1, updated_at=LATER), None)


@pytest.mark.parametrize("kind", TouchKind)
def test_the_first_touch_from_its_expiry_on_ends_a_rule(kind: TouchKind) -> None:
    waiting = ALERT._replace(state=State.WAITING, waiting_side=-1, expires_at=NOW)
    assert touched(waiting, kind) == (
        waiting._replace(state=State.EXPIRED, waiting_side=0, updated_at=LATER),
        None,
    )
    assert touched(ALERT._replace(expires_at=NOW + timedelta(microseconds=1)), kind).alert.state is not State.EXPIRED


@pytest.mark.parametrize(("ago", "outcome"), [(59_999_999, Outcome.COOLDOWN), (60_000_000, Outcome.SENT)])
def test_a_crossing_within_the_cooldown_is_used_up(ago: int, outcome: Outcome) -> None:
    last = NOW - timedelta(microseconds=ago)
    after, firing = touched(ALERT._replace(cooldown_s=60, last_fired_at=last, fired_count=3))
    assert firing is not None
    assert firing.outcome is outcome
    is_used_up = outcome is Outcome.COOLDOWN
    assert (after.last_fired_at, after.fired_count) == ((last, 3) if is_used_up else (NOW, 4))
    assert after.state is State.FIRED


def test_the_first_firing_has_no_cooldown_before_it() -> None:
    firing = touched(ALERT._replace(cooldown_s=60)).firing
    assert firing is not None
    assert firing.outcome is Outcome.SENT


def test_what_is_beyond_the_limit_of_an_hour_is_recorded_all_the_same() -> None:
    after, firing = touched(ALERT, sent=MAX_SENT_PER_HOUR)
    assert firing is not None
    assert firing.outcome is Outcome.LIMIT
    assert (after.last_fired_at, after.fired_count, after.state) == (NOW, 1, State.FIRED)
