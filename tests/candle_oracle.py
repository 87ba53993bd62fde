"""What candles a tape makes, the slow way: row after row, in plain Python, a list of trades a candle."""

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from market.candles.candles import Candles
from market.candles.checks import FoldRules
from market.candles.sessions import MINUTE_NS, Segments
from market.candles.timeframe import Session, Timeframe
from market.codes import NO_INSTRUMENT, Condition, Kind
from market.row_type import Rows
from market.rows import TRADE

NANOS = 10**9


class Key(NamedTuple):
    instrument: int
    timeframe: Timeframe
    session: Session
    start_ns: int


class Values(NamedTuple):
    """Prices are None where no trade formed one; sums are whole nano units."""

    end_ns: int
    revision: int
    trades: int
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: int
    turnover: int


class Print(NamedTuple):
    ts: int
    price: float
    size: float
    forms_price: bool
    is_late: bool


class Oracle:
    """Take rows one at a time, as the tape has them; `segments` are those of each instrument's venue."""

    def __init__(self, segments: Mapping[int, Segments], rules: FoldRules | None = None) -> None:
        self._segments, self._rules = segments, rules or FoldRules()
        self._high = 0
        self._last: dict[int, int] = {}
        self._prints: dict[tuple[Key, int], list[Print]] = defaultdict(list)
        self.late, self.bad, self.repeated = 0, 0, 0

    def apply(self, events: Rows) -> "Oracle":
        for kind, flags, number, sequence, ts, recv, price, size, _, conditions in events.view(TRADE.dtype).tolist():
            if number == NO_INSTRUMENT:
                continue
            if number not in self._segments:
                self.bad += 1
            elif sequence <= self._last.get(number, 0):
                self.repeated += 1
            else:
                self._last[number] = sequence
                if kind == Kind.CORRECTION or not self._is_good(kind, flags, ts, recv, price, size):
                    self.bad += 1
                    continue
                if kind == Kind.TRADE:
                    self._take(number, ts, price, size, conditions)
                self._high = max(self._high, ts)
        return self

    def candles(self) -> dict[Key, Values]:
        """Every candle whose window the watermark has passed."""
        watermark = self._high - self._rules.bound_ns
        return {key: values(prints, end) for (key, end), prints in self._prints.items() if end <= watermark}

    def _is_good(self, kind: int, flags: int, ts: int, recv: int, price: float, size: float) -> bool:
        rules = self._rules
        if ts < rules.first_ns or ts > recv + rules.future_ns:
            return False
        return kind != Kind.TRADE or (
            0 < price <= rules.max_price
            and 0 < size <= rules.max_size
            and price * size <= rules.max_turnover
            and not flags & 1
        )

    def _take(self, number: int, ts: int, price: float, size: float, conditions: int) -> None:
        watermark = self._high - self._rules.bound_ns
        if ts < watermark - self._rules.lateness_ns:
            self.late += 1
            return
        segments, minute = self._segments[number], ts // MINUTE_NS
        before = segments.window(Timeframe.M1, minute - 1).session
        if ts % MINUTE_NS == 0 and before < segments.window(Timeframe.M1, minute).session:
            minute -= 1
        for timeframe in Timeframe:
            window = segments.window(timeframe, minute)
            excluded = Condition.ODD_LOT | (0 if window.session else Condition.EXTENDED_HOURS)
            is_late = (minute + 1) * MINUTE_NS <= watermark
            key = Key(number, timeframe, window.session, window.start_ns)
            self._prints[key, window.end_ns].append(Print(ts, price, size, not conditions & excluded, is_late))


def values(prints: list[Print], end_ns: int) -> Values:
    forming = [each for each in prints if each.forms_price]
    in_time = sorted(forming, key=lambda each: each.ts)  # stable: the tape's order within an instant
    prices = [each.price for each in forming]
    return Values(
        end_ns,
        sum(each.is_late for each in prints),
        len(prints),
        in_time[0].price if forming else None,
        max(prices) if forming else None,
        min(prices) if forming else None,
        in_time[-1].price if forming else None,
        sum(nano_units(each.size) for each in prints),
        sum(nano_units(each.price * each.size) for each in prints),
    )


def nano_units(value: float) -> int:
    return math.floor(value) * NANOS + round((value - math.floor(value)) * NANOS)


def by_key(candles: Candles) -> dict[Key, Values]:
    """The newest state of each candle, in the oracle's form."""
    newest = candles.sorted_newest()
    found = {}
    for at in range(len(newest)):
        key = Key(
            int(newest.instrument[at]),
            Timeframe(newest.timeframe[at]),
            Session(newest.session[at]),
            int(newest.start_ns[at]),
        )
        prices = [float(getattr(newest, name)[at]) for name in ("open", "high", "low", "close")]
        found[key] = Values(
            int(newest.end_ns[at]),
            int(newest.revision[at]),
            int(newest.trades[at]),
            *(None if np.isnan(price) else price for price in prices),
            int(newest.volume_whole[at]) * NANOS + int(newest.volume_nano[at]),
            int(newest.turnover_whole[at]) * NANOS + int(newest.turnover_nano[at]),
        )
    return found
