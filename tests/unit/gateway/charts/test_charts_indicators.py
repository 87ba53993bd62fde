import numpy as np
import pytest

from gateway.charts.indicators import F8, Series, parse_indicator

ASKED = ["sma:20", "ema:50", "rsi:14", "macd:12:26:9", "bbands:20:2", "vwap"]


def series(length: int, seed: int = 3, per_day: int = 390) -> Series:
    draw = np.random.default_rng(seed)
    close = np.round(100 + np.abs(np.cumsum(draw.normal(0, 0.1, length))), 2)
    volume = draw.integers(0, 50, length).astype(np.float64)
    return Series(close, volume, volume * close, np.arange(length) // per_day)


def values(text: str, of: Series, closed: int) -> F8:
    return np.array(list(parse_indicator(text).columns(of, closed).values()))


@pytest.mark.parametrize("text", ASKED)
def test_the_open_candle_goes_on_where_the_closed_ones_end(text: str) -> None:
    whole = series(1500)
    for closed in (1499, 1498, 1200, 1):
        np.testing.assert_allclose(values(text, whole, closed), values(text, whole, 1500), rtol=0, atol=1e-9)


@pytest.mark.parametrize("text", ASKED)
def test_after_its_warm_up_a_value_is_what_all_of_history_gives(text: str) -> None:
    whole = series(8000, per_day=10_000)
    asked = parse_indicator(text)
    begin = 0 if asked.is_daily else 8000 - asked.warm_up - 100
    np.testing.assert_allclose(
        values(text, whole.part(begin, 8000), 8000 - begin)[:, -100:], values(text, whole, 8000)[:, -100:], rtol=1e-11
    )


@pytest.mark.parametrize("text", ASKED)
@pytest.mark.parametrize("length", [0, 1, 2, 5])
def test_of_few_candles_little_is_known(text: str, length: int) -> None:
    for closed in range(length + 1):
        found = values(text, series(length), closed)
        assert found.shape == (len(parse_indicator(text).kind.columns), length)
        assert text == "vwap" or np.isnan(found).all()


def test_vwap_is_of_its_day_alone() -> None:
    whole = series(1000)
    second = whole.part(390, 780)
    np.testing.assert_allclose(values("vwap", whole, 1000)[:, 390:780], values("vwap", second, 390), rtol=1e-12)


def test_the_columns_have_names() -> None:
    assert list(parse_indicator("macd:12:26:9").columns(series(50), 49)) == ["macd", "signal", "histogram"]
    assert list(parse_indicator("bbands:20:2.5").columns(series(50), 49)) == ["upper", "middle", "lower"]
