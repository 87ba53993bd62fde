"""Depth: ten levels a side around the quote in force, as LEVEL rows.

The size that rests at a price is a hash of instrument, price and a time that advances every few seconds, at another
moment for each price. So a book keeps its shape while the quote moves through it, and no book needs to be kept.
"""

import numpy as np
import numpy.typing as npt

from market import rows
from market.codes import Side
from market.row_type import Rows
from workers.feed.sim import liquidity
from workers.feed.sim.quotes import Positions, Quotes

LEVELS = 10
BOOK_ROWS = 2 * LEVELS

_GROWTH = 1 + 0.3 * np.arange(LEVELS)  # what rests at a level, as a multiple of what rests at the touch
_REST_NS = 5_000_000_000  # how long a size stands
_SIDES = np.array([[-1.0], [1.0]])  # bids lie below one another, asks above


class Books:
    """Builds the books of instruments whose quote is kept by `quotes`."""

    def __init__(self, quotes: Quotes, seed: int) -> None:
        self._quotes = quotes
        self._seed = np.uint64(seed)
        self._steps = np.maximum(1, np.rint(quotes.spreads / 2))  # ticks from level to level

    def levels(self, at: Positions, now_ns: int) -> Rows:
        """Return 20 LEVEL rows for each of the instruments `at`: bids, then asks, best first."""
        last, shape = self._quotes.last, (len(at), 2, LEVELS)
        best = np.stack([last.bid[at], last.bid[at] + last.spread[at]], 1)[:, :, None]
        ticks = best + _SIDES * np.arange(LEVELS) * self._steps[at][:, None, None]
        mixed = self._mixed(at, ticks, now_ns)
        usual = self._quotes.lots[at][:, None, None] * _GROWTH
        lots = np.ceil(usual * liquidity.LOTS.take((mixed >> np.uint64(16)) & np.uint64(0xFF)))
        lots[:, :, 0] = np.stack([last.bid_size[at], last.ask_size[at]], 1) / liquidity.ROUND_LOT
        per_order = 1 + (mixed >> np.uint64(24) & np.uint64(3))
        built = np.frombuffer(bytearray(_BOOK * len(at)), rows.LEVEL.dtype)
        columns = built.reshape(shape)
        columns["instrument"], columns["ts_event"] = at[:, None, None], now_ns
        columns["price"] = ticks / self._quotes.per_dollar[at][:, None, None]
        columns["size"] = lots * liquidity.ROUND_LOT
        columns["orders"] = np.ceil(lots / per_order)
        return built

    def _mixed(self, at: Positions, ticks: npt.NDArray[np.float64], now_ns: int) -> npt.NDArray[np.uint64]:
        """Hash every level's instrument, price and time of resting."""
        place = at.astype(np.uint64)[:, None, None] << np.uint64(32) | ticks.astype(np.uint64)
        fixed = _mix(place + (self._seed << np.uint64(20)))
        turn = (np.uint64(now_ns) + fixed % np.uint64(_REST_NS)) // np.uint64(_REST_NS)
        return _mix(fixed + turn)


def _mix(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Mix bits so that numbers in sequence look random: the finalizer of SplitMix64 (Steele et al., 2014)."""
    mixed = numbers * np.uint64(0x9E37_79B9_7F4A_7C15)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58_476D_1CE4_E5B9)
    mixed ^= mixed >> np.uint64(27)
    return mixed


def _book_template() -> bytes:
    book = rows.LEVEL.blank(BOOK_ROWS)
    book["side"] = np.repeat([Side.BID, Side.ASK], LEVELS)
    book["level"] = np.tile(np.arange(LEVELS), 2)
    return book.tobytes()


_BOOK = _book_template()
