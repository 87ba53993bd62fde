"""What is told of firings: which of them become messages, and what these say."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from market.alerts.alert import Firing, Outcome, Standing
from market.alerts.answers import firing_body
from market.alerts.firings import Firings, Tick, TouchedRules
from market.alerts.rule import Condition, Repeat, State
from market.alerts.touch import Terms, firing_id
from mesh.alerts.messages import FiredMessages, FiredPayload, fired_message, told_of

NOON = datetime(2026, 3, 5, 17, tzinfo=UTC)


def firing(number: int, user: int, outcome: Outcome) -> Firing:
    return Firing(
        id=UUID(int=number),
        alert_id=UUID(int=number + 1),
        user=UUID(int=user),
        symbol="XNYS:S7",
        condition=Condition.CHANGE_PCT,
        threshold=5.0,
        price=94.5,
        fired_at=NOON,
        side=-1,
        tape_sequence=1,
        row=number,
        outcome=outcome,
        note="n",
        recorded_at=NOON,
        seen_at=None,
    )


def test_one_stands_for_all_that_a_user_s_limit_keeps_back() -> None:
    sent = [firing(number, 1 + number % 2, Outcome.SENT) for number in range(20)]
    kept_back = [firing(number, 1 + number % 2, Outcome.LIMIT) for number in range(20, 1020)]
    assert told_of([*kept_back[:500], *sent, *kept_back[500:]]) == [*sent, *kept_back[-2:]]


def test_what_cools_down_is_told_nowhere() -> None:
    assert told_of([firing(1, 1, Outcome.COOLDOWN)]) == []


def test_a_firing_is_told_to_its_user_alone() -> None:
    told = firing(1, 3, Outcome.SENT)
    body = {
        "id": "00000000-0000-0000-0000-000000000001",
        "alert_id": "00000000-0000-0000-0000-000000000002",
        "symbol": "XNYS:S7",
        "condition": "CHANGE_PCT",
        "threshold": 5.0,
        "side": -1,
        "price": 94.5,
        "fired_at": "2026-03-05T17:00:00.000000Z",
        "outcome": "sent",
        "note": "n",
    }
    assert firing_body(told) == body
    subject, name, payload, can_wait = fired_message(told)
    user = "00000000-0000-0000-0000-000000000003"
    assert (subject, name, can_wait) == (f"alert.fired.{user}.{body['alert_id']}", body["id"], False)
    assert msgspec.msgpack.decode(payload) == {**body, "user": user}
    assert msgspec.msgpack.decode(payload, type=FiredPayload).user == told.user


def test_many_firings_are_told_as_each_by_itself() -> None:
    """Rules and ticks that differ in everything that a message says, and users who are told and kept back."""
    several = range(40)
    rules = TouchedRules(
        number=several,
        id=[UUID(int=1000 + at) for at in several],
        user=[UUID(int=at % 3) for at in several],
        symbol=[f"XNYS:S{at % 2}" for at in several],
        condition=[list(Condition)[at % 3].value for at in several],
        threshold=[100.0 + at % 4 for at in several],
        note=["ü" * (at % 5) * 70 for at in several],
        channels=[()] * len(several),
        terms=[Terms(Repeat.EVERY_CROSS, 0, None)] * len(several),
        standing=[Standing(State.ARMED, 0, 0, None, 0)] * len(several),
    )
    firings = Firings(rules, NOON)
    for at in range(200):
        nth = at // 2  # two firings of each tick
        place, side, outcome = nth // 7, 1 if nth % 2 else -1, list(Outcome)[nth % 3]
        tick = Tick(100.0 + nth % 5, NOON + timedelta(microseconds=place), side, place, nth % 7, outcome)
        firings.add(firing_id(rules.id[at % 40], place, nth % 7), at % 40, tick)
    assert len(firings.ticks) == 100
    each = [firings.firing(at) for at in range(len(firings))]
    messages = FiredMessages(firings)
    assert list(messages) == [fired_message(told) for told in told_of(each)]
    assert len(messages) == len(told_of(each)) > 60
    assert [msgspec.msgpack.decode(message.payload) for message in messages] == [
        {**firing_body(told), "user": str(told.user)} for told in told_of(each)
    ]
    assert {told.note for told in each} == {"ü" * times * 70 for times in range(5)}
