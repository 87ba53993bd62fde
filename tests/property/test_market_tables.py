"""Grouping, depth and trading days against plain Python."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from market import rows, subjects
from market.book import LEVELS, ROWS_PER_BOOK, DepthTable
from market.grouping import group
from market.row_type import Rows
from market.trading_day import TradingDays

keys = st.lists(st.integers(0, 5) | st.sampled_from([2**31, 2**32 - 1]), max_size=40)


@given(keys, st.sampled_from([">u4", np.uint32, np.uint64]))
def test_groups_are_what_a_dict_of_lists_holds(values: list[int], dtype: str) -> None:
    expected: dict[int, list[int]] = {}
    for position, key in enumerate(values):
        expected.setdefault(key, []).append(position)
    groups = group(np.array(values, dtype))
    assert groups.keys.tolist() == sorted(expected)
    members = [expected[key] for key in sorted(expected)]
    assert groups.order.tolist() == [position for each in members for position in each]
    assert groups.sizes.tolist() == [len(each) for each in members]
    assert groups.starts.tolist() == [sum(map(len, members[:at])) for at in range(len(members))]
    assert groups.lasts.tolist() == [each[-1] for each in members]
    assert groups.ranks.tolist() == [expected[key].index(position) for position, key in enumerate(values)]


@given(st.lists(st.integers(0, 2**32 - 1), max_size=20), st.sampled_from([1, 2, 4, 8, 16, 32, 64, 128, 256]))
def test_a_partition_is_within_bounds_and_the_same_whatever_comes_with_it(numbers: list[int], partitions: int) -> None:
    together = subjects.partitions_of(np.array(numbers, np.uint32), partitions).tolist()
    assert together == [subjects.partitions_of([number], partitions).item() for number in numbers]
    assert all(0 <= partition < partitions for partition in together)


levels = st.lists(
    st.fixed_dictionaries(
        {
            "instrument": st.integers(0, 3),
            "side": st.integers(0, 1),
            "level": st.integers(0, LEVELS + 2),
            "price": st.integers(1, 999).map(float),
            "size": st.integers(0, 9).map(float),
            "orders": st.integers(0, 99),
        }
    ),
    max_size=30,
)


def rows_of(values: list[dict[str, float]]) -> Rows:
    built = rows.LEVEL.blank(len(values))
    for at, row in enumerate(values):
        for name, value in row.items():
            built[name][at] = value
    return built


@given(levels, st.integers(0, 30))
def test_a_book_holds_the_latest_row_of_each_level(values: list[dict[str, float]], cut: int) -> None:
    table = DepthTable()
    table.reserve(2)
    table.reserve(4)
    expected: dict[tuple[float, float, float], dict[str, float]] = {}
    for part in (values[:cut], values[cut:]):
        changed = table.apply(rows_of(part))
        kept = [row for row in part if row["level"] < LEVELS]
        assert changed.tolist() == sorted({row["instrument"] for row in kept})
        expected.update({(row["instrument"], row["side"], row["level"]): row for row in kept})
    books = rows.LEVEL.read(table.books(np.arange(4)).tobytes())
    assert len(books) == 4 * ROWS_PER_BOOK
    for at, row in enumerate(books):
        place = (at // ROWS_PER_BOOK, at // LEVELS % 2, at % LEVELS)
        assert (row["instrument"], row["side"], row["level"]) == place
        if place in expected:
            assert {name: row[name] for name in expected[place]} == expected[place]
        else:
            assert np.isnan(row["price"])
            assert row["size"] == row["orders"] == 0


ZONES = ["America/New_York", "Europe/London", "Asia/Tokyo", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC"]
YEARS_NS = st.integers(0, 4_000_000_000_000_000_000)
BY_CHANGES = st.sampled_from([1772953200, 1793505600, 1774746000]).flatmap(  # hours around changes of the clock
    lambda second: st.integers(-200_000, 200_000).map(lambda offset: (second + offset) * 10**9 + 7)
)


@given(st.sampled_from(ZONES), st.lists(YEARS_NS | BY_CHANGES, max_size=12))
def test_a_day_is_the_local_date_of_each_time(zone: str, times: list[int]) -> None:
    local = ZoneInfo(zone)
    expected = [datetime.fromtimestamp(time // 10**9, local).date().toordinal() for time in times]
    days = TradingDays(zone)
    assert days.of(np.array(times, np.int64)).tolist() == expected
    assert days.of(np.array(times[:1], np.int64)).tolist() == expected[:1]
