"""What commands make of alerts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest

from market.alerts.alert import Alert, Outcome
from market.alerts.commands import (
    MAX_CHANNELS,
    MAX_COOLDOWN_S,
    MAX_NOTE_CHARACTERS,
    Action,
    Command,
    Create,
    Delete,
    Edit,
    IfTrue,
    Never,
    Pause,
    Rearm,
    Resume,
)
from market.alerts.decide import NO_ROW, Decision, Facts, decide
from market.alerts.rule import Condition, Reference, Repeat, State
from market.ledger.times import time_text

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
USER, KEY, CHANNEL = UUID(int=1), UUID(int=2), UUID(int=3)
FACTS = Facts(
    partition=4,
    number=17,
    since=900,
    price=100.0,
    prev_close=98.0,
    day=739_000,
    active=3,
    sent=0,
    channels={CHANNEL},
    now=NOW + timedelta(seconds=1),
)
ABOVE = Create("XNAS:AAPL", 7, Condition.ABOVE, 110.0, channels=(CHANNEL,), note="sell")
MOVE = Create("XNAS:AAPL", 7, Condition.CHANGE_PCT, 5.0)


def command(action: Action, user: UUID = USER) -> Command:
    return Command(KEY, user, NOW, action)


def decided(action: Action, alert: Alert | None = None, facts: Facts = FACTS) -> Decision:
    return decide(command(action), alert, facts)


def made(create: Create = ABOVE, facts: Facts = FACTS, **fields: object) -> Alert:
    alert = decided(create, None, facts).alert
    assert alert is not None
    return alert._replace(**fields)  # type: ignore[arg-type]  # of any fields


def refused(decision: Decision) -> tuple[int, object, object]:
    assert decision.alert is None
    assert decision.firing is None
    return decision.answer.status, decision.answer.body["code"], decision.answer.body.get("field")


def test_a_rule_is_armed_from_the_ticks_on_that_are_next() -> None:
    decision = decided(ABOVE)
    alert = decision.alert
    assert alert is not None
    assert alert == Alert(
        id=uuid5(KEY, "alert"),
        number=17,
        user=USER,
        partition=4,
        instrument=7,
        symbol="XNAS:AAPL",
        condition=Condition.ABOVE,
        threshold=110.0,
        reference=Reference.CREATED,
        reference_price=0.0,
        repeat=Repeat.ONCE,
        state=State.ARMED,
        waiting_side=0,
        since=900,
        fired_day=0,
        cooldown_s=0,
        expires_at=None,
        note="sell",
        channels=(CHANNEL,),
        created_at=NOW,
        updated_at=NOW,
        last_fired_at=None,
        fired_count=0,
    )
    assert decision.firing is None
    assert decision.answer.status == 201
    assert decision.answer.body == {
        "id": str(alert.id),
        "symbol": "XNAS:AAPL",
        "condition": "ABOVE",
        "threshold": 110.0,
        "reference": "created",
        "reference_price": None,
        "repeat": "once",
        "cooldown": 0,
        "expires_at": None,
        "note": "sell",
        "notificationChannels": [str(CHANNEL)],
        "state": "armed",
        "created_at": time_text(NOW),
        "updated_at": time_text(NOW),
        "last_fired_at": None,
        "fired_count": 0,
        "already_true": False,
    }


def test_a_move_is_measured_from_the_price_it_was_made_at() -> None:
    alert = made(replace(MOVE, reference=Reference.CREATED))
    assert (alert.reference, alert.reference_price) == (Reference.CREATED, 100.0)
    assert made(MOVE).reference_price == 0.0
    unpriced = decided(replace(MOVE, reference=Reference.CREATED), facts=replace(FACTS, price=None))
    assert refused(unpriced) == (409, "no_price", "reference")


@pytest.mark.parametrize(
    ("create", "facts", "expected"),
    [
        (ABOVE, FACTS, False),
        (ABOVE, replace(FACTS, price=None), None),
        (replace(MOVE, threshold=1.0, if_true=IfTrue.WAIT), FACTS, True),
        (MOVE, replace(FACTS, prev_close=None), None),
        (replace(MOVE, reference=Reference.CREATED), replace(FACTS, prev_close=None), False),
    ],
)
def test_an_answer_says_whether_a_rule_is_true_already(create: Create, facts: Facts, expected: bool | None) -> None:
    assert decided(create, None, facts).answer.body["already_true"] is expected


def test_what_is_true_already_is_refused_by_default() -> None:
    decision = decided(replace(ABOVE, threshold=100.0))
    assert refused(decision) == (409, "already_true", None)
    assert decision.answer.body["price"] == 100.0


@pytest.mark.parametrize(("condition", "side"), [(Condition.ABOVE, 1), (Condition.BELOW, -1)])
def test_what_is_true_already_waits_for_the_price_to_come_back(condition: Condition, side: int) -> None:
    alert = made(replace(ABOVE, condition=condition, threshold=100.0, if_true=IfTrue.WAIT))
    assert (alert.state, alert.waiting_side) == (State.WAITING, side)


@pytest.mark.parametrize(
    ("repeat", "state", "waiting_side", "fired_day"),
    [
        (Repeat.ONCE, State.FIRED, 0, 0),
        (Repeat.DAILY, State.DORMANT, 0, 739_000),
        (Repeat.EVERY_CROSS, State.WAITING, -1, 0),
    ],
)
def test_what_is_true_already_fires_at_once(repeat: Repeat, state: State, waiting_side: int, fired_day: int) -> None:
    below = replace(ABOVE, condition=Condition.BELOW, threshold=100.5, repeat=repeat, if_true=IfTrue.FIRE)
    decision = decided(below)
    alert, firing = decision.alert, decision.firing
    assert alert is not None
    assert firing is not None
    assert (alert.state, alert.waiting_side, alert.fired_day) == (state, waiting_side, fired_day)
    assert (alert.last_fired_at, alert.fired_count, alert.updated_at) == (NOW, 1, NOW)
    assert firing.id == uuid5(alert.id, f"command:{KEY}")
    assert (firing.price, firing.side, firing.fired_at, firing.outcome) == (100.0, -1, NOW, Outcome.SENT)
    assert (firing.tape_sequence, firing.row, firing.recorded_at) == (900, NO_ROW, FACTS.now)


def test_a_firing_at_once_counts_among_those_of_the_hour() -> None:
    create = replace(ABOVE, threshold=100.0, if_true=IfTrue.FIRE)
    assert [
        firing.outcome for sent in (9, 10) if (firing := decided(create, None, replace(FACTS, sent=sent)).firing)
    ] == [Outcome.SENT, Outcome.LIMIT]


NAN = float("nan")


@pytest.mark.parametrize(
    ("create", "code", "field"),
    [
        (replace(ABOVE, threshold=NAN), "invalid_field", "threshold"),
        (replace(ABOVE, threshold=0.0), "invalid_field", "threshold"),
        (replace(ABOVE, threshold=-1.0), "invalid_field", "threshold"),
        (replace(ABOVE, threshold=1.1e8), "invalid_field", "threshold"),
        (replace(MOVE, threshold=1000.5), "invalid_field", "threshold"),
        (replace(MOVE, threshold=float("inf")), "invalid_field", "threshold"),
        (replace(ABOVE, cooldown_s=-1), "invalid_field", "cooldown"),
        (replace(ABOVE, cooldown_s=MAX_COOLDOWN_S + 1), "invalid_field", "cooldown"),
        (replace(ABOVE, expires_at=NOW), "invalid_field", "expires_at"),
        (replace(ABOVE, expires_at=NOW + timedelta(days=2000)), "invalid_field", "expires_at"),
        (replace(ABOVE, note="x" * (MAX_NOTE_CHARACTERS + 1)), "invalid_field", "note"),
        (replace(ABOVE, note="a\nb"), "invalid_field", "note"),
        (replace(ABOVE, channels=(CHANNEL,) * (MAX_CHANNELS + 1)), "invalid_field", "notificationChannels"),
        (replace(ABOVE, channels=(CHANNEL, USER)), "unverified_channel", "notificationChannels"),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_its_field(create: Create, code: str, field: str) -> None:
    assert refused(decided(create)) == (422, code, field)


def test_bounds_themselves_are_taken() -> None:
    at_most = replace(
        ABOVE, threshold=1e8, cooldown_s=MAX_COOLDOWN_S, expires_at=NOW + timedelta(days=1830), note="x" * 500
    )
    assert decided(at_most).answer.status == 201
    assert decided(replace(MOVE, threshold=1000.0, channels=(CHANNEL,) * 10)).answer.status == 201


def test_active_alerts_are_bounded() -> None:
    full = replace(FACTS, active=5, max_alerts=5)
    assert refused(decided(ABOVE, None, full)) == (409, "too_many_alerts", None)
    assert refused(decided(Rearm(KEY), made(state=State.FIRED), full)) == (409, "too_many_alerts", None)
    assert decided(Rearm(KEY), made(), full).answer.status == 200


@pytest.mark.parametrize("state", [State.ARMED, State.WAITING, State.DORMANT, State.EXPIRED])
def test_what_has_expired_counts_again_once_it_is_given_more_time(state: State) -> None:
    full, alert = replace(FACTS, active=5, max_alerts=5), made(state=state, expires_at=NOW)
    for expires_at in (NOW + timedelta(1), Never.NEVER):
        assert refused(decided(Edit(KEY, expires_at=expires_at), alert, full)) == (409, "too_many_alerts", None)
    paused = made(state=State.PAUSED, expires_at=NOW)
    assert decided(Edit(KEY, expires_at=Never.NEVER), paused, full).answer.body["state"] == "paused"


@pytest.mark.parametrize("action", [Edit(KEY), Pause(KEY), Resume(KEY), Rearm(KEY), Delete(KEY)])
def test_what_is_not_there_is_not_found(action: Action) -> None:
    expected = (404, "unknown_alert", None)
    assert refused(decided(action, None)) == expected
    assert refused(decided(action, made(state=State.DELETED))) == expected
    assert refused(decide(command(action, UUID(int=9)), made(), FACTS)) == expected


def test_an_edit_changes_what_it_names_and_nothing_else() -> None:
    alert = made(state=State.WAITING, waiting_side=1, since=5, created_at=NOW - timedelta(1), updated_at=NOW)
    edit = Edit(KEY, repeat=Repeat.DAILY, cooldown_s=60, note="", channels=(), expires_at=NOW + timedelta(1))
    expected = alert._replace(
        repeat=Repeat.DAILY, cooldown_s=60, note="", channels=(), expires_at=NOW + timedelta(1), updated_at=NOW
    )
    decision = decided(edit, alert)
    assert decision.alert == expected
    assert "already_true" not in decision.answer.body
    assert decided(Edit(KEY), alert).alert == alert
    assert decided(Edit(KEY, threshold=alert.threshold), alert).alert == alert


def test_an_edit_takes_an_expiry_away() -> None:
    alert = made(expires_at=NOW + timedelta(1))
    changed = decided(Edit(KEY, expires_at=Never.NEVER), alert).alert
    assert changed is not None
    assert changed.expires_at is None
    assert changed.state is State.ARMED


def test_an_edit_may_keep_a_channel_that_is_gone_but_add_none() -> None:
    alert, gone = made(channels=(USER,)), (USER, CHANNEL)
    changed = decided(Edit(KEY, channels=gone), alert).alert
    assert changed is not None
    assert changed.channels == gone
    assert refused(decided(Edit(KEY, channels=(USER, KEY)), alert))[1] == "unverified_channel"


@pytest.mark.parametrize(
    "edit",
    [
        Edit(KEY, threshold=-1.0),
        Edit(KEY, cooldown_s=-1),
        Edit(KEY, note="\0"),
        Edit(KEY, channels=(USER,)),
        Edit(KEY, expires_at=NOW),
    ],
)
def test_an_edit_is_held_to_the_same_bounds(edit: Edit) -> None:
    assert refused(decided(edit, made()))[0] == 422


@pytest.mark.parametrize("state", [State.WAITING, State.DORMANT, State.FIRED])
def test_another_threshold_arms_anew(state: State) -> None:
    alert = made(state=state, waiting_side=1, fired_day=5, since=5)
    changed = decided(Edit(KEY, threshold=120.0), alert).alert
    assert changed is not None
    assert changed.threshold == 120.0
    assert (changed.state, changed.waiting_side, changed.fired_day, changed.since) == (State.ARMED, 0, 0, 900)
    assert refused(decided(Edit(KEY, threshold=90.0), alert)) == (409, "already_true", None)


def test_another_threshold_leaves_a_paused_rule_paused() -> None:
    changed = decided(Edit(KEY, threshold=90.0), made(state=State.PAUSED)).alert
    assert changed is not None
    assert (changed.state, changed.threshold) == (State.PAUSED, 90.0)


@pytest.mark.parametrize("state", [State.ARMED, State.EXPIRED])
def test_what_has_expired_is_armed_anew_by_another_expiry_alone(state: State) -> None:
    alert = made(state=state, expires_at=NOW, since=5)
    assert alert.state is state
    for action in (Rearm(KEY), Edit(KEY, threshold=120.0)):
        assert refused(decided(action, alert)) == (409, "expired", "expires_at")
    assert refused(decided(Pause(KEY), alert)) == (409, "not_active", None)
    changed = decided(Edit(KEY, expires_at=NOW + timedelta(1)), alert).alert
    assert changed is not None
    assert (changed.state, changed.since) == (State.ARMED, 900)
    noted = decided(Edit(KEY, note="n"), alert)
    assert noted.answer.body["state"] == "expired"


def test_a_rule_is_paused_and_resumed() -> None:
    paused = decided(Pause(KEY), made(state=State.WAITING, waiting_side=1, fired_day=3)).alert
    assert paused is not None
    assert (paused.state, paused.waiting_side, paused.fired_day) == (State.PAUSED, 0, 0)
    assert refused(decided(Pause(KEY), paused)) == (409, "not_active", None)
    resumed = decided(Resume(KEY), paused).alert
    assert resumed is not None
    assert (resumed.state, resumed.since) == (State.ARMED, 900)
    assert refused(decided(Resume(KEY), resumed)) == (409, "not_paused", None)
    true = decided(Resume(KEY), paused._replace(threshold=90.0))
    assert true.alert is not None
    assert (true.alert.state, true.alert.waiting_side) == (State.WAITING, 1)
    assert true.answer.body["already_true"] is True


@pytest.mark.parametrize("state", [each for each in State if each is not State.DELETED])
def test_a_rule_is_armed_anew_from_any_state(state: State) -> None:
    alert = decided(Rearm(KEY), made(state=state, waiting_side=-1, fired_day=4)).alert
    assert alert is not None
    assert (alert.state, alert.waiting_side, alert.fired_day, alert.since) == (State.ARMED, 0, 0, 900)


def test_what_fires_within_the_cooldown_is_used_up() -> None:
    last = NOW - timedelta(seconds=59, microseconds=999_999)
    alert = made(state=State.FIRED, threshold=90.0, cooldown_s=60, last_fired_at=last, fired_count=4)
    decision = decided(Rearm(KEY, IfTrue.FIRE), alert)
    assert decision.alert is not None
    assert decision.firing is not None
    assert decision.firing.outcome is Outcome.COOLDOWN
    assert (decision.alert.state, decision.alert.last_fired_at) == (State.FIRED, last)
    assert decision.alert.fired_count == 4


def test_a_rule_is_deleted() -> None:
    decision = decided(Delete(KEY), made(since=5))
    assert (decision.answer.status, decision.answer.body) == (204, {})
    assert decision.alert == made(since=5)._replace(state=State.DELETED)


def test_who_is_dormant_is_shown_as_waiting() -> None:
    assert decided(Edit(KEY), made(state=State.DORMANT)).answer.body["state"] == "waiting"
