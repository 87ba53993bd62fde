import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
import talib

from market.indicators import Bars, Bbands, Ema, Indicator, Macd, Rsi, Sma, Smoothed, Vwap

Closes = npt.NDArray[np.float64]
Columns = Sequence[Closes]


def walk(seed: int, is_flat: bool = False) -> Closes:
    """Walk 5,000 closes at random, some of them in place."""
    steps = np.random.default_rng(seed).normal(0, 0.2, 5000)
    if is_flat:
        steps[300:700] = steps[2000:2900] = 0
    return np.round(200 + np.abs(np.cumsum(steps)), 2)


def bars(closes: Closes) -> Bars:
    return Bars(closes.tolist(), [1.0] * len(closes), closes.tolist(), [0] * len(closes))


def columns(indicator: Indicator, closes: Closes) -> Closes:
    """Give the values after each bar, one row a column."""
    values = []
    for at in range(len(closes)):
        indicator = indicator.through(bars(closes[at : at + 1]))
        values.append(indicator.values)
    return np.array(values).T


CASES: list[tuple[Indicator, Callable[[Closes], Columns]]] = [
    (Sma(20), lambda closes: [talib.SMA(closes, 20)]),
    (Sma(2), lambda closes: [talib.SMA(closes, 2)]),
    (Ema(Smoothed(50)), lambda closes: [talib.EMA(closes, 50)]),
    (Rsi(14), lambda closes: [talib.RSI(closes, 14)]),
    (Rsi(2), lambda closes: [talib.RSI(closes, 2)]),
    (Macd(Smoothed(12), Smoothed(26), Smoothed(9)), lambda closes: talib.MACD(closes, 12, 26, 9)),
    (Macd(Smoothed(2), Smoothed(200), Smoothed(100)), lambda closes: talib.MACD(closes, 2, 200, 100)),
    (Bbands(20, 2.0), lambda closes: talib.BBANDS(closes, 20, 2.0, 2.0)),
    (Bbands(200, 0.1), lambda closes: talib.BBANDS(closes, 200, 0.1, 0.1)),
]
NAMES = [type(case[0]).__name__ for case in CASES]


@pytest.mark.parametrize("is_flat", [False, True], ids=["moving", "with flat stretches"])
@pytest.mark.parametrize(("indicator", "peer"), CASES, ids=NAMES)
def test_it_agrees_with_ta_lib(indicator: Indicator, peer: Callable[[Closes], Columns], is_flat: bool) -> None:
    closes = walk(7, is_flat)
    expected = np.array(peer(closes))
    ours = columns(indicator, closes)
    assert (np.isnan(ours) == np.isnan(expected)).all()
    assert np.nanmax(np.abs(ours - expected)) < 1e-9


@pytest.mark.parametrize("indicator", [case[0] for case in CASES], ids=NAMES)
def test_many_bars_at_once_are_the_same_as_one_by_one(indicator: Indicator) -> None:
    closes = walk(11)[:700]
    one_by_one = columns(indicator, closes)
    for cut in (0, 1, 25, 199, 300, 699, 700):
        state = indicator.through(bars(closes[:cut])).through(bars(closes[cut:]))
        np.testing.assert_array_equal(state.values, one_by_one[:, -1])


@pytest.mark.parametrize("indicator", [case[0] for case in CASES], ids=NAMES)
def test_trying_a_bar_changes_nothing(indicator: Indicator) -> None:
    state = indicator.through(bars(walk(11)[:400]))
    before = state.values
    state.through(bars(np.array([1e6])))
    assert state.values == before


def test_a_price_that_never_moves_has_no_strength() -> None:
    assert Rsi(3).through(bars(np.full(10, 5.0))).values == (0.0,)


def test_vwap_begins_anew_with_each_day() -> None:
    state = Vwap().through(Bars([10.0, 20.0], [100.0, 300.0], [1000.0, 6000.0], [1, 1]))
    assert state.values == (17.5,)
    assert state.through(Bars([30.0], [10.0], [300.0], [2])).values == (30.0,)
    assert state.values == (17.5,)


def test_vwap_of_no_shares_is_unknown() -> None:
    assert math.isnan(Vwap().values[0])
    assert math.isnan(Vwap().through(Bars([10.0], [0.0], [0.0], [1])).values[0])
