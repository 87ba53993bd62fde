"""How often rules would have fired."""

import math

import numpy as np
import pytest

from market.alerts.preview import Bars, Fired, preview
from market.alerts.rule import Condition, Reference, Repeat, Rule

MINUTE_NS = 60_000_000_000
NAN = math.nan


def bars(*prices: tuple[float, float, float, float], minutes_a_day: int = 100) -> Bars:
    columns = np.array(prices, np.float64).reshape(-1, 4).T
    at = np.arange(len(prices))
    return Bars(at * MINUTE_NS, *columns, day=(739_000 + at // minutes_a_day).astype(np.int32))


def rule(condition: Condition, threshold: float, repeat: Repeat = Repeat.EVERY_CROSS) -> Rule:
    return Rule(5, 7, condition, threshold, Reference.PREV_CLOSE, repeat=repeat)


def test_a_minute_goes_from_its_open_to_what_is_nearer() -> None:
    low_first, high_first = bars((100, 105, 98, 104)), bars((100, 102, 96, 97))
    both = rule(Condition.CHANGE_PCT, 2.0)
    second, third = MINUTE_NS // 4, MINUTE_NS // 2
    assert preview(both, low_first, 100.0) == [Fired(second, 98.0, -1), Fired(third, 105.0, 1)]
    assert preview(both, high_first, 100.0) == [Fired(second, 102.0, 1), Fired(third, 96.0, -1)]


def test_what_is_true_at_first_waits_for_the_price_to_come_back() -> None:
    up_and_down = bars((100, 100, 100, 100), (95, 95, 95, 95), (100, 100, 100, 100))
    assert preview(rule(Condition.ABOVE, 99.0), up_and_down, NAN) == [Fired(2 * MINUTE_NS, 100.0, 1)]
    assert preview(rule(Condition.BELOW, 101.0), up_and_down, NAN) == []


@pytest.mark.parametrize(
    ("repeat", "minutes"), [(Repeat.ONCE, [1]), (Repeat.DAILY, [1, 4]), (Repeat.EVERY_CROSS, [1, 3, 5])]
)
def test_a_rule_repeats_as_it_would(repeat: Repeat, minutes: list[int]) -> None:
    down, up = (90.0,) * 4, (100.0,) * 4
    fired = preview(rule(Condition.ABOVE, 99.0, repeat), bars(down, up, down, up, up, up, minutes_a_day=4), NAN)
    expected = [1, 3] if repeat is Repeat.EVERY_CROSS else minutes
    assert [each.ts_event_ns // MINUTE_NS for each in fired] == expected


def test_a_previous_close_from_before_the_candles_counts() -> None:
    risen = bars((100, 100, 100, 100), (103, 103, 103, 103), minutes_a_day=2)
    assert preview(rule(Condition.CHANGE_PCT, 2.0), risen, 100.0) == [Fired(MINUTE_NS, 103.0, 1)]
    assert preview(rule(Condition.CHANGE_PCT, 2.0), risen, NAN) == []
    assert preview(rule(Condition.CHANGE_PCT, 2.0), bars((100,) * 4, (103,) * 4, minutes_a_day=1), NAN) != []


def test_what_is_within_the_cooldown_is_left_out() -> None:
    down, up = (90.0,) * 4, (100.0,) * 4
    crossings = bars(down, up, down, up, down, up)
    assert [each.ts_event_ns for each in preview(rule(Condition.ABOVE, 99.0), crossings, NAN, 121)] == [
        MINUTE_NS,
        5 * MINUTE_NS,
    ]
    assert len(preview(rule(Condition.ABOVE, 99.0), crossings, NAN, 120)) == 3


def test_minutes_without_prices_are_none() -> None:
    assert preview(rule(Condition.ABOVE, 99.0), bars((NAN,) * 4), NAN) == []
    assert preview(rule(Condition.ABOVE, 99.0), bars(), NAN) == []
    assert len(preview(rule(Condition.ABOVE, 99.0), bars((90,) * 4, (NAN,) * 4, (100,) * 4), NAN)) == 1


def test_a_month_of_minutes_is_one_run() -> None:
    prices = [(90.0,) * 4, (100.0,) * 4] * 500
    assert len(preview(rule(Condition.ABOVE, 99.0), bars(*prices), NAN)) == 500
