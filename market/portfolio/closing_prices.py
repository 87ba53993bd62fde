"""Closing prices by symbol and day, from the regular candles of whole days."""

from collections.abc import Iterable, Mapping
from datetime import date

import numpy as np

from market.candles.candles import Candles
from market.candles.sessions import DAY_NS
from market.portfolio.money import price_units

_1970 = date(1970, 1, 1)


class ClosingPrices:
    """The last close at or before a day; `numbers` are the instruments' of symbols, as the candles have them."""

    def __init__(self, numbers: Mapping[str, int], candles: Candles) -> None:
        traded = candles.take(np.flatnonzero(~np.isnan(candles.close)))
        order = np.lexsort((traded.start_ns, traded.instrument))
        self._numbers = numbers
        self._instrument = traded.instrument[order]
        self._day = traded.start_ns[order] // DAY_NS
        self._price = price_units(traded.close[order])

    def on(self, day: date, symbols: Iterable[str]) -> dict[str, int]:
        """Give prices in units of 1e-8 of the symbols that have one."""
        found, number_of_day = {}, (day - _1970).days
        for symbol in symbols:
            number = self._numbers.get(symbol)
            if number is None:
                continue
            first, end = (int(np.searchsorted(self._instrument, number, side)) for side in ("left", "right"))
            place = first + int(np.searchsorted(self._day[first:end], number_of_day, "right")) - 1
            if place >= first:
                found[symbol] = int(self._price[place])
        return found
