"""The minutes' planes: many trades are folded as one after the other would be, compiled or not."""

from unittest import mock

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.candles import exact, minutes, order
from market.candles.bars import NAMES
from market.candles.minutes import MinutePlanes, Trades
from tests.compiling import as_python, times_compiled

MINUTE = 29_000_000


def planes(places: int) -> MinutePlanes:
    made = MinutePlanes()
    made.reserve(places)
    return made


def figures(rng: np.random.Generator, count: int) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = rng.choice([0.1, 1 / 3, 1.0, 250.0, 12345.678901234], count)
    return values


def fold(places: int, batches: int, seed: int) -> npt.NDArray[np.int64]:
    rng, made = np.random.default_rng(seed), planes(places)
    for _ in range(batches):
        count = int(rng.integers(1, 40))
        place, ts = rng.integers(0, places, count), rng.integers(0, 5, count) + MINUTE * 60_000_000_000
        trades = Trades(place, ts, figures(rng, count), figures(rng, count), np.zeros(count, np.uint8))
        minute = MINUTE + rng.integers(0, 2, count)
        forming, late = (None if rng.random() < 0.5 else rng.random(count) < 0.5 for _ in range(2))
        made.add(minute, trades, forming, late)
    return made.block


@settings(deadline=None)  # the first one may have to compile
@given(st.integers(0, 2**32), st.integers(1, 5))
def test_compiled_code_does_what_it_says(seed: int, batches: int) -> None:
    compiled = fold(3, batches, seed)
    with mock.patch.multiple(minutes, _add=as_python(minutes._add), parts=as_python(exact.parts)):
        assert np.array_equal(fold(3, batches, seed), compiled)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e-9, 4e-10, 5e-10, 0.9999999996, 1e15, 123456.123456789, 2.5e-9, 3.5e-9])
def test_one_value_is_cut_as_many_are(value: float) -> None:
    whole, nano = exact.split(np.array([value]))
    expected = int(whole[0]), 0 if nano is None else int(nano[0])
    assert exact.parts(value) == as_python(exact.parts)(value) == expected


@pytest.mark.parametrize(("places", "count"), [(2, 40_000), (2, (1 << 20) + 2), (300_000, 20), (300_000, 40_000)])
def test_of_many_trades_and_many_places_each_bars_first_opens_and_its_last_closes(places: int, count: int) -> None:
    made, place = planes(places), places - 1 - np.arange(count) % 2
    same = np.zeros(count, np.int64)
    made.add(
        same + MINUTE, Trades(place, same, np.arange(count) + 1.0, same + 1.0, np.zeros(count, np.uint8)), None, None
    )
    bars = made.of(MINUTE).take(np.array([places - 1, places - 2]))
    assert bars.open.tolist() == [1.0, 2.0]
    assert bars.close.tolist() == [count - 1.0, count]
    assert bars.trades.tolist() == [count / 2] * 2


def test_all_is_compiled_once() -> None:
    fold(3, 5, 1)
    exact.parts(1.5)
    order.Sequences(2).follow(np.arange(2), np.ones(2, np.int64))
    for function in (minutes._add, exact.parts, order._follow):
        assert times_compiled(function) == 1


def test_columns_are_taken_apart_in_their_order() -> None:
    names = "first_ns last_ns open high low close volume_whole volume_nano turnover_whole turnover_nano trades revision"
    assert " ".join(NAMES) == names
