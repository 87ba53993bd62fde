"""The minutes that trades may still come to: four planes of bars, filled without sorting."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from market.candles.bars import Bars, blank_block, grown
from market.candles.exact import split

PLANES = 4
BLANK_PLANE = PLANES  # one more, in which nothing ever is
NO_MINUTE = -1

Bools = npt.NDArray[np.bool_]
I8 = npt.NDArray[np.int64]
F8 = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Trades:
    """Trades of one chunk, in tape order: their bars' places, times, and what they were."""

    place: Places
    ts: I8
    price: F8
    size: F8
    conditions: npt.NDArray[np.uint8]

    def take(self, index: npt.NDArray[Any] | slice) -> "Trades":
        """Give the trades at `index`."""
        return Trades(self.place[index], self.ts[index], self.price[index], self.size[index], self.conditions[index])

    def ordered(self, order: Places) -> "Trades":
        """Give all of them in another order."""
        return Trades(
            self.place.take(order, mode="clip"),
            self.ts.take(order, mode="clip"),
            self.price.take(order, mode="clip"),
            self.size.take(order, mode="clip"),
            self.conditions.take(order, mode="clip"),
        )

    def __len__(self) -> int:
        return len(self.place)


class MinutePlanes:
    """A bar for every place in each of four minutes; minute m has plane m & 3."""

    def __init__(self, places: int = 0) -> None:
        self.minute = [NO_MINUTE] * PLANES
        self._set(blank_block(PLANES + 1, places))

    @property
    def room(self) -> int:
        """The number of places."""
        return int(self.block.shape[2])

    @property
    def filled(self) -> list[int]:
        """The minutes that have a plane, ascending."""
        return sorted(minute for minute in self.minute if minute != NO_MINUTE)

    def reserve(self, places: int) -> None:
        """Make room for `places`."""
        if places > self.room:
            self._set(grown(self.block, max(places, 2 * self.room)))

    def of(self, minute: int) -> Bars:
        """View the bars of a minute that has a plane."""
        return self.bars.take(minute & 3)

    def clear(self, minute: int) -> None:
        """Blank a minute's plane, so that another minute may have it."""
        self.bars.clear(minute & 3)
        self.minute[minute & 3] = NO_MINUTE

    def add(
        self, minute: I8, trades: Trades, forming: Bools | None, late: Bools | None, *, is_in_order: bool = False
    ) -> None:
        """Fold trades into their minutes; `forming` are those that form prices (None: all), `late` those that amend.

        `is_in_order` says that no trade has an earlier time than any before it, ever, which makes closes cheaper.
        """
        first, last = int(minute.min()), int(minute.max())
        for each in range(first, last + 1):
            self.minute[each & 3] = each
        at: Places = (first & 3 if first == last else minute & 3) * self.room + trades.place
        if late is not None:
            np.add.at(self.flat.revision, at, late.astype(np.int64))
        self._add_sums(at, trades)
        if forming is not None:
            at, trades = at[forming], trades.take(forming)
        self._add_prices(at, trades.ts, trades.price, is_in_order)

    def _add_sums(self, at: Places, trades: Trades) -> None:
        bars = self.flat
        np.add.at(bars.trades, at, 1)
        for values, wholes, nanos in (
            (trades.size, bars.volume_whole, bars.volume_nano),
            (trades.price * trades.size, bars.turnover_whole, bars.turnover_nano),
        ):
            whole, nano = split(values)
            np.add.at(wholes, at, whole)
            if nano is not None:
                np.add.at(nanos, at, nano)

    def _add_prices(self, at: Places, ts: I8, price: F8, is_in_order: bool) -> None:
        bars = self.flat
        np.maximum.at(bars.high, at, price)
        np.minimum.at(bars.low, at, price)
        # Of several assignments to one element the last one stays: of trades at the same time the close is the last
        # on the tape and, assigned backwards, the open the first.
        if is_in_order:
            bars.last_ns[at], bars.close[at] = ts, price
        else:
            np.maximum.at(bars.last_ns, at, ts)
            closes = ts == bars.last_ns[at]
            bars.close[at[closes]] = price[closes]
        earlier = np.flatnonzero(ts < bars.first_ns.take(at, mode="clip"))[::-1]
        if len(earlier):
            at, ts, price = at[earlier], ts[earlier], price[earlier]
            np.minimum.at(bars.first_ns, at, ts)
            opens = ts == bars.first_ns[at]
            bars.open[at[opens]] = price[opens]

    def _set(self, block: I8) -> None:
        self.block, self.bars = block, Bars.over(block)
        self.flat = self.bars.flat()
