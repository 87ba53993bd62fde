"""The prices that portfolios are valued at, from the live states of instruments."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from market.portfolio.columns import sized
from market.portfolio.money import price_units
from market.row_type import Rows, take

I8 = npt.NDArray[np.int64]
Places = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Prices:
    """One price for each of some instruments, all of one moment.

    `price` and `previous`, the close before: i8[n], units of 1e-8, 0 where none is known. `ts_event_ns`: i8[n], when
    the instrument's last event was.
    """

    price: I8
    previous: I8
    ts_event_ns: I8

    @classmethod
    def unknown(cls, count: int) -> "Prices":
        """Give what is known of instruments of which nothing is."""
        return cls(*np.zeros((3, count), np.int64))

    @classmethod
    def of_states(cls, states: Rows) -> "Prices":
        """Take each state's last price, or the previous close where the instrument has not traded since."""
        last, previous = price_units(states["last"]), price_units(states["prev_close"])
        return cls(np.where(last, last, previous), previous, states["ts_event"].astype(np.int64))

    def take(self, places: Places) -> "Prices":
        """Pick some, in the given order."""
        return Prices(self.price[places], self.previous[places], self.ts_event_ns[places])


class PriceTable:
    """The newest price of each instrument, by any dense numbers; a state that is not newer changes nothing."""

    def __init__(self) -> None:
        self.prices = Prices.unknown(0)
        self._sequence = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._sequence)

    def reserve(self, count: int) -> None:
        """Make room for numbers below `count`."""
        if count > len(self):
            size, held = 2 * count, self.prices
            self._sequence = sized(self._sequence, size)
            self.prices = Prices(sized(held.price, size), sized(held.previous, size), sized(held.ts_event_ns, size))

    def is_known(self, numbers: Places) -> npt.NDArray[np.bool_]:
        """Tell of which instruments there was any state."""
        return self._sequence[numbers] > 0

    def merge(self, numbers: Places, states: Rows) -> Places:
        """Take over STATE rows, in their order; return the numbers, each once, whose prices are others now."""
        sequences = states["sequence"].astype(np.int64)
        newer = np.flatnonzero(sequences > self._sequence[numbers])
        at, found, held = numbers[newer], Prices.of_states(take(states, newer)), self.prices
        before = held.take(at)
        # Of several rows for one instrument the last stays, and an instrument's rows come in order.
        self._sequence[at] = sequences[newer]
        held.price[at], held.previous[at], held.ts_event_ns[at] = found.price, found.previous, found.ts_event_ns
        return np.unique(at[(held.price[at] != before.price) | (held.previous[at] != before.previous)])
