"""Rows that withdraw a trade or replace one: what has to be read for them, and what becomes of the candles."""

from collections.abc import Generator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from market import rows
from market.candles.attribution import Attribution
from market.candles.bars import Bars
from market.candles.checks import UNMATCHED, UNREFOLDABLE
from market.candles.children import Parts, Series, rebuild
from market.candles.ladder import Ladder
from market.candles.minute_index import Begin, MinuteIndex
from market.candles.minutes import Trades
from market.candles.places import PlaceTable
from market.candles.refold import Refold, RefoldAnswer
from market.candles.sessions import MINUTE_NS
from market.candles.timeframe import Timeframe
from market.candles.withdrawals import are_corrections
from market.codes import CorrectionFlag
from market.row_type import Rows, take

Places = npt.NDArray[np.intp]


class Reach(NamedTuple):
    """What the amendments of a chunk need of the tape together; no `begin` where they need nothing."""

    numbers: frozenset[int]
    begin: Begin | None
    last: int


class Amended(NamedTuple):
    """A minute, and the bars of the windows that it is in, one for each timeframe."""

    minute: int
    bars: Bars


class Amendments:
    """What a fold knows for the sake of amendments: where minutes began, and which replacements are awaited.

    `replacing` gives, for a place, the minute that its next replacing trade is of.
    """

    def __init__(self, table: PlaceTable, ladder: Ladder, attribution: Attribution) -> None:
        self._table, self._ladder, self._attribution = table, ladder, attribution
        self.index = MinuteIndex()
        self.replacing: dict[int, int] = {}

    def reach(self, events: Rows, last: int) -> Reach:
        """Tell what amending rows need that reach to the message `last`, so that it can be read at once."""
        corrections = take(events, are_corrections(events)).view(rows.CORRECTION.dtype)
        minutes = set((corrections["ts_trade"].astype(np.int64) // MINUTE_NS).tolist())
        begins = [begin for minute in minutes if (begin := self.index.find(minute)) is not None]
        return Reach(frozenset(events["instrument"].tolist()), min(begins, default=None), last)

    def amend(
        self, row: Rows, place: int, reach: Reach, settled_ns: int
    ) -> Generator[Refold, RefoldAnswer, Amended | str]:
        """Withdraw or replace a trade: its minute is asked for, folded again, and put into all its windows.

        Gives the reason where that cannot be done. Minutes that end before `settled_ns` have settled.
        """
        refold = self._question(row, place, reach, settled_ns)
        answer = None if refold is None else (yield refold)
        if refold is None or answer is None or answer.reading is None:
            return UNREFOLDABLE
        bar, is_amended = answer.reading.refolded(refold)
        if not is_amended:
            return UNMATCHED
        if are_corrections(row)[0] and row["flags"][0] & CorrectionFlag.REPLACED:
            self.replacing[place] = refold.minute
        return Amended(refold.minute, self._put(place, refold, bar, answer, settled_ns))

    def _question(self, row: Rows, place: int, reach: Reach, settled_ns: int) -> Refold | None:
        """Ask for what a row takes; None where it is about no trade that can be found."""
        minute = self._minute(row, place)
        begin = None if minute is None else self.index.find(minute)
        if minute is None or begin is None or minute < self._ladder.first_minute:
            return None
        parts = None
        if (minute + 1) * MINUTE_NS < settled_ns:
            windows = self._ladder.windows(int(self._table.venue[place]), minute)
            parts = Parts.of(windows[Timeframe.D1 - 1])
        begin = begin if reach.begin is None else min(begin, reach.begin)
        number, sequence = int(row["instrument"][0]), int(row["sequence"][0])
        return Refold(number, sequence, minute, begin, reach.last, reach.numbers, parts)

    def _put(self, place: int, refold: Refold, bar: Bars, answer: RefoldAnswer, settled_ns: int) -> Bars:
        """Put a minute's new bar into place; gives the bars of all windows that it is in, one for each timeframe."""
        at, venue, minute = np.array([place]), int(self._table.venue[place]), refold.minute
        if refold.parts is None:
            self._ladder.planes.of(minute).put(at, bar)
            windows = self._ladder.windows(venue, minute)
            return self._ladder.value(venue, list(zip(Timeframe, windows, strict=True)), at)
        session, day = refold.parts.session, refold.parts.day
        span = (each * MINUTE_NS for each in self._ladder.venues[venue].span_of(day, session))
        minutes = Series.of(answer.minutes, refold.number, session).between(*span)
        days = Series.of(answer.days, refold.number, session)
        return rebuild(self._ladder, venue, at, minute, bar, minutes, days, settled_ns)

    def _minute(self, row: Rows, place: int) -> int | None:
        """Find the minute of the trade that a row withdraws or replaces; None where that cannot be told."""
        if not are_corrections(row)[0]:
            return self.replacing.pop(place, None)
        if row["flags"][0] & CorrectionFlag.REPLACED:
            self.replacing.pop(place, None)  # what it awaited does not come any more
        ts = row.view(rows.CORRECTION.dtype)["ts_trade"].astype(np.int64)
        if self.index.find(int(ts[0]) // MINUTE_NS) is None:
            return None
        nothing = np.zeros(1)
        trade = Trades(np.array([place]), ts, nothing, nothing, np.zeros(1, np.uint8))
        return int(self._attribution.minutes(trade)[0])
