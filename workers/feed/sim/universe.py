"""The instruments of the simulated market: 500 real listings from `universe.csv`, then synthetic ones as needed.

The file is ordered by activity, so the first N rows are the N busiest names. Prices are what each name traded at in
the summer of 2025; betas, volatilities and activities are believable, not measured.
"""

import csv
from dataclasses import dataclass
from functools import cached_property
from importlib import resources

import numpy as np
import numpy.typing as npt

from market.instrument import Listing
from market.symbols import SymbolKey

Floats = npt.NDArray[np.float64]

REAL_SYMBOLS = 500
SYNTHETIC_VENUE = "XSIM"
SECTORS = {
    "INDEX": "Index funds",
    "IT": "Information technology",
    "COM": "Communication services",
    "CD": "Consumer discretionary",
    "CS": "Consumer staples",
    "FIN": "Financials",
    "HC": "Health care",
    "IND": "Industrials",
    "EN": "Energy",
    "MAT": "Materials",
    "RE": "Real estate",
    "UT": "Utilities",
    "BOND": "Bonds",
    "COMMODITY": "Commodities",
}
_SYNTHETIC_KEY = 0x5EED  # synthetic names are the same for every seed, so that a restart with another goes on
_PENNY_FROM, _PENNY_TO = 0.60, 2.00  # no reference price lies between: none can drift across $1 and change its tick


@dataclass(frozen=True)
class Universe:
    """One entry per instrument in every column.

    `price`: USD, the previous close of a market that starts anew; `activity`: share of events, any unit; `volatility`:
    of the name alone, per day as a fraction of its price; `beta`: how far it follows its market and sector; `sector`:
    index into `SECTORS`.
    """

    keys: tuple[SymbolKey, ...]
    names: tuple[str, ...]
    price: Floats
    activity: Floats
    volatility: Floats
    beta: Floats
    sector: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def ticks_per_dollar(self) -> Floats:
        """How many price steps make a dollar: cents, or hundredths of a cent below $1 (SEC rule 612)."""
        return np.where(self.price < 1, 10_000.0, 100.0)

    def venues(self) -> tuple[str, ...]:
        """Name every venue that lists one of them."""
        return tuple(sorted({key.venue for key in self.keys}))

    def listings(self) -> tuple[Listing, ...]:
        """List every instrument, in order."""
        sectors = list(SECTORS.values())
        ticks = (1 / self.ticks_per_dollar).tolist()
        return tuple(
            Listing(key, name, "USD", tick, sectors[sector])
            for key, name, tick, sector in zip(self.keys, self.names, ticks, self.sector.tolist(), strict=True)
        )


def load(symbols: int) -> Universe:
    """Return the universe of the `symbols` busiest names, beyond 500 with synthetic ones."""
    real = _read_real()[:symbols]
    synthetic = range(len(real) + 1, symbols + 1)
    made = _synthetic_columns(len(synthetic))
    columns = np.array([[float(row[name]) for name in made] for row in real]).reshape(len(real), len(made))
    price, activity, volatility, beta = (
        np.concatenate([columns[:, at], values]) for at, values in enumerate(made.values())
    )
    codes = list(SECTORS)
    sectors = [codes.index(row["sector"]) for row in real] + [number % len(SECTORS) for number in synthetic]
    return Universe(
        keys=(
            *(SymbolKey(row["venue"], row["symbol"]) for row in real),
            *(SymbolKey(SYNTHETIC_VENUE, f"S{number:05d}") for number in synthetic),
        ),
        names=(*(row["name"] for row in real), *(f"Synthetic {number:05d}" for number in synthetic)),
        price=price,
        activity=activity,
        volatility=volatility / 100,
        beta=beta,
        sector=np.array(sectors, np.intp),
    )


def _read_real() -> list[dict[str, str]]:
    path = resources.files(__package__) / "universe.csv"
    return list(csv.DictReader(path.read_text("utf-8").splitlines()))


def _synthetic_columns(count: int) -> dict[str, Floats]:
    """Make up `count` instruments, a prefix of those of any larger count, keyed by the file's column names."""
    draws = np.random.Generator(np.random.Philox(key=_SYNTHETIC_KEY)).random((count, 4))
    price = np.round(2.5 * 10 ** (2.2 * draws[:, 0] - 0.4), 2)
    penny = (price > _PENNY_FROM) & (price < _PENNY_TO)
    return {
        "price": np.where(penny, np.round(price * 0.3, 4), price),
        "activity": 0.5 / (0.02 + draws[:, 1]),
        "volatility_percent": 0.8 + 2 * draws[:, 2],
        "beta": 0.4 + 1.2 * draws[:, 3],
    }
