"""Longer windows again from stored candles, with one minute replaced."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from market.candles.bars import Bars, joined, total
from market.candles.beginning import bars_of
from market.candles.candles import Candles
from market.candles.ladder import Ladder, slot_of
from market.candles.sessions import DAY_NS, MINUTE_NS, Window, first_of_month, monday_of
from market.candles.timeframe import Session, Timeframe

I8 = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Parts:
    """Which stored candles are needed: one session's minutes of a trading day, and its days from one to another.

    Days are counted since 1970; both ends are included.
    """

    session: Session
    day: int
    first_day: int
    last_day: int

    @classmethod
    def of(cls, window: Window) -> "Parts":
        """Tell what the windows around a day's window are made of."""
        day = np.int32(window.start_ns // DAY_NS)
        monday, first = int(monday_of(day)), int(first_of_month(day))
        return cls(window.session, int(day), min(monday, first), max(monday + 6, _next_month(first) - 1))


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One instrument's bars of one session, ascending by start."""

    start_ns: I8
    bars: Bars

    @classmethod
    def of(cls, candles: Candles, number: int, session: Session) -> "Series":
        """Pick them out of the candles of one timeframe, each of which is there once."""
        own = candles.take(np.flatnonzero((candles.instrument == number) & (candles.session == session)))
        own = own.take(np.argsort(own.start_ns))
        return cls(own.start_ns, bars_of(own))

    def between(self, start_ns: int, end_ns: int) -> "Series":
        """Give those that start in [start_ns, end_ns)."""
        within = slice(*np.searchsorted(self.start_ns, (start_ns, end_ns)).tolist())
        return Series(self.start_ns[within], self.bars.take(within))

    def replaced(self, start_ns: int, bar: Bars) -> "Series":
        """Give the same with another bar, of shape [1], where one starts or would start."""
        before, after = self.between(0, start_ns), self.between(start_ns + 1, 1 << 62)
        starts = np.concatenate([before.start_ns, [start_ns], after.start_ns])
        return Series(starts, joined([before.bars, bar, after.bars]))


def rebuild(
    ladder: Ladder, venue: int, place: Places, minute: int, bar: Bars, minutes: Series, days: Series, settled_ns: int
) -> Bars:
    """Put a settled minute's new bar into the windows that it is in; gives the bars of these, one for each timeframe.

    `minutes` are those of its trading day and session, `days` those of its week and month. What had not settled by
    `settled_ns` is left out: it will settle, or is of a time that this state has not come to.
    """
    start_ns, windows = minute * MINUTE_NS, ladder.windows(venue, minute)
    minutes = minutes.between(0, settled_ns - MINUTE_NS).replaced(start_ns, bar.carried().begun())
    made = [bar]
    for timeframe in (Timeframe.M5, Timeframe.M15, Timeframe.H1):
        window = windows[timeframe - 1]
        made.append(_put(ladder, venue, place, timeframe, window, minutes.between(window.start_ns, window.end_ns)))
    day = windows[Timeframe.D1 - 1]
    made.append(_put(ladder, venue, place, Timeframe.D1, day, minutes))
    days = _settled_days(ladder, venue, place, day, days.replaced(day.start_ns, total(minutes.bars)))
    for timeframe, end_of in ((Timeframe.W1, _next_week), (Timeframe.MO1, _next_month)):
        window = windows[timeframe - 1]
        end_ns = end_of(window.start_ns // DAY_NS) * DAY_NS
        made.append(_put(ladder, venue, place, timeframe, window, days.between(window.start_ns, end_ns)))
    return joined(made)


def _settled_days(ladder: Ladder, venue: int, place: Places, day: Window, days: Series) -> Series:
    """Take the day that is settling from the ladder, and leave out those after it."""
    current = ladder.window[slot_of(Timeframe.D1, day.session)][venue]
    if current is None or current.is_same(day):
        return days.between(0, day.start_ns + 1)
    settled = ladder.settled(slot_of(Timeframe.D1, day.session)).take(place)
    return days.between(0, current.start_ns).replaced(current.start_ns, settled)


def _put(ladder: Ladder, venue: int, place: Places, timeframe: Timeframe, window: Window, children: Series) -> Bars:
    """Make a window's bar of its children; where the window is in force it settles, and its value has more."""
    bar, slot = total(children.bars), slot_of(timeframe, window.session)
    if not window.is_same(ladder.window[slot][venue]):
        return bar
    ladder.settled(slot).put(place, bar)
    return ladder.value(venue, [(timeframe, window)], place)


def _next_week(day: int) -> int:
    return day + 7


def _next_month(day: int) -> int:
    """Give the first of the month after the one that begins on a day."""
    return int(first_of_month(np.int32(day + 31)))
