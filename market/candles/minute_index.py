"""From where on a tape must be read to meet every row of a minute."""

from bisect import bisect_left
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

KEPT_MINUTES = 72 * 60

I8 = npt.NDArray[np.int64]


class Begin(NamedTuple):
    """A message of the tape, and the newest time before the row in it with which its minute began."""

    sequence: int
    high_ns: int


class MinuteIndex:
    """Where the tape's time entered each minute, for the last 72 hours of it.

    No row of a minute comes before the one with which the tape's time reached that minute, or jumped over it.
    """

    def __init__(self) -> None:
        self._minutes: list[int] = []
        self._begins: list[Begin] = []

    def enter(self, minute: int, begin: Begin) -> None:
        """Note where a minute, later than all before, was entered."""
        self._minutes.append(minute)
        self._begins.append(begin)
        old = bisect_left(self._minutes, minute - KEPT_MINUTES)
        del self._minutes[:old], self._begins[:old]

    def find(self, minute: int) -> Begin | None:
        """Tell from where to read; None for a minute that has not come yet, or that is too long ago."""
        if not self._minutes or not self._minutes[-1] - KEPT_MINUTES <= minute <= self._minutes[-1]:
            return None
        return self._begins[bisect_left(self._minutes, minute)]

    def column(self) -> I8:
        """Give everything as one column: minute, sequence and newest time, over and over."""
        rows = [(minute, *begin) for minute, begin in zip(self._minutes, self._begins, strict=True)]
        return np.array(rows, np.int64).reshape(-1)

    def fill(self, column: I8) -> None:
        """Take over what `column` gave."""
        rows = column.reshape(-1, 3).tolist()
        self._minutes, self._begins = [row[0] for row in rows], [Begin(*row[1:]) for row in rows]
