"""The oracle of alerts on cases small enough to be seen through by hand."""

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from market.alerts.commands import Command, Create, Delete, Edit, IfTrue, Never, Pause, Rearm, Resume
from market.alerts.rule import Condition, Reference, Repeat
from market.codes import Condition as Sale
from market.codes import Kind
from market.rows import EVENT_DTYPE, TRADE
from tests.alert_oracle import S_NS, Oracle

NEW_YORK = ZoneInfo("America/New_York")
START = datetime(2026, 3, 5, 15, tzinfo=UTC)
USER, STRANGER = UUID(int=1), UUID(int=2)


class Floor:
    """One instrument, a tick a second, a message of the tape for each; commands between them."""

    def __init__(self, *prices: float) -> None:
        self.oracle = Oracle({1: NEW_YORK})
        self.at = START
        self._sequence = self._commands = 0
        self.trade(*prices)

    def trade(self, *prices: float, after: timedelta = timedelta(seconds=1), **fields: float) -> None:
        for price in prices:
            self._sequence += 1
            self.at += after
            row = TRADE.blank(1)
            row["instrument"], row["sequence"], row["price"], row["size"] = 1, self._sequence, price, 1.0
            row["ts_event"] = int(self.at.timestamp()) * S_NS
            for name, value in fields.items():
                row[name] = value
            self.oracle.tape(self._sequence, row.view(EVENT_DTYPE))

    def say(self, action: object, user: UUID = USER) -> int:
        self._commands += 1
        command = Command(UUID(int=self._commands), user, self.at, action)
        self.oracle.command(command, self._sequence)
        return self.oracle.statuses[command.id]

    def make(self, condition: str, threshold: float, repeat: str = "every_cross", **more: object) -> UUID:
        assert self.say(rule(condition, threshold, repeat, **more)) == 201
        return next(reversed(self.oracle.alerts))

    def fired(self) -> list[float]:
        """Give the prices of firings, negative where the lower line was met."""
        return [each.price * each.side for each in self.oracle.firings if not each.is_cooldown]


def rule(condition: str, threshold: float, repeat: str = "every_cross", **more: object) -> Create:
    fields = {"reference": Reference.CREATED, **more}
    return Create("XNAS:A", 1, Condition(condition), threshold, repeat=Repeat(repeat), **fields)  # type: ignore[arg-type]


def test_once_fires_at_the_line_and_not_again() -> None:
    floor = Floor(99)
    alert = floor.make("ABOVE", 100, "once")
    floor.trade(99.99, 100, 101, 98, 102)
    assert floor.fired() == [100]
    assert floor.oracle.alerts[alert].state == "fired"


def test_below_is_the_mirror_of_above() -> None:
    floor = Floor(101)
    floor.make("BELOW", 100, "once")
    floor.trade(100.01, 100)
    assert floor.fired() == [-100]


def test_every_cross_waits_until_the_price_is_back_past_the_hysteresis() -> None:
    floor = Floor(99)
    floor.make("ABOVE", 100)
    floor.trade(100, 99.91, 100, 99.9, 100)
    assert floor.fired() == [100, 100]
    assert [each.fired_ns // S_NS - int(START.timestamp()) for each in floor.oracle.firings] == [2, 6]


def test_the_tick_that_arms_again_is_held_against_the_other_line() -> None:
    floor = Floor(100)
    floor.make("CHANGE_PCT", 10)
    floor.trade(110, 90)
    assert floor.fired() == [110, -90]


def test_daily_fires_once_a_day_of_the_venue() -> None:
    floor = Floor(99)
    floor.make("ABOVE", 100, "daily")
    floor.trade(101, 98, 101)
    floor.trade(102, after=timedelta(hours=13))  # the fifth in UTC's next day, 23:00 in New York before midnight
    floor.trade(103, 104, after=timedelta(hours=2))
    assert floor.fired() == [101, 103]


def test_a_late_tick_counts_as_one_of_the_present_day() -> None:
    floor = Floor(99)
    floor.make("ABOVE", 100, "daily")
    floor.trade(90, after=timedelta(days=1))
    floor.trade(101, after=-timedelta(days=1))
    floor.trade(102, after=timedelta(days=1))
    assert floor.fired() == [101]


def test_change_from_the_close_of_the_day_before() -> None:
    floor = Floor(50, 80)
    floor.make("CHANGE_PCT", 50, "once", reference=Reference.PREV_CLOSE)
    floor.trade(200)  # no day before is known
    floor.trade(100, after=timedelta(days=1))
    floor.trade(299, after=timedelta(seconds=1))
    assert floor.fired() == [-100]


def test_a_fall_by_all_of_it_never_comes() -> None:
    floor = Floor(100)
    floor.make("CHANGE_PCT", 100)
    floor.trade(0.0001, 200)
    assert floor.fired() == [200]


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": Kind.QUOTE},
        {"conditions": Sale.ODD_LOT},
        {"conditions": Sale.EXTENDED_HOURS | Sale.INTERMARKET_SWEEP},
        {"instrument": 2},
        {"sequence": 1},
    ],
)
def test_what_forms_no_price_fires_nothing(fields: dict[str, float]) -> None:
    floor = Floor(99)
    floor.make("ABOVE", 100, "once")
    floor.trade(101, **fields)
    assert floor.fired() == []


