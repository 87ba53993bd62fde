"""The names of timeframes."""

import pytest

from market.candles.timeframe import Timeframe


def test_every_timeframe_has_its_name_table_and_length() -> None:
    assert [(each.text, each.table, each.minutes) for each in Timeframe] == [
        ("1m", "candles_1m", 1),
        ("5m", "candles_5m", 5),
        ("15m", "candles_15m", 15),
        ("1h", "candles_1h", 60),
        ("1d", "candles_1d", 0),
        ("1w", "candles_1w", 0),
        ("1M", "candles_1mo", 0),
    ]


@pytest.mark.parametrize("timeframe", Timeframe)
def test_a_timeframe_is_found_by_its_name(timeframe: Timeframe) -> None:
    assert Timeframe.of(timeframe.text) is timeframe


def test_a_name_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="'1mo' is not a timeframe; there are 1m, 5m, 15m, 1h, 1d, 1w, 1M"):
        Timeframe.of("1mo")
