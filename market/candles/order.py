"""Sequences of a batch: which rows were there before, and where some are missing."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from market.compiled import compiled

_EPOCH_SHIFT = 32  # a sequence is epoch << 32 | count, see market/state.py

I8 = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Disorder:
    """What is out of order in a batch, as positions in it: repeated rows, and rows before which `missing` are."""

    repeated: Places
    after_gap: Places
    missing: I8

    def at(self, positions: Places) -> "Disorder":
        """Give the same for the batch of which this one's rows were those at `positions`."""
        return Disorder(positions[self.repeated], positions[self.after_gap], self.missing)


class Sequences:
    """The last sequence of every place; 0 for none yet."""

    def __init__(self, places: int = 0) -> None:
        self.last = np.zeros(places, np.int64)
        self.follow(np.zeros(0, np.intp), np.zeros(0, np.int64))  # compiles it, before anybody waits for it

    def reserve(self, places: int) -> None:
        """Make room for `places`."""
        if places > len(self.last):
            self.last = np.append(self.last, np.zeros(max(places, 2 * len(self.last)) - len(self.last), np.int64))

    def follow(self, place: Places, sequence: I8) -> Disorder | None:
        """Take in the sequences of a batch; None where each follows the one before."""
        missing = np.empty(len(place), np.int64)
        if not _follow(self.last, place, sequence, missing):
            return None
        after_gap = np.flatnonzero(missing > 0)
        return Disorder(np.flatnonzero(missing < 0), after_gap, missing[after_gap])


@compiled
def _follow(last: I8, place: Places, sequence: I8, missing: I8) -> int:
    """Move `last` with each row; note how many are missing before it, -1 where it repeats; return how many do either.

    A row comes next by count, as a place's first ever, or as the first of a new epoch.
    """
    disordered = 0
    for row in range(len(place)):
        before, now = last[place[row]], sequence[row]
        missing[row] = 0
        if now <= before:
            missing[row] = -1
            disordered += 1
            continue
        if now != before + 1 and before != 0 and now >> _EPOCH_SHIFT == before >> _EPOCH_SHIFT:
            missing[row] = now - before - 1
            disordered += 1
        last[place[row]] = now
    return disordered
