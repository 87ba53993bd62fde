"""The trading day: which local calendar day of a venue an event belongs to."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

_NS = 1_000_000_000


class TradingDays:
    """Number the days of one time zone; whole batches of one day, nearly all, cost two comparisons."""

    def __init__(self, time_zone: str) -> None:
        self._zone = ZoneInfo(time_zone)
        self._day, self._start_ns, self._end_ns = 0, 0, 0

    def of(self, ts_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Give each time's day as its proleptic Gregorian ordinal; `ts_ns` is int64[n], ns since 1970 UTC."""
        if len(ts_ns) and self._start_ns <= ts_ns.min() and ts_ns.max() < self._end_ns:
            return np.full(len(ts_ns), self._day, np.int32)
        days = np.empty(len(ts_ns), np.int32)
        pending = np.ones(len(ts_ns), bool)
        while pending.any():
            self._enter(int(ts_ns[np.argmax(pending)]))
            inside = pending & (ts_ns >= self._start_ns) & (ts_ns < self._end_ns)
            days[inside] = self._day
            pending &= ~inside
        return days

    def _enter(self, ts_ns: int) -> None:
        if self._start_ns <= ts_ns < self._end_ns:
            return
        day = datetime.fromtimestamp(ts_ns // _NS, self._zone).date()
        self._day = day.toordinal()
        self._start_ns, self._end_ns = self._midnight_ns(day), self._midnight_ns(day + timedelta(days=1))

    def _midnight_ns(self, day: date) -> int:
        return int(datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp()) * _NS
