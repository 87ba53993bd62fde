"""Copies of bars, for whoever keeps them while the bars go on: of what changed alone, and into memory that is kept.

Fresh memory takes several times as long as copying into it does.
"""

import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from market.candles.bars import NAMES, PRICES, Bars

Column = npt.NDArray[Any]
Group = Mapping[str, Column]  # a bar's columns by name

_MOST_8, _MOST_32 = np.iinfo(np.int8).max, np.iinfo(np.int32).max
_USUAL_GROUPS = 9  # three minutes, and a window of each longer timeframe
_USUAL_WORDS = 8  # that a bar takes as a copy; it has more columns, not all of which are whole words


class Copies:
    """Copies of groups of bars. Nothing changes one while anybody holds it, or a view of a column of it."""

    def __init__(self) -> None:
        self._places = 0
        self._free: list[npt.NDArray[np.int64]] = []  # memory for one group each
        self._last: dict[str, Group] = {}

    def reserve(self, places: int) -> None:
        """Take memory for groups of so many bars now, when nobody waits for it."""
        if places > self._places:
            self._places, self._free, self._last = places, [], {}
            for _ in range(_USUAL_GROUPS):
                memory = self._memory()
                memory[: places * _USUAL_WORDS] = 0
                self._free.append(memory)

    def take(self, bars: Mapping[str, Bars]) -> dict[str, Group]:
        """Copy groups of bars, by name, whole numbers as narrow as they are; what is as it was is the same copy again.

        There must be room for as many bars as each has.
        """
        self._last = {name: copy for name, copy in self._last.items() if name in bars and _is_same(copy, bars[name])}
        self._last = {name: self._last.get(name) or self._copied(own) for name, own in bars.items()}
        return self._last

    def _copied(self, bars: Bars) -> Group:
        piece, at, copied = self._lent(), 0, {}
        for name in NAMES:
            column = getattr(bars, name)
            copy = piece[at:].view(column.dtype if name in PRICES else _narrowest(column))[: len(column)]
            copy[:] = column
            copied[name] = copy
            at += -(-copy.nbytes // piece.itemsize)
        return copied

    def _lent(self) -> npt.NDArray[np.int64]:
        """Give memory that comes back by itself once nobody holds a view of it any more."""
        memory = self._free.pop() if self._free else self._memory()
        # Views of an array refer to the one that owns the memory, views of this one to it: it lasts as long as they do.
        lent = np.frombuffer(memory.data, np.int64)
        weakref.finalize(lent, self._free.append, memory).atexit = False
        return lent

    def _memory(self) -> npt.NDArray[np.int64]:
        return np.empty(len(NAMES) * self._places, np.int64)


def _is_same(copy: Group, bars: Bars) -> bool:
    """Compare those columns first that a trade always changes."""
    return all(np.array_equal(copy[name], getattr(bars, name)) for name in reversed(NAMES))


def _narrowest(column: Column) -> np.dtype[np.signedinteger[Any]]:
    """Give the type in which whole numbers, of which there may be none, take least room; many are all zero."""
    most = max(int(column.max(initial=0)), -int(column.min(initial=0)))
    return np.dtype(np.int8 if most <= _MOST_8 else np.int32 if most <= _MOST_32 else np.int64)
