"""What candles a tape makes, the slow way: row after row, in plain Python, a list of trades a candle.

A correction needs no tape here: it crosses a trade out of a list, and a replacement writes over it.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass
class Print:
    """A trade that was folded; `deal` is what now stands there: price, size and conditions; None: withdrawn."""

    ts: int
    is_late: bool
    trade_id: int
    deal: tuple[float, float, int] | None
    corrections: int = 0

    def is_meant(self, trade_id: int, price: float, size: float) -> bool:
        return self.deal is not None and (self.trade_id == trade_id if trade_id else self.deal[:2] == (price, size))


class Oracle:
    """Take rows one at a time, as the tape has them; `segments` are those of each instrument's venue."""

    def __init__(self, segments: Mapping[int, Segments], rules: FoldRules | None = None) -> None:
        self._segments, self._rules = segments, rules or FoldRules()
        self._high = 0
        self._last: dict[int, int] = {}
        self._prints: dict[tuple[Key, int], list[Print]] = defaultdict(list)
        self._at: dict[tuple[int, int], list[Print]] = defaultdict(list)  # by instrument and time
        self._withdrawn: dict[int, Print] = {}  # by instrument: what the next replacing trade replaces
        self.late, self.bad, self.repeated, self.corrections = 0, 0, 0, 0

    def apply(self, events: Rows) -> "Oracle":
        for row in events.view(TRADE.dtype).tolist():
            kind, flags, number, sequence, ts, recv, price, size, trade_id, last = row
            if number == NO_INSTRUMENT:
                continue
            if number not in self._segments:
                self.bad += 1
            elif sequence <= self._last.get(number, 0):
                self.repeated += 1
            else:
                self._last[number] = sequence
                if not self._is_good(kind, ts, recv, price, size):
                    self.bad += 1
                    continue
                if kind == Kind.TRADE and not flags & 1:
                    self._take(number, ts, trade_id, (price, size, last))
                self._high = max(self._high, ts)
                if kind == Kind.CORRECTION:
                    self._withdraw(number, flags, last, trade_id, price, size)
                elif kind == Kind.TRADE and flags & 1:
                    self._replace(number, trade_id, (price, size, last))
        return self

    def candles(self) -> dict[Key, Values]:
        """Every candle whose window the watermark has passed."""
        watermark = self._high - self._rules.bound_ns
        closed = {(key, end): prints for (key, end), prints in self._prints.items() if end <= watermark}
        return {key: values(prints, key.session, end) for (key, end), prints in closed.items()}

    def _is_good(self, kind: int, ts: int, recv: int, price: float, size: float) -> bool:
        rules = self._rules
        if ts < rules.first_ns or ts > recv + rules.future_ns:
            return False
        return kind != Kind.TRADE or (
            0 < price <= rules.max_price and 0 < size <= rules.max_size and price * size <= rules.max_turnover
        )

    def _withdraw(self, number: int, flags: int, ts: int, trade_id: int, price: float, size: float) -> None:
        meant = [each for each in self._at[number, ts] if each.is_meant(trade_id, price, size)]
        if flags & 2:
            self._withdrawn.pop(number, None)
        if not meant or ts // MINUTE_NS < self._high // MINUTE_NS - 72 * 60:
            self.bad += 1
            return
        meant[0].deal = None
        meant[0].corrections += 1
        self.corrections += 1
        if flags & 2:
            self._withdrawn[number] = meant[0]

    def _replace(self, number: int, trade_id: int, deal: tuple[float, float, int]) -> None:
        if number not in self._withdrawn:
            self.bad += 1
            return
        replaced = self._withdrawn.pop(number)
        replaced.deal, replaced.trade_id = deal, trade_id
        self.corrections += 1

    def _take(self, number: int, ts: int, trade_id: int, deal: tuple[float, float, int]) -> None:
        watermark = self._high - self._rules.bound_ns
        if ts < watermark - self._rules.lateness_ns:
            self.late += 1
            return
        segments, minute = self._segments[number], ts // MINUTE_NS
        before = segments.window(Timeframe.M1, minute - 1).session
        if ts % MINUTE_NS == 0 and before < segments.window(Timeframe.M1, minute).session:
            minute -= 1
        taken = Print(ts, (minute + 1) * MINUTE_NS <= watermark, trade_id, deal)
        self._at[number, ts].append(taken)
        for timeframe in Timeframe:
            window = segments.window(timeframe, minute)
            key = Key(number, timeframe, window.session, window.start_ns)
            self._prints[key, window.end_ns].append(taken)


def values(prints: list[Print], session: Session, end_ns: int) -> Values:
    excluded = Condition.ODD_LOT | (0 if session else Condition.EXTENDED_HOURS)
    in_time = sorted(prints, key=lambda each: each.ts)  # stable: the tape's order within an instant
    deals = [each.deal for each in in_time if each.deal is not None]
    prices = [price for price, _, conditions in deals if not conditions & excluded]
    return Values(
        end_ns,
        sum(each.is_late + each.corrections for each in prints),
        len(deals),
        prices[0] if prices else None,
        max(prices) if prices else None,
        min(prices) if prices else None,
        prices[-1] if prices else None,
        sum(nano_units(size) for _, size, _ in deals),
        sum(nano_units(price * size) for price, size, _ in deals),
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
