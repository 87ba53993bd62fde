"""Exact money in columns: integers of 1e-8, and of a currency's minor unit, rounded half to even.

Quantities, prices and amounts are int64 counts of 1e-8, as the ledger's bounds allow. What anybody is shown is whole
minor units (cents), so that a sum of what is shown is what is shown as their sum.
"""

import numpy as np
import numpy.typing as npt

UNITS_PER_ONE = 100_000_000
DECIMALS = 8
LARGEST = 90_000_000_000  # of any amount, in whole money: what fits int64 in units
_LARGEST_PRICE = 1e8

_USUAL_DECIMALS = 2
# ISO 4217, as of 2026, where a currency's minor unit is not its hundredth.
_CURRENCIES_OF_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DECIMALS = {name: decimals for decimals, names in _CURRENCIES_OF_DECIMALS.items() for name in names.split()}

I8 = npt.NDArray[np.int64]


def minor_decimals(currency: str) -> int:
    """Tell how many decimals a currency's amounts are shown with: 2, of yen 0, of Kuwaiti dinars 3."""
    return _DECIMALS.get(currency, _USUAL_DECIMALS)


def worth(quantity: I8, price: I8, decimals: I8 | int) -> I8:
    """Multiply quantities by prices, both in units and the prices `usable`, into minor units.

    The quotient in floating point, below 2**51, is off by one at most. What it leaves of the product tells by how much:
    that is small, so int64 has it right although the product itself runs over.
    """
    divisor = 10 ** (2 * DECIMALS - np.asarray(decimals, np.int64))
    minor: I8 = np.rint(quantity.astype(np.float64) * price / divisor).astype(np.int64)
    rest, half = quantity * price - minor * divisor, divisor // 2
    if (np.abs(rest) >= half).any():  # seldom: a tie, or off by one
        is_odd = minor % 2 == 1
        minor += (rest > half) | ((rest == half) & is_odd)
        minor -= (rest < -half) | ((rest == -half) & is_odd)
    return minor


def to_minor(units: I8, decimals: I8 | int) -> I8:
    """Round amounts in units to minor units."""
    divisor = 10 ** (DECIMALS - np.asarray(decimals, np.int64))
    minor = (units + divisor // 2) // divisor
    is_tie = units == minor * divisor - divisor // 2
    if is_tie.any():
        minor -= is_tie & (minor % 2 == 1)
    return minor


def price_units(prices: npt.NDArray[np.float64]) -> I8:
    """Turn prices into units, 0 where there is none or where it is beyond what the ledger allows."""
    is_price = (prices > 0) & (prices <= _LARGEST_PRICE)
    units: I8 = np.rint(np.where(is_price, prices, 0.0) * UNITS_PER_ONE).astype(np.int64)
    return units


def usable(quantity: I8, price: I8) -> I8:
    """Give prices in units, 0 where the quantity at that price would be worth more than `LARGEST`."""
    largest = float(LARGEST) * UNITS_PER_ONE**2
    if not len(price) or float(quantity.max()) * float(price.max()) <= largest:
        return price
    return np.where(quantity.astype(np.float64) * price > largest, 0, price)


def money_text(minor: int, decimals: int) -> str:
    """Write minor units with the currency's decimals: `-0.05`, `1500` yen."""
    if not decimals:
        return str(minor)
    whole, rest = divmod(abs(minor), 10**decimals)
    return f"{'-' if minor < 0 else ''}{whole}.{rest:0{decimals}d}"


def units_text(units: int) -> str:
    """Write units in plain notation, without zeros at the end: `12.5`."""
    text = money_text(units, DECIMALS)
    return text.rstrip("0").rstrip(".")


def average_units(cost: int, quantity: int) -> int:
    """Divide a cost by a quantity, both in units and the quantity above 0, into units."""
    whole, rest = divmod(cost * UNITS_PER_ONE, quantity)
    return whole + (2 * rest > quantity or (2 * rest == quantity and whole % 2))
