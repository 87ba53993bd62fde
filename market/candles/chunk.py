"""A chunk of the tape with the columns that the fold reads, each decoded once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from market.codes import Kind
from market.row_type import Rows, take
from market.rows import TRADE

F8 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]
Positions = npt.NDArray[np.intp] | slice


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Event rows, their places (-1: none), sequences and times, and what their trades were.

    `trades` says which rows price, size, flags and conditions are of; of the conditions it is the lowest eight bits.
    """

    events: Rows
    kind: npt.NDArray[np.uint8]
    place: Places
    sequence: I8
    ts: I8
    ts_recv: I8
    trades: Positions
    price: F8
    size: F8
    flags: npt.NDArray[np.uint8]
    conditions: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, events: Rows, place: Places) -> "Chunk":
        """Decode rows."""
        kind = events["kind"].astype(np.uint8)
        is_trade = kind == Kind.TRADE
        at: Positions = slice(None) if is_trade.all() else np.flatnonzero(is_trade)
        rows = events.view(TRADE.dtype)
        return cls(
            events,
            kind,
            place,
            events["sequence"].astype(np.int64),
            events["ts_event"].astype(np.int64),
            events["ts_recv"].astype(np.int64),
            at,
            rows["price"][at].astype(np.float64),
            rows["size"][at].astype(np.float64),
            rows["flags"][at].astype(np.uint8),
            rows["conditions"][at].astype(np.uint8),
        )

    def __len__(self) -> int:
        return len(self.events)

    def take(self, kept: Places) -> "Chunk":
        """Give the chunk of the rows at `kept` alone."""
        return Chunk.of(take(self.events, kept), self.place[kept])
