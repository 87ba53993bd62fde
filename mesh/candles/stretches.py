"""The stretches of time that tables of candles are cut into where the database does not cut them by itself."""

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from market.candles.timeframe import Timeframe

_MONDAY = 3  # 1970-01-01 was a Thursday: three days after one
_DAY_NS = 86_400 * 10**9

RETENTION_YEARS = {Timeframe.M1: 2, Timeframe.M5: 5, Timeframe.M15: 5, Timeframe.H1: 10}
"""How long candles are kept; the longer ones for ever. TimescaleDB's own policies, in its migration, say the same."""


def stretches(timeframe: Timeframe, start_ns: NDArray[np.int64]) -> list[tuple[datetime, datetime]]:
    """Name the stretches [begin, end) that candles with these starts fall into: weeks, months or years, in UTC."""
    if timeframe is Timeframe.M1:
        weeks = np.unique((start_ns // _DAY_NS + _MONDAY) // 7) * 7 - _MONDAY
        begins = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days) for days in weeks.tolist()]
        return [(begin, begin + timedelta(7)) for begin in begins]
    if timeframe in {Timeframe.M5, Timeframe.M15}:
        months = np.unique((start_ns // _DAY_NS).astype("M8[D]").astype("M8[M]").astype(np.int64))
        return [(_month(month), _month(month + 1)) for month in months.tolist()]
    if timeframe is Timeframe.H1:
        years = np.unique((start_ns // _DAY_NS).astype("M8[D]").astype("M8[Y]").astype(np.int64))
        return [(_month(year * 12), _month(year * 12 + 12)) for year in years.tolist()]
    return []


def _month(months_since_1970: int) -> datetime:
    return datetime(1970 + months_since_1970 // 12, months_since_1970 % 12 + 1, 1, tzinfo=UTC)
