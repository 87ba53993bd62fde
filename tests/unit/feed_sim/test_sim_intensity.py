import numpy as np
import pytest

from workers.feed.sim.draws import Purpose, SliceDraws
from workers.feed.sim.intensity import CLOSE_S, OPEN_S, DayIntensity, FlatIntensity, busyness

MINUTE_NS = 60 * 10**9


def test_open_and_close_are_busier_than_lunch_and_nights_are_alive() -> None:
    opening, lunch, closing = busyness(OPEN_S), busyness(12.75 * 3600), busyness(CLOSE_S - 60)
    assert opening > 3 * lunch
    assert closing > 3 * lunch
    assert 0.1 < busyness(3 * 3600) < lunch / 2
    assert busyness(CLOSE_S + 1) < lunch


def test_the_regular_session_averages_the_rate() -> None:
    seconds = np.arange(OPEN_S, CLOSE_S, 5)
    assert np.mean([busyness(second) for second in seconds]) == pytest.approx(1, abs=0.002)


@pytest.mark.parametrize("rate", [10, 33, 2000, 999_999])
def test_a_flat_second_has_exactly_the_rate(rate: int) -> None:
    intensity, draws = FlatIntensity(rate, 5_000_000), SliceDraws(1)
    first = 200 * 1_774_618_200
    assert sum(intensity.count(index, draws) for index in range(first, first + 200)) == rate


@pytest.mark.parametrize(("day", "open_hour_utc"), [("2026-03-06", 14.5), ("2026-03-09", 13.5)])
def test_the_day_follows_new_york_through_a_change_of_clocks(day: str, open_hour_utc: float) -> None:
    intensity, draws = DayIntensity(600, MINUTE_NS), SliceDraws(3)
    midnight = int(np.datetime64(day, "m").astype(int))
    counts = []
    for index in range(midnight, midnight + 1440):
        draws.enter(index)
        counts.append(intensity.count(index, draws))
    opening = int(open_hour_utc * 60)
    assert np.mean(counts[opening : opening + 390]) == pytest.approx(600 * 60, rel=0.02)
    assert counts[opening] > 5 * counts[opening - 1]


def test_a_slices_stream_does_not_depend_on_what_was_drawn_before() -> None:
    draws = SliceDraws(7)
    draws.enter(5)
    first = draws.words(10), draws.normals(10)
    draws.enter(6)
    other = draws.words(10)
    draws.normals(3)
    draws.enter(5)
    assert np.array_equal(first[0], draws.words(10))
    assert np.array_equal(first[1], draws.normals(10))
    draws.enter(5, Purpose.OPENING)
    assert not np.array_equal(first[0], draws.words(10))
    assert not np.array_equal(first[0], other)
