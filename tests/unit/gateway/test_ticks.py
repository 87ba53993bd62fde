import pytest

from gateway.live.commands import MAX_RATE, MIN_RATE
from gateway.live.ticks import TICK_S, interval_ticks, rate_per_s, tick_at


@pytest.mark.parametrize(
    ("rate", "ticks"), [(100, 1), (50, 2), (20, 5), (10, 10), (3, 34), (1, 100), (0.5, 200), (0.1, 1000), (33.4, 3)]
)
def test_a_rate_is_so_many_ticks(rate: float, ticks: int) -> None:
    assert interval_ticks(rate) == ticks


@pytest.mark.parametrize("rate", [MIN_RATE, 0.3, 0.7, 1, 2.5, 7, 10, 20, 29, 30, 49, 51, 99, MAX_RATE])
def test_nobody_gets_more_than_was_asked_for_nor_a_tick_less(rate: float) -> None:
    ticks = interval_ticks(rate)
    assert rate_per_s(ticks) <= rate
    assert ticks == 1 or 1 / ((ticks - 1) * TICK_S) > rate


def test_a_rate_beyond_the_grid_is_the_grid_s() -> None:
    assert interval_ticks(10_000) == 1
    assert rate_per_s(1) == 100


def test_the_rate_told_is_the_rate_got() -> None:
    assert [rate_per_s(ticks) for ticks in (1, 3, 5, 7, 1000)] == [100, 33.333, 20, 14.286, 0.1]


def test_time_goes_in_ticks() -> None:
    assert [tick_at(now_s) for now_s in (0.0, 0.0099, 0.0101, 1.0, 12345.678)] == [0, 0, 1, 100, 1234567]
