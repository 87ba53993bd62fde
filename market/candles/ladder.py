"""From minutes to months: what has settled of each longer window, and the value of any window.

A minute to which no trade can come any more settles: it is merged into the bars of the longer windows that it is in. A
window's value is its settled bar followed by its minutes that have not settled, whoever asks and whenever.
"""

from collections.abc import Sequence
from functools import reduce

import numpy as np
import numpy.typing as npt

from market.candles.bars import Bars, Index, blank_block, grown, merge
from market.candles.copies import Copies
from market.candles.minutes import BLANK_PLANE, MinutePlanes
from market.candles.sessions import Segments, Window
from market.candles.timeframe import Session, Timeframe

I8 = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]
Slot = tuple[Timeframe, Session]
Key = tuple[Timeframe, Session, int]  # of a window: the start is in ns

# Windows below a day are of one kind of time after the other; a day, a week and a month have one of each at once.
SLOTS: tuple[Slot, ...] = tuple(
    (timeframe, session)
    for timeframe in Timeframe
    if timeframe is not Timeframe.M1
    for session in (Session if timeframe.minutes == 0 else (Session.REGULAR,))
)
ROW_OF = {slot: row for row, slot in enumerate(SLOTS)}
_PLACES_AT_ONCE = 16_384  # what their bars take on the way stays in the processor's cache
_KEPT_MINUTES = 64  # of which the windows are remembered, for each venue


def slot_of(timeframe: Timeframe, session: Session) -> Slot:
    """Give the slot in which a window of a timeframe settles."""
    return timeframe, (Session.REGULAR if timeframe.minutes else session)


class Ladder:
    """The settled bars of 5m to 1M of every place, and the windows that they are of, which are a venue's."""

    def __init__(self, planes: MinutePlanes) -> None:
        self.planes = planes
        self.copies = Copies()
        """What was copied of the minutes and of the settled bars."""
        self.venues: list[Segments] = []
        self._set(blank_block(len(SLOTS) + 1, planes.room))  # one row more, in which nothing ever is
        self.window: dict[Slot, list[Window | None]] = {slot: [] for slot in SLOTS}
        self.first_minute = 0
        """Trades of earlier minutes are not folded: whoever stored their candles has them."""
        self.hidden: list[set[Key]] = []
        """By venue: windows of which only a part is known, which are not given out."""
        self._windows: list[dict[int, tuple[Window, ...]]] = []  # by venue and minute, the newest few

    def add_venue(self, segments: Segments) -> None:
        """Take in one more venue."""
        self.venues.append(segments)
        self._windows.append({})
        self.hidden.append(set())
        for windows in self.window.values():
            windows.append(None)

    def reserve(self, places: int) -> None:
        """Make room for `places`."""
        self.planes.reserve(places)
        self.copies.reserve(self.planes.room)
        if self.planes.room > self.block.shape[2]:
            self._set(grown(self.block, self.planes.room))

    def settled(self, slot: Slot) -> Bars:
        """View the settled bars of a slot."""
        return self._settled.take(ROW_OF[slot])

    def windows(self, venue: int, minute: int) -> tuple[Window, ...]:
        """Give the windows of every timeframe, in order, that a minute is in at a venue."""
        known = self._windows[venue]
        if minute not in known:
            if len(known) >= _KEPT_MINUTES:
                known.clear()
            known[minute] = tuple(self.venues[venue].window(timeframe, minute) for timeframe in Timeframe)
        return known[minute]

    def is_hidden(self, venue: int, timeframe: Timeframe, window: Window) -> bool:
        """Tell whether only a part of a window is known."""
        return (timeframe, window.session, window.start_ns) in self.hidden[venue]

    def held(self, timeframe: Timeframe, venue: int) -> list[Window]:
        """Give the windows of a timeframe of which anything is held: the settled ones, and those of its minutes."""
        settled = [self.window[slot][venue] for slot in SLOTS if slot[0] is timeframe]
        of_minutes = [self.windows(venue, minute)[timeframe - 1] for minute in self.planes.filled]
        found = [window for window in (*settled, *of_minutes) if window is not None]
        return list({(window.start_ns, window.session): window for window in found}.values())

    def value(self, venue: int, windows: Sequence[tuple[Timeframe, Window]], places: Places) -> Bars:
        """Give the bars of windows of which anything is held, for each of them those of `places`, all of one venue."""
        room = self.planes.room
        rows = [self._row(venue, *each) for each in windows]
        parts = [] if min(rows) == len(SLOTS) else [self._flat.at(_cells(rows, room, places))]
        for minute in self.planes.filled:
            around = self.windows(venue, minute)
            rows = [minute & 3 if own.is_same(around[each - 1]) else BLANK_PLANE for each, own in windows]
            if min(rows) != BLANK_PLANE:
                parts.append(self.planes.flat.at(_cells(rows, room, places)))
        return reduce(merge, parts)

    def settle(self, minute: int, of_venue: Sequence[Places]) -> None:
        """Merge a minute into the longer windows that it is in, and free its plane; minutes come in ascending order.

        `of_venue` are the places of each venue.
        """
        bars = self.planes.of(minute)
        for venue, places in enumerate(of_venue):
            active = places[bars.is_held[places]]
            if len(active):
                slots = self._enter(venue, minute, places)
                # Where most places are meant and the others are blank, columns are read fastest as they lie.
                is_dense = len(of_venue) == 1 and len(active) * 2 > self.planes.room
                for start in range(0, self.planes.room if is_dense else len(active), _PLACES_AT_ONCE):
                    part = slice(start, start + _PLACES_AT_ONCE)
                    at: Index = part if is_dense else active[part]
                    minute_bars = bars.take(at).carried()
                    for settled in slots:
                        settled.put(at, merge(settled.take(at), minute_bars).carried().begun())
        self.planes.clear(minute)

    def _enter(self, venue: int, minute: int, places: Places) -> list[Bars]:
        """Give the settled bars of each longer window that a minute is in, blank where the window is another one."""
        entered = []
        for timeframe, window in zip(Timeframe, self.windows(venue, minute), strict=True):
            if timeframe is not Timeframe.M1:
                slot = slot_of(timeframe, window.session)
                if not window.is_same(self.window[slot][venue]):
                    self.settled(slot).clear(places)
                self.window[slot][venue] = window
                entered.append(self.settled(slot))
        return entered

    def _set(self, block: I8) -> None:
        self.block, self._settled = block, Bars.over(block)
        self._flat = self._settled.flat()

    def _row(self, venue: int, timeframe: Timeframe, window: Window) -> int:
        """Give the row in which a window has settled bars; the blank one where nothing of it has settled."""
        slot = slot_of(timeframe, window.session)
        is_there = timeframe is not Timeframe.M1 and window.is_same(self.window[slot][venue])
        return ROW_OF[slot] if is_there else len(SLOTS)


def _cells(rows: list[int], room: int, places: Places) -> Places:
    """Give where `places` are in each of some rows."""
    cells: Places = (np.array(rows)[:, np.newaxis] * room + places).reshape(-1)
    return cells
