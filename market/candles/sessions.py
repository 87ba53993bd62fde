"""A venue's time as a gapless row of stretches, and the windows of candles in it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from market.candles.timeframe import Session, Timeframe

MINUTE_NS = 60_000_000_000
DAY_NS = 1440 * MINUTE_NS

_1970 = date(1970, 1, 1)

I4 = npt.NDArray[np.int32]
U1 = npt.NDArray[np.uint8]


class Window(NamedTuple):
    """One candle's time: its key `start_ns`, the minute at which it ends, and the kind of time it is of."""

    start_ns: int
    end_minute: int
    session: Session

    def is_same(self, other: "Window | None") -> bool:
        """Tell whether another is of the same candle; its end may differ where a calendar was mended in between."""
        return other is not None and (self.start_ns, self.session) == (other.start_ns, other.session)

    @property
    def end_ns(self) -> int:
        """The instant at which it ends."""
        return self.end_minute * MINUTE_NS


class _Stretch(NamedTuple):
    start: int
    end: int
    session: int
    day: int
    day_end: int
    week_end: int
    month_end: int


@dataclass(frozen=True)
class Segments:
    """Stretches of a venue's time, ascending and gapless; minutes and days are counted since 1970, minutes in UTC.

    `start`: i4[k], first minute; each ends where the next starts, the last one at `last_end`. `session`: u1[k], REGULAR
    inside a session, EXTENDED outside. `day`: i4[k], the trading day that it belongs to. Beyond the first and the last
    every local day of `zone` is one stretch of the kind `outside`.
    """

    start: I4
    session: U1
    day: I4
    last_end: int
    zone: str
    outside: Session = Session.EXTENDED

    def __len__(self) -> int:
        return len(self.start)

    @cached_property
    def end(self) -> I4:
        """The minute after each stretch's last."""
        return np.append(self.start[1:], np.int32(self.last_end)).astype(np.int32)[: len(self)]

    @cached_property
    def day_end(self) -> I4:
        """The minute at which the last stretch of the same kind and day ends."""
        return self._last_ends(self.day)

    @cached_property
    def week_end(self) -> I4:
        """The minute at which the last stretch of the same kind and week ends."""
        return self._last_ends(monday_of(self.day))

    @cached_property
    def month_end(self) -> I4:
        """The minute at which the last stretch of the same kind and month ends."""
        return self._last_ends(first_of_month(self.day))

    def window(self, timeframe: Timeframe, minute: int) -> Window:
        """Find the window that a minute is in.

        Windows below a day begin at their stretch's start and end with it at the latest.
        """
        stretch = self._stretch(minute)
        session = Session(stretch.session)
        match timeframe:
            case Timeframe.D1:
                return Window(stretch.day * DAY_NS, stretch.day_end, session)
            case Timeframe.W1:
                return Window(int(monday_of(np.int32(stretch.day))) * DAY_NS, stretch.week_end, session)
            case Timeframe.MO1:
                return Window(int(first_of_month(np.int32(stretch.day))) * DAY_NS, stretch.month_end, session)
        start = minute - (minute - stretch.start) % timeframe.minutes
        return Window(start * MINUTE_NS, min(start + timeframe.minutes, stretch.end), session)

    def span_of(self, day: int, session: Session) -> tuple[int, int]:
        """Give the minute at which a trading day's time of one kind begins, and the one at which it ends.

        No other day's time of that kind lies between. A day without any gives an empty span.
        """
        own = np.flatnonzero((self.day == day) & (self.session == session))
        if len(own):
            return int(self.start[own[0]]), int(self.end[own[-1]])
        first = _midnight(_1970 + timedelta(day), ZoneInfo(self.zone))
        is_outside = session is self.outside and not (len(self) and self.start[0] <= first < self.last_end)
        return (first, self._stretch(first).end) if is_outside else (first, first)

    def is_closing(self, minute: int) -> bool:
        """Tell whether a regular session ends at this minute's start, and time outside it begins."""
        at = self._stretch(minute)
        return (
            at.start == minute
            and at.session == Session.EXTENDED
            and self._stretch(minute - 1).session == Session.REGULAR
        )

    def covering(self, first: int, last: int) -> "Segments":
        """Give the stretches from the one with minute `first` to the one with minute `last`, days beyond included."""
        begin, end = (int(self.start[0]), self.last_end) if len(self) else (last + 1, last + 1)
        before = self._outside(first, min(last, begin - 1)) if first < begin else []
        after = self._outside(max(first, end), last) if last >= end and len(self) else []
        inside = slice(
            max(int(np.searchsorted(self.start, first, "right")) - 1, 0),
            int(np.searchsorted(self.start, last, "right")) if last >= begin else 0,
        )
        if first >= end:
            inside = slice(0, 0)
        found = [
            *before,
            *zip(
                self.start[inside].tolist(),
                self.end[inside].tolist(),
                self.session[inside].tolist(),
                self.day[inside].tolist(),
                strict=True,
            ),
            *after,
        ]
        starts, ends, sessions, days = (list(column) for column in zip(*found, strict=True))
        return Segments(
            np.array(starts, np.int32),
            np.array(sessions, np.uint8),
            np.array(days, np.int32),
            ends[-1],
            self.zone,
            self.outside,
        )

    def _stretch(self, minute: int) -> _Stretch:
        if not len(self) or not self.start[0] <= minute < self.last_end:
            return self._outside_stretch(minute)
        at = int(np.searchsorted(self.start, minute, "right")) - 1
        columns = (self.start, self.end, self.session, self.day, self.day_end, self.week_end, self.month_end)
        return _Stretch(*(int(column[at]) for column in columns))

    def _outside_stretch(self, minute: int) -> _Stretch:
        zone = ZoneInfo(self.zone)
        day = datetime.fromtimestamp(minute * 60, zone).date()
        monday = day - timedelta(day.weekday())
        next_month = (day.replace(day=1) + timedelta(31)).replace(day=1)
        start, end = _midnight(day, zone), _midnight(day + timedelta(1), zone)
        if len(self) and minute < self.start[0]:
            end = min(end, int(self.start[0]))
        elif len(self):
            start = max(start, self.last_end)
        return _Stretch(
            start,
            end,
            self.outside,
            (day - _1970).days,
            end,
            _midnight(monday + timedelta(7), zone),
            _midnight(next_month, zone),
        )

    def _outside(self, first: int, last: int) -> list[tuple[int, int, int, int]]:
        found, minute = [], first
        while minute <= last:
            stretch = self._outside_stretch(minute)
            found.append(stretch[:4])
            minute = stretch.end
        return found

    def _last_ends(self, labels: I4) -> I4:
        ends = np.zeros(len(self), np.int32)
        for session in Session:
            own = np.flatnonzero(self.session == session)
            # Labels of one kind of time never go back, so the last stretch of a label is the one before the next label.
            ends[own] = self.end[own][np.searchsorted(labels[own], labels[own], "right") - 1]
        return ends


def continuous(zone: str = "UTC") -> Segments:
    """Make the time of a venue that never closes, or of which nothing is known: every local day is one session."""
    return Segments(np.zeros(0, np.int32), np.zeros(0, np.uint8), np.zeros(0, np.int32), 0, zone, Session.REGULAR)


def monday_of(day: I4 | np.int32) -> I4:
    """Give the Monday of each day's week, as days since 1970, which began on a Thursday."""
    return np.asarray(day - (day + 3) % 7, np.int32)


def first_of_month(day: I4 | np.int32) -> I4:
    """Give the first day of each day's month, as days since 1970."""
    months = np.asarray(day, "M8[D]").astype("M8[M]")
    return months.astype("M8[D]").astype(np.int64).astype(np.int32)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC).timestamp()) // 60
