"""The minutes that trades may still come to: four planes of bars, filled without sorting."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from market.candles.bars import Bars, blank_block, grown
from market.candles.exact import parts
from market.compiled import compiled

PLANES = 4
BLANK_PLANE = PLANES  # one more, in which nothing ever is
NO_MINUTE = -1
_FEW_BITS = 15

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


_NO_FIGURES, _NO_MARKS = np.zeros(0), np.zeros(0, bool)
_NOTHING = np.zeros(0, np.intp), np.zeros(0, np.int64), _NO_FIGURES, _NO_FIGURES, _NO_MARKS, _NO_MARKS


class MinutePlanes:
    """A bar for every place in each of four minutes; minute m has plane m & 3."""

    def __init__(self, places: int = 0) -> None:
        self.minute = [NO_MINUTE] * PLANES
        self._set(blank_block(PLANES + 1, places))
        # Compiles it, before anybody waits for it.
        _add(*_NOTHING, self.flat)

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

    def add(self, minute: I8, trades: Trades, forming: Bools | None, late: Bools | None) -> None:
        """Fold trades into their minutes; `forming` are those that form prices (None: all), `late` those that amend."""
        first, last = int(minute.min()), int(minute.max())
        for each in range(first, last + 1):
            self.minute[each & 3] = each
        at: Places = (first & 3 if first == last else minute & 3) * self.room + trades.place
        forming = np.ones(len(trades), bool) if forming is None else forming
        late = np.zeros(len(trades), bool) if late is None else late
        # Columns of bars are read and written faster forwards than to and fro.
        order = _by_place(trades.place, self.room)
        trades, forming, late = trades.ordered(order), forming.take(order), late.take(order)
        _add(at.take(order, mode="clip"), trades.ts, trades.price, trades.size, forming, late, self.flat)

    def _set(self, block: I8) -> None:
        self.block, self.bars = block, Bars.over(block)
        self.flat = self.bars.flat()


def _by_place(place: Places, places: int) -> Places:
    """Give the positions of trades by place, each place's in order.

    That is one sort, of 32 bits where they suffice.
    """
    bits = len(place).bit_length()
    keys: npt.NDArray[np.integer[Any]] = place
    if len(place) <= 1 << _FEW_BITS and places <= 1 << (32 - _FEW_BITS):
        bits, keys = _FEW_BITS, place.astype(np.uint32)
    keys = keys << keys.dtype.type(bits)
    keys |= np.arange(len(place), dtype=keys.dtype)
    keys.sort()
    keys &= keys.dtype.type((1 << bits) - 1)
    return keys.astype(np.intp)


@compiled
def _add(at: Places, ts: I8, price: F8, size: F8, forming: Bools, late: Bools, bars: Bars) -> None:
    """Fold trades, each bar's in tape order, into the bars at `at`.

    Of trades at the same time the first on the tape opens and the last one closes.
    """
    first_ns, last_ns, open_, high, low, close = bars[:6]
    volume_whole, volume_nano, turnover_whole, turnover_nano, trades, revision = bars[6:]
    for row in range(len(at)):
        bar, time_ns, paid = at[row], ts[row], price[row]
        whole, nano = parts(size[row])
        volume_whole[bar] += whole
        volume_nano[bar] += nano
        whole, nano = parts(paid * size[row])
        turnover_whole[bar] += whole
        turnover_nano[bar] += nano
        trades[bar] += 1
        revision[bar] += late[row]
        if not forming[row]:
            continue
        high[bar], low[bar] = max(high[bar], paid), min(low[bar], paid)
        if time_ns >= last_ns[bar]:
            last_ns[bar], close[bar] = time_ns, paid
        if time_ns < first_ns[bar]:
            first_ns[bar], open_[bar] = time_ns, paid
