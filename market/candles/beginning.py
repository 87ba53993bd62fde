"""Where a fold begins that does not know what was before: windows begun earlier are seeded with their stored children.

A day is made of its minutes, a week and a month of their days and of the minutes of the day that is not over. Of what
began before and has no children in the tables only a part is known: that is not given out as if it were whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from market.candles.bars import NAMES, NEVER, PRICES, Bars, blank_block, merge
from market.candles.candles import Candles
from market.candles.checks import FoldRules
from market.candles.ladder import Ladder, slot_of
from market.candles.places import PlaceTable
from market.candles.sessions import DAY_NS, Segments, first_of_month, monday_of
from market.candles.timeframe import Session, Timeframe
from market.codes import NO_INSTRUMENT
from market.row_type import Rows

Places = npt.NDArray[np.intp]

_LOOK_BACK_MINUTES = 40 * 1440  # longer than any month, and than any holiday


@dataclass(frozen=True, slots=True)
class Past:
    """The newest time of one kind before a fold's first minute: which stored candles its windows are made of.

    Those are the 1m candles of `day`, unless that is over, and the 1d candles from `first_day` to `last_day`, all three
    in days since 1970.
    """

    session: Session
    minute: int
    """The last one of its kind."""
    day: int
    first_day: int
    last_day: int

    @property
    def is_over(self) -> bool:
        """Whether the day is over."""
        return self.last_day == self.day


@dataclass(frozen=True, slots=True)
class Children:
    """Stored candles of one venue: of one kind of time, all before the first minute."""

    past: Past
    minutes: Candles
    days: Candles


def first_possible(events: Rows, rules: FoldRules) -> int | None:
    """Find the first row whose time is possible; None where there is none."""
    ts, ts_recv = events["ts_event"].astype(np.int64), events["ts_recv"].astype(np.int64)
    is_possible = (ts >= rules.first_ns) & (ts - rules.future_ns <= ts_recv) & (events["instrument"] != NO_INSTRUMENT)
    at = int(is_possible.argmax())
    return at if is_possible[at] else None


def pasts(times: Segments, first_minute: int) -> Iterator[Past]:
    """Give the past of each kind of time that a venue had before a minute."""
    before = times.covering(first_minute - _LOOK_BACK_MINUTES, first_minute - 1)
    for session in Session:
        own = np.flatnonzero(before.session == session)
        if len(own):
            day = int(before.day[own[-1]])
            is_over = times.span_of(day, session)[1] <= first_minute
            yield Past(
                session=session,
                minute=min(int(before.end[own[-1]]), first_minute) - 1,
                day=day,
                first_day=min(int(monday_of(np.int32(day))), int(first_of_month(np.int32(day)))),
                last_day=day if is_over else day - 1,
            )


def day_begins(times: Segments, minute: int) -> int:
    """Give the minute at which the trading day began that a minute is in: its first time of any kind."""
    day = times.window(Timeframe.D1, minute).start_ns // DAY_NS
    return min(times.span_of(day, session)[0] for session in Session)


def numbers_of(parts: Sequence[Children]) -> npt.NDArray[np.uint32]:
    """Give the instruments that children are of, each once."""
    found: npt.NDArray[np.uint32] = np.unique(
        np.concatenate(
            [np.zeros(0, np.uint32), *(each.instrument for part in parts for each in (part.minutes, part.days))]
        )
    )
    return found


def seed(table: PlaceTable, ladder: Ladder, venue: str, children: Children, *, is_known: bool) -> None:
    """Put into the ladder what a venue's windows are that began before its first minute and go on after it.

    Where `is_known` is not set, windows that have no children are hidden.
    """
    past, first_minute, at_venue = children.past, ladder.first_minute, table.venues.index(venue)
    places = table.places(children.minutes.instrument), table.places(children.days.instrument)
    for timeframe, window in zip(Timeframe, ladder.windows(at_venue, past.minute), strict=True):
        if window.end_minute <= first_minute:
            continue
        found, at = _inside(children, places, timeframe, window.start_ns)
        if len(found):
            slot = slot_of(timeframe, past.session)
            ladder.window[slot][at_venue] = window
            room = ladder.planes.room
            ladder.settled(slot).put(
                slice(0, room), merge(ladder.settled(slot), _sum(found, at, room)).carried().begun()
            )
        elif not is_known and not (timeframe.minutes and len(children.minutes)):
            ladder.hidden[at_venue].add((timeframe, window.session, window.start_ns))


def _inside(
    children: Children, places: tuple[Places, Places], timeframe: Timeframe, start_ns: int
) -> tuple[Candles, Places]:
    """Give the children of a window, and their places."""
    if timeframe.minutes or timeframe is Timeframe.D1:
        is_inside = (children.minutes.start_ns >= start_ns) | (timeframe is Timeframe.D1)
        return children.minutes.take(is_inside), places[0][is_inside]
    is_inside = children.days.start_ns >= start_ns
    found = Candles.concat([children.days.take(is_inside), children.minutes])
    return found, np.concatenate([places[1][is_inside], places[0]])


def _sum(children: Candles, places: Places, room: int) -> Bars:
    """Merge children, place by place in the order of their starts, into one bar a place."""
    order = np.lexsort((children.start_ns, places))
    children, places = children.take(order), places[order]
    bars, first = bars_of(children), np.flatnonzero(np.diff(places, prepend=-1))
    rank = np.arange(len(places)) - np.repeat(first, np.diff(first, append=len(places)))
    total, by_rank = Bars.over(blank_block(1, room)).take(0), np.argsort(rank, kind="stable")
    for own in np.split(by_rank, np.flatnonzero(np.diff(rank[by_rank])) + 1):
        total.put(places[own], merge(total.take(places[own]), bars.take(own)).carried())
    return total


def bars_of(candles: Candles) -> Bars:
    """Give candles as bars, each with its start as the time of its trades."""
    is_priced = ~np.isnan(candles.open)
    bars = Bars.over(blank_block(1, len(candles))).take(0)
    for name in NAMES:
        if name in PRICES:
            getattr(bars, name)[is_priced] = getattr(candles, name)[is_priced]
        elif name not in {"first_ns", "last_ns"}:
            getattr(bars, name)[:] = getattr(candles, name)
    bars.first_ns[:] = np.where(is_priced, candles.start_ns, NEVER)
    bars.last_ns[:] = np.where(is_priced, candles.start_ns, -1)
    return bars
