"""Bars: columns of open, high, low, close and exact sums, and the one way in which two bars meet."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from market.candles.exact import carry

NEVER = np.iinfo(np.int64).max

Index = npt.NDArray[np.intp] | slice | int
I8 = npt.NDArray[np.int64]
F8 = npt.NDArray[np.float64]


class Bars(NamedTuple):
    """Columns of one shape.

    `first_ns` and `last_ns` are the times of the trades that gave open and close; NEVER and -1 where none did, and then
    no price means anything. Nano units may be above 1e9 until they are carried.
    """

    first_ns: I8
    last_ns: I8
    open: F8
    high: F8
    low: F8
    close: F8
    volume_whole: I8
    volume_nano: I8
    turnover_whole: I8
    turnover_nano: I8
    trades: I8
    revision: I8

    @classmethod
    def over(cls, block: I8) -> "Bars":
        """View a block, one column of it after the other, as bars."""
        return cls(**{name: column.view(DTYPES[name]) for name, column in zip(NAMES, block, strict=True)})

    def flat(self) -> "Bars":
        """View rows of bars as one row, one after the other."""
        return Bars(*(getattr(self, name).reshape(-1) for name in NAMES))

    def take(self, index: Index) -> "Bars":
        """Give the bars at `index`: views where it is a slice or one row, copies otherwise."""
        return Bars(*(getattr(self, name)[index] for name in NAMES))

    def at(self, positions: npt.NDArray[np.intp]) -> "Bars":
        """Copy the bars at positions, all of which are there."""
        return Bars(*(getattr(self, name).take(positions, mode="clip") for name in NAMES))

    def put(self, index: Index, bars: "Bars") -> None:
        """Write bars at `index`."""
        for name in NAMES:
            getattr(self, name)[index] = getattr(bars, name)

    def clear(self, index: Index) -> None:
        """Make the bars at `index` blank."""
        for name in NAMES:
            getattr(self, name)[index] = BLANK[name]

    def carried(self) -> "Bars":
        """Give the same bars with nano units below 1e9."""
        columns = {name: getattr(self, name) for name in NAMES}
        for sum_of in ("volume", "turnover"):
            whole, nano = carry(columns[f"{sum_of}_whole"], columns[f"{sum_of}_nano"])
            columns[f"{sum_of}_whole"], columns[f"{sum_of}_nano"] = whole, nano
        return Bars(**columns)

    @property
    def is_held(self) -> npt.NDArray[np.bool_]:
        """Which bars there are: those with trades, and those whose trades were all withdrawn."""
        held: npt.NDArray[np.bool_] = (self.trades | self.revision) > 0
        return held

    def begun(self) -> "Bars":
        """Give the same bars as ones to which only later trades will come: their own times no longer matter."""
        columns = {name: getattr(self, name) for name in NAMES}
        is_priced = self.last_ns >= 0
        columns["first_ns"], columns["last_ns"] = np.where(is_priced, 1, NEVER), np.where(is_priced, 1, -1)
        return Bars(**columns)


# A blank bar is one that changes no other by being merged with it.
BLANK: dict[str, float] = {
    "first_ns": NEVER,
    "last_ns": -1,
    "open": 0.0,
    "high": -np.inf,
    "low": np.inf,
    "close": 0.0,
    "volume_whole": 0,
    "volume_nano": 0,
    "turnover_whole": 0,
    "turnover_nano": 0,
    "trades": 0,
    "revision": 0,
}
NAMES = tuple(BLANK)
PRICES = ("open", "high", "low", "close")
DTYPES: dict[str, Any] = {name: np.float64 if name in PRICES else np.int64 for name in NAMES}
SUMS = ("volume_whole", "volume_nano", "turnover_whole", "turnover_nano", "trades", "revision")


def blank_block(rows: int, room: int) -> I8:
    """Make rows of bars without trades in one piece of memory, which is copied at once."""
    block = np.empty((len(NAMES), rows, room), np.int64)
    Bars.over(block).clear(slice(None))
    return block


def grown(block: I8, room: int) -> I8:
    """Give a block with blank bars behind those of each row, `room` in each."""
    _, rows, held = block.shape
    wider = blank_block(rows, room)
    wider[:, :, :held] = block
    return wider


def merge(before: Bars, after: Bars) -> Bars:
    """Join bars element by element, `before` being earlier on the tape where times are the same.

    Any grouping of a tape's bars that keeps their order gives the same bits: prices are only compared and carried, sums
    are integers.
    """
    opens, closes = after.first_ns < before.first_ns, after.last_ns >= before.last_ns
    return Bars(
        first_ns=np.minimum(before.first_ns, after.first_ns),
        last_ns=np.maximum(before.last_ns, after.last_ns),
        open=np.where(opens, after.open, before.open),
        high=np.maximum(before.high, after.high),
        low=np.minimum(before.low, after.low),
        close=np.where(closes, after.close, before.close),
        **{name: getattr(before, name) + getattr(after, name) for name in SUMS},
    )


def joined(parts: Sequence[Bars]) -> Bars:
    """Put bars behind each other."""
    return Bars(*(np.concatenate([getattr(part, name) for part in parts]) for name in NAMES))


def total(bars: Bars) -> Bars:
    """Make one bar, of shape [1], of any number of which each comes after the one before it."""
    priced = np.flatnonzero(bars.last_ns >= 0)
    made = Bars.over(blank_block(1, 1)).take(0)
    for name in SUMS:
        getattr(made, name)[0] = getattr(bars, name).sum()
    if len(priced):
        made.open[0], made.close[0] = bars.open[priced[0]], bars.close[priced[-1]]
        made.high[0], made.low[0] = bars.high[priced].max(), bars.low[priced].min()
        made.first_ns[0] = made.last_ns[0] = 1
    return made.carried()
