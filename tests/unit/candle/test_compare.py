"""What differs between the tables and the tape, and what is left out of the count."""

import dataclasses

import numpy as np
import pytest

from market.candles.candles import Candles
from market.candles.timeframe import Session, Timeframe
from workers.candle.compare import Tally, compare

MINUTE_NS = 60 * 10**9
ALL_NS = 1 << 62


def candles(count: int, **columns: object) -> Candles:
    place = np.arange(count)
    given: dict[str, object] = {
        "instrument": 1 + place // 3,
        "timeframe": Timeframe.M1,
        "start_ns": (place % 3) * MINUTE_NS,
        "end_ns": (place % 3 + 1) * MINUTE_NS,
        "trades": 5,
        "open": 100.0 + place,
        "close": np.nan,
        **columns,
    }
    return Candles.of(count, **given)  # type: ignore[arg-type]  # columns of arrays and numbers


def changed(at: int, **values: float) -> Candles:
    stored = candles(6)
    for name, value in values.items():
        getattr(stored, name)[at] = value
    return stored


def test_the_same_in_another_order_is_equal() -> None:
    tally, newer = compare(candles(6).take(np.array([3, 1, 0, 5, 4, 2])), candles(6), ALL_NS)
    assert (tally, len(newer)) == (Tally(equal=6), 0)
    assert tally.is_same


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume_whole", "volume_nano", "turnover_nano"])
def test_one_value_makes_a_difference_that_cannot_be_written(name: str) -> None:
    tally, newer = compare(changed(4, **{name: 7}), candles(6), ALL_NS)
    assert (tally, len(newer)) == (Tally(equal=5, different=1), 0)


@pytest.mark.parametrize(("revision", "trades"), [(0, 4), (0, 0)])
def test_older_in_the_tables_is_different_and_written(revision: int, trades: int) -> None:
    tally, newer = compare(changed(4, revision=revision, trades=trades), candles(6), ALL_NS)
    assert tally == Tally(equal=5, different=1)
    assert newer.open.tolist() == [104.0]


@pytest.mark.parametrize(("revision", "trades"), [(0, 6), (1, 1), (1, 0)])
def test_newer_in_the_tables_is_more_and_stays(revision: int, trades: int) -> None:
    tally, newer = compare(changed(4, revision=revision, trades=trades), candles(6), ALL_NS)
    assert (tally, len(newer)) == (Tally(equal=5, more=1), 0)
    assert not tally.is_same


def test_what_is_missing_is_written() -> None:
    tally, newer = compare(candles(5), candles(6), ALL_NS)
    assert tally == Tally(equal=5, missing=1)
    assert newer.open.tolist() == [105.0]


def test_what_the_tape_does_not_have_is_more_unless_it_is_from_a_file() -> None:
    expected = candles(5)
    assert compare(candles(6), expected, ALL_NS)[0] == Tally(equal=5, more=1)
    assert compare(changed(5, trades=0), expected, ALL_NS)[0] == Tally(equal=5)
    assert compare(changed(5, trades=0, revision=2), expected, ALL_NS)[0] == Tally(equal=5, more=1)


def test_candles_of_windows_that_the_tape_has_nothing_of_are_not_counted() -> None:
    expected = candles(6).take(np.array([0, 1, 3, 4]))
    assert compare(candles(6), expected, ALL_NS)[0] == Tally(equal=4)
    other_session = candles(6, session=Session.EXTENDED)
    assert compare(Candles.concat([expected, other_session]), expected, ALL_NS)[0] == Tally(equal=4)


def test_windows_that_may_still_change_are_not_counted_but_written() -> None:
    stored = changed(2, trades=9)  # its third minute is further there than on the tape
    missing = stored.take(np.array([0, 1, 2, 3, 4]))
    tally, newer = compare(missing, candles(6), 3 * MINUTE_NS)
    assert tally == Tally(equal=4)
    assert newer.open.tolist() == [105.0]


def test_nothing_on_either_side_is_no_difference() -> None:
    assert compare(candles(0), candles(0), ALL_NS)[0] == Tally()
    assert compare(candles(3), candles(0), ALL_NS)[0] == Tally()


def test_tallies_add_up_field_by_field() -> None:
    one, two = Tally(1, 2, 3, 4), Tally(10, 20, 30, 40)
    assert dataclasses.astuple(one + two) == (11, 22, 33, 44)
