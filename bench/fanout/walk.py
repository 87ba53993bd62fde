"""The market that fan-out is measured with: quotes that walk at random, and names of one length."""

import numpy as np
import numpy.typing as npt

from market import rows
from market.instrument import Listing
from market.row_type import Rows
from market.state import EPOCH_SHIFT, blank_states
from market.symbols import SymbolKey

VENUE = "XBEN"
EPOCH = 1
NAME_BYTES = 11  # of every name: a reader of many messages finds the number at a fixed place
_TRADED = 0.2  # of all updates also carry a trade
_LOTS = 19  # the largest size, in hundreds

Numbers = npt.NDArray[np.intp]


def name(number: int) -> str:
    """Name an instrument, `XBEN:S00042`; numbers go up to 99,999."""
    return f"{VENUE}:S{number:05d}"


def number_of(symbol: str) -> int:
    """Give the number of an instrument that `name` named, -1 of any other."""
    number = symbol[-5:]
    return int(number) if number.isascii() and number.isdecimal() and symbol == name(int(number)) else -1


def listings(symbols: int) -> list[Listing]:
    """List all instruments, in order of number."""
    return [Listing(SymbolKey.parse(name(number)), name(number)) for number in range(symbols)]


class Walk:
    """The state of every instrument, changed a few hundred at a time.

    Every step moves bid and ask by a tick or not at all, and changes both sizes; one in five also trades.
    """

    def __init__(self, symbols: int, seed: int = 1) -> None:
        self.states: Rows = blank_states(symbols)
        self._random = np.random.default_rng(seed)
        self._ticks = self._random.integers(1_000, 50_000, symbols)  # the bid, in cents
        self._lots = np.zeros((2, symbols), np.int64)  # of the sizes, less one
        self.states["instrument"] = np.arange(symbols)
        self.states["sequence"] = EPOCH << EPOCH_SHIFT
        opened = self._ticks / 100
        for price in ("last", "open", "high", "low", "prev_close"):
            self.states[price] = opened

    def step(self, numbers: Numbers, now_ns: int) -> Rows:
        """Change the state of each of `numbers`, none of them twice, received now; return their STATE rows."""
        states, draw, count = self.states, self._random, len(numbers)
        self._ticks[numbers] += draw.integers(-1, 2, count)
        bid = self._ticks[numbers] / 100
        states["bid"][numbers], states["ask"][numbers] = bid, bid + 0.01
        lots = (self._lots[:, numbers] + draw.integers(1, _LOTS, (2, count))) % _LOTS
        self._lots[:, numbers], sizes = lots, (lots + 1) * 100.0
        states["bid_size"][numbers], states["ask_size"][numbers] = sizes
        traded = draw.random(count) < _TRADED
        self._trade(numbers[traded], bid[traded], sizes[0][traded])
        states["sequence"][numbers] += np.uint64(1)
        states["ts_event"][numbers] = states["ts_recv"][numbers] = now_ns
        return states.view(f"V{rows.STATE.width_bytes}")[numbers].view(rows.STATE.dtype)

    def _trade(self, numbers: Numbers, prices: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64]) -> None:
        states = self.states
        states["last"][numbers], states["last_size"][numbers] = prices, sizes
        states["volume"][numbers] += sizes
        states["high"][numbers] = np.maximum(states["high"][numbers], prices)
        states["low"][numbers] = np.minimum(states["low"][numbers], prices)
