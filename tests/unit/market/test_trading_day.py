"""The trading day: local midnights, also where a day has 23 or 25 hours."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from market.trading_day import TradingDays

HOUR_NS = 3_600_000_000_000
NEW_YORK = ZoneInfo("America/New_York")


def midnight_ns(day: date, zone: ZoneInfo = NEW_YORK) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1_000_000_000


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 3, 9), 24)], ids=str
)
def test_a_day_lasts_from_midnight_to_midnight_however_many_hours_that_is(day: date, hours: int) -> None:
    start, number = midnight_ns(day), day.toordinal()
    times = np.array([start - 1, start, start + hours * HOUR_NS - 1, start + hours * HOUR_NS])
    assert TradingDays("America/New_York").of(times).tolist() == [number - 1, number, number, number + 1]


def test_a_batch_may_hold_many_days_in_any_order() -> None:
    days = TradingDays("Asia/Tokyo")
    zone = ZoneInfo("Asia/Tokyo")
    dates = [date(2026, 1, 2), date(2020, 2, 29), date(2026, 1, 2), date(1970, 1, 2), date(2026, 1, 1)]
    times = np.array([midnight_ns(day, zone) + 5 for day in dates])
    assert days.of(times).tolist() == [day.toordinal() for day in dates]


def test_no_times_are_no_days() -> None:
    assert TradingDays("UTC").of(np.zeros(0, np.int64)).tolist() == []


def test_times_of_the_day_known_already_and_of_another_have_their_own_each() -> None:
    days = TradingDays("UTC")
    noons_ns = np.array([43_200, 129_600], np.int64) * 10**9
    first = date(1970, 1, 1).toordinal()
    assert days.of(noons_ns[:1]).tolist() == [first]
    assert days.of(noons_ns).tolist() == [first, first + 1]
    assert days.of(noons_ns[:0]).tolist() == []
