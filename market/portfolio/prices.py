"""The prices that portfolios are valued at, from the live states of instruments."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from market.portfolio.money import UNITS_PER_ONE
from market.row_type import Rows

_LARGEST_PRICE = 1e8

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
        last, previous = _units(states["last"]), _units(states["prev_close"])
        return cls(np.where(last, last, previous), previous, states["ts_event"].astype(np.int64))

    def take(self, places: Places) -> "Prices":
        """Pick some, in the given order."""
        return Prices(self.price[places], self.previous[places], self.ts_event_ns[places])


def _units(prices: npt.NDArray[np.float64]) -> I8:
    usable = (prices > 0) & (prices <= _LARGEST_PRICE)
    units: I8 = np.rint(np.where(usable, prices, 0.0) * UNITS_PER_ONE).astype(np.int64)
    return units