@pytest.mark.parametrize("price", [float("nan"), float("inf"), 0.0, -101.0])
def test_what_is_no_price_fires_nothing(price: float) -> None:
    floor = Floor(50)
    floor.make("ABOVE", 100, "once")
    floor.make("BELOW", 10, "once")
    floor.trade(price)
    assert floor.fired() == []


def test_cooldown_consumes_a_crossing() -> None:
    floor = Floor(99)
    alert = floor.make("ABOVE", 100, cooldown_s=10)
    floor.trade(100, 99, 100, 99)
    floor.trade(100, after=timedelta(seconds=7))  # ten seconds after the first, not after the consumed one
    assert [each.is_cooldown for each in floor.oracle.firings] == [False, True, False]
    assert floor.oracle.alerts[alert].fired == 2


def test_expired_at_the_tick_that_would_have_fired() -> None:
    floor = Floor(99)
    alert = floor.make("ABOVE", 100, expires_at=START + timedelta(seconds=4))
    floor.trade(99, 99)
    assert floor.oracle.alerts[alert].state == "armed"
    floor.trade(100)
    assert (floor.fired(), floor.oracle.alerts[alert].state) == ([], "expired")


def test_what_has_expired_is_armed_again_by_a_new_expiry_alone() -> None:
    floor = Floor(99)
    alert = floor.make("ABOVE", 100, expires_at=START + timedelta(seconds=4))
    floor.trade(99, 99, 100)
    assert [floor.say(each) for each in (Pause(alert), Rearm(alert), Edit(alert, 101.0))] == [409, 409, 409]
    assert floor.say(Edit(alert, expires_at=START + timedelta(hours=1))) == 409  # already true
    assert floor.say(Edit(alert, expires_at=START + timedelta(hours=1), if_true=IfTrue.WAIT)) == 200
    floor.trade(99, 100)
    assert floor.fired() == [100]


def test_an_edit_takes_the_expiry_away() -> None:
    floor = Floor(99)
    alert = floor.make("ABOVE", 100, expires_at=START + timedelta(seconds=2))
    assert floor.say(Edit(alert, expires_at=Never.NEVER)) == 200
    floor.trade(100)
    assert floor.fired() == [100]


def test_already_true_is_refused_fires_or_waits_as_asked() -> None:
    floor = Floor(101)
    assert floor.say(rule("ABOVE", 100)) == 409
    fires, waits = (
        floor.make("ABOVE", 100, "once", if_true=IfTrue.FIRE),
        floor.make("ABOVE", 100, "once", if_true=IfTrue.WAIT),
    )
    assert floor.fired() == [101]
    floor.trade(102, 99, 103)
    assert [(each.alert, each.price) for each in floor.oracle.firings] == [(fires, 101), (waits, 103)]


def test_no_price_no_reference() -> None:
    floor = Floor()
    assert floor.say(rule("CHANGE_PCT", 5)) == 409
    floor.make("ABOVE", 5, "once")
    floor.trade(6)
    assert floor.fired() == [6]


def test_paused_sees_nothing_and_resumes_waiting_where_it_is_true() -> None:
    floor = Floor(99)
    alert = floor.make("ABOVE", 100, "once")
    assert floor.say(Resume(alert)) == 409
    assert [floor.say(Pause(alert)), floor.say(Pause(alert))] == [200, 409]
    floor.trade(101)
    assert floor.say(Resume(alert)) == 200
    floor.trade(102, 99.9, 100)
    assert floor.fired() == [100]


def test_a_rule_is_armed_again_by_its_owner() -> None:
    floor = Floor(99)
    alert = floor.make("ABOVE", 100, "once")
    floor.trade(101)
    assert floor.say(Rearm(alert)) == 409
    assert floor.say(Rearm(alert, IfTrue.FIRE), STRANGER) == 404
    assert floor.say(Rearm(alert, IfTrue.FIRE)) == 200
    floor.trade(99)
    assert floor.say(Rearm(alert)) == 200
    floor.trade(105)
    assert floor.fired() == [101, 101, 105]


def test_an_edit_moves_the_line_and_a_deletion_ends_it() -> None:
    floor = Floor(99)
    alert = floor.make("ABOVE", 100, "once")
    assert floor.say(Edit(alert, threshold=98.0)) == 409
    assert floor.say(Edit(alert, threshold=105.0)) == 200
    floor.trade(104, 105)
    assert floor.say(Delete(alert)) == 204
    assert floor.say(Delete(alert)) == 404
    floor.trade(90, 110)
    assert floor.fired() == [105]


def test_the_same_command_again_is_nothing_new() -> None:
    floor = Floor(101)
    command = Command(UUID(int=7), USER, floor.at, rule("ABOVE", 100, "once", if_true=IfTrue.FIRE))
    floor.oracle.command(command, 1)
    floor.oracle.command(command, 1)
    assert (len(floor.oracle.alerts), floor.fired()) == (1, [101])
