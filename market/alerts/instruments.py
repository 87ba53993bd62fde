"""What is known of instruments: a place for each that was met, its last price, its close of the day before, its day."""

from typing import Any

import numpy as np
import numpy.typing as npt

from market.alerts.columns import F8, I4, I8, U4, DayOf, Places
from market.candles.order import Sequences
from market.portfolio.columns import enough, sized

MAX_INSTRUMENT = 1 << 24  # numbers beyond are none that a directory gives
# A day holds what is between two of its times: so far from an event is looked, last of all farthest.
_SPANS_NS = tuple(span_s * 1_000_000_000 for span_s in (30, 600, 6 * 3600))


class Instruments:
    """Columns by place, longer than what is in use; prices are NaN where they are not known, days 0."""

    def __init__(self) -> None:
        self.sequences = Sequences()
        self.last, self.prev_close = np.zeros(0), np.zeros(0)
        self.day = np.zeros(0, np.int32)
        # Times of events (ns) from the first up to before the second are of a place's day; it may have others.
        self.sure_from, self.sure_until = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._number = np.zeros(0, np.uint32)
        self.place_of = np.full(1, -1, np.int32)  # by number; the last element stands for all numbers beyond

    def __len__(self) -> int:
        return len(self._number)

    @property
    def room(self) -> int:
        """The length of the columns."""
        return len(self.last)

    def find(self, instrument: int) -> int | None:
        """Give an instrument's place."""
        place = int(self.place_of[min(instrument, len(self.place_of) - 1)])
        return None if place < 0 else place

    def places(self, numbers: npt.NDArray[np.integer]) -> Places:
        """Give the places of numbers up to MAX_INSTRUMENT; those that have none get the next ones, in order."""
        place = self.place_of.take(numbers, mode="clip")
        if len(place) and int(place.min()) < 0:
            unmet = numbers[place < 0]
            _, first = np.unique(unmet, return_index=True)
            self._add(unmet[np.sort(first)].astype(np.uint32))
            place = self.place_of.take(numbers, mode="clip")
        return place.astype(np.intp)

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """Copy what is known, as `of` takes it."""
        used = slice(len(self))
        return {
            "numbers": self._number.copy(),
            "last": self.last[used].copy(),
            "prev_close": self.prev_close[used].copy(),
            "day": self.day[used].copy(),
            "sequence": self.sequences.last[used].copy(),
        }

    @classmethod
    def of(cls, numbers: U4, last: F8, prev_close: F8, day: I4, sequence: I8) -> "Instruments":
        """Take over what is known."""
        instruments, used = cls(), slice(len(numbers))
        instruments.places(numbers)
        instruments.last[used], instruments.prev_close[used] = last, prev_close
        instruments.day[used], instruments.sequences.last[used] = day, sequence
        return instruments

    def _add(self, numbers: U4) -> None:
        highest = int(numbers.max())
        if highest + 2 > len(self.place_of):
            grown = np.full(enough(highest + 2), -1, np.int32)
            grown[: len(self.place_of)] = self.place_of
            self.place_of = grown
        self.place_of[numbers] = np.arange(len(self), len(self) + len(numbers), dtype=np.int32)
        self._number = np.append(self._number, numbers)
        if len(self) > self.room:
            known, room = self.room, enough(len(self) + 64)
            self.last, self.prev_close = sized(self.last, room), sized(self.prev_close, room)
            self.last[known:] = self.prev_close[known:] = np.nan
            self.day = sized(self.day, room)
            self.sure_from, self.sure_until = sized(self.sure_from, room), sized(self.sure_until, room)
            self.sequences.reserve(room)

    def roll(self, place: Places, day: I4) -> None:
        """Begin a new day, each place once: what was last becomes the previous close."""
        traded = place[~np.isnan(self.last[place])]
        self.prev_close[traded] = self.last[traded]
        self.enter(place, day)

    def enter(self, place: Places, day: I4) -> None:
        """Set the days of places."""
        self.day[place] = day
        self.sure_until[place] = self.sure_from[place]

    def be_sure(self, place: Places, ts_event: I8, day: I4, day_of: DayOf) -> None:
        """Find out, from events whose days are known, which other times are of the same days."""
        is_sure = (ts_event >= self.sure_from[place]) & (ts_event < self.sure_until[place])
        new = np.flatnonzero(~is_sure & (day == self.day[place]) & (day > 0))
        if not len(new):
            return
        place, first = np.unique(place[new], return_index=True)
        ts_event = ts_event[new[first]]
        self.sure_from[place], self.sure_until[place] = ts_event, ts_event + 1
        for span_ns in _SPANS_NS:
            for column, time_ns in ((self.sure_from, ts_event - span_ns), (self.sure_until, ts_event + span_ns)):
                is_same = day_of(self._number[place], time_ns) == self.day[place]
                column[place[is_same]] = time_ns[is_same]

    def price(self, column: F8, instrument: int) -> float | None:
        """Give one price of `last` or `prev_close`; None where it is not known."""
        place = self.find(instrument)
        price = np.nan if place is None else float(column[place])
        return None if np.isnan(price) else price
