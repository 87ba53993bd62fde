"""Which minute a trade is of, whether it is in time for it, and whether it forms a price."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from market.candles.checks import FoldRules
from market.candles.ladder import Ladder
from market.candles.minutes import Trades
from market.candles.places import PlaceTable
from market.candles.sessions import MINUTE_NS
from market.candles.timeframe import Session
from market.codes import NOT_PRICE_FORMING, Condition

Bools = npt.NDArray[np.bool_]
I8 = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]


class Arrival(NamedTuple):
    """The minutes of trades, which of them are too late, and which come after their minute has closed; None: none."""

    minute: I8
    too_late: Bools | None
    late: Bools | None


class Attribution:
    """The rules by which a fold's trades fall into minutes; a minute that is folded again has the same ones."""

    def __init__(self, rules: FoldRules, table: PlaceTable, ladder: Ladder) -> None:
        self._rules, self._table, self._ladder = rules, table, ladder

    def arrival(self, trades: Trades, high_before: I8 | None) -> Arrival:
        """Judge trades by the newest time before each of them; None where that tells of no delay."""
        minute = self.minutes(trades)
        watermark = None if high_before is None else high_before - self._rules.bound_ns
        if watermark is None or not (trades.ts <= watermark).any():
            return Arrival(minute, None, None)
        too_late, late = trades.ts < watermark - self._rules.lateness_ns, (minute + 1) * MINUTE_NS <= watermark
        return Arrival(minute, too_late if too_late.any() else None, late)

    def minutes(self, trades: Trades) -> I8:
        """Give each trade's minute; those stamped at the very end of a regular session are of its last one."""
        minute = trades.ts // MINUTE_NS
        at = np.flatnonzero(minute * MINUTE_NS == trades.ts)
        for venue, each, own in self._by_window(at, minute, trades):
            if self._ladder.venues[venue].is_closing(each):
                minute[own] -= 1
        return minute

    def forming(self, minute: I8, trades: Trades) -> Bools | None:
        """Tell which trades form prices; None for all of them."""
        odd = np.flatnonzero(trades.conditions & np.uint8(NOT_PRICE_FORMING))
        if not len(odd):
            return None
        forming = np.ones(len(trades), bool)
        for venue, each, own in self._by_window(odd, minute, trades):
            session = self._ladder.windows(venue, each)[0].session
            excluded = NOT_PRICE_FORMING if session is Session.REGULAR else Condition.ODD_LOT
            forming[own] = trades.conditions[own] & np.uint8(excluded) == 0
        return forming

    def _by_window(self, at: Places, minute: I8, trades: Trades) -> Iterator[tuple[int, int, Places]]:
        """Part the trades at positions `at` by venue and minute, of which there are few."""
        venues, minutes = self._table.venue[trades.place[at]], minute[at]
        for venue, each in set(zip(venues.tolist(), minutes.tolist(), strict=True)):
            yield venue, each, at[(venues == venue) & (minutes == each)]


def rising(ts: I8, high_ns: int) -> tuple[I8, I8]:
    """Give the newest time with each row, and that before it."""
    high = np.maximum.accumulate(ts)
    np.maximum(high, high_ns, out=high)
    before = np.empty_like(high)
    before[0], before[1:] = high_ns, high[:-1]
    return high, before
