"""The ticks of a batch: trades that form the last price, each once."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from market.alerts.columns import F8, I4, I8, Bools, DayOf, Places
from market.alerts.instruments import MAX_INSTRUMENT, Instruments
from market.codes import NOT_PRICE_FORMING, Kind
from market.row_type import Rows
from market.rows import TRADE


class Ticks(NamedTuple):
    """Ticks in order: where in the batch, the instrument's place, price, time of the event (ns) and trading day."""

    at: Places
    place: Places
    price: F8
    ts_event: I8
    day: I4

    def take(self, which: Places | Bools) -> "Ticks":
        """Pick some."""
        return Ticks(self.at[which], self.place[which], self.price[which], self.ts_event[which], self.day[which])


def ticks_of(rows: Rows, instruments: Instruments, day_of: DayOf) -> Ticks:
    """Find the ticks of rows of `EVENT_DTYPE`; the sequences of all rows count."""
    number = rows["instrument"].astype(np.int64)
    own = (
        slice(None)
        if not len(rows) or int(number.max()) <= MAX_INSTRUMENT
        else np.flatnonzero(number <= MAX_INSTRUMENT)
    )
    trades = rows.view(TRADE.dtype)
    number = number[own]
    place = instruments.places(number)
    price = trades["price"][own].astype(np.float64)
    is_tick = (rows["kind"][own] == Kind.TRADE) & (price > 0) & (price < np.inf)
    is_tick &= trades["conditions"][own] & np.uint64(NOT_PRICE_FORMING) == 0
    disorder = instruments.sequences.follow(place, rows["sequence"][own].astype(np.int64))
    if disorder is not None:
        is_tick[disorder.repeated] = False
    at = np.arange(len(rows))[own]
    ts_event = rows["ts_event"][own].astype(np.int64)
    if not is_tick.all():
        at, number, place, price, ts_event = (each[is_tick] for each in (at, number, place, price, ts_event))
    return Ticks(at, place, price, ts_event, day_of(number.astype(np.uint32), ts_event))


def by_day(ticks: Ticks, instruments: Instruments) -> Iterator[tuple[Ticks, Places]]:
    """Part ticks so that no instrument's day changes within a part; before each, begin the days that begin with it.

    Yields each part with the places whose days began.
    """
    rolled = np.zeros(0, np.intp)
    while True:
        later = np.flatnonzero(ticks.day > instruments.day[ticks.place])
        if not len(later):
            yield ticks, rolled
            return
        place, first = np.unique(ticks.place[later], return_index=True)
        first = later[first]
        ends = np.full(instruments.room, len(ticks.at))
        ends[place] = first
        is_before = np.arange(len(ticks.at)) < ends[ticks.place]
        yield ticks.take(is_before), rolled
        instruments.roll(place, ticks.day[first])
        ticks, rolled = ticks.take(~is_before), place
