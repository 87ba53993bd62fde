"""Sequences of a batch: which rows were there before, and where some are missing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_EPOCH_SHIFT = 32  # a sequence is epoch << 32 | count, see market/state.py
_INDEX_BITS = 20
_FEW_BITS = 15

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

    def reserve(self, places: int) -> None:
        """Make room for `places`."""
        if places > len(self.last):
            self.last = np.append(self.last, np.zeros(max(places, 2 * len(self.last)) - len(self.last), np.int64))

    def follow(self, place: Places, sequence: I8, order: Places | None = None) -> Disorder | None:
        """Take in the sequences of a batch of fewer than 2**20 rows; None where each follows the one before.

        `order` is `by_place` of it, where that is known.
        """
        if not len(place):
            return None
        order = self.by_place(place) if order is None else order
        places, ordered = place.take(order, mode="clip"), sequence.take(order, mode="clip")
        before = self.last.take(places, mode="clip")
        np.copyto(before[1:], ordered[:-1], where=places[1:] == places[:-1])
        if _follows(ordered, before).all():
            self.last[places] = ordered
            return None
        return self._sort_out(order, places, ordered)

    def by_place(self, place: Places) -> Places:
        """Give the positions of a batch of fewer than 2**20 rows by place, each place's in order.

        That is one sort, of 32 bits where they suffice.
        """
        bits = _INDEX_BITS
        keys: npt.NDArray[np.integer[Any]] = place
        if len(place) <= 1 << _FEW_BITS and len(self.last) <= 1 << (32 - _FEW_BITS):
            bits, keys = _FEW_BITS, place.astype(np.uint32)
        keys = keys << keys.dtype.type(bits)
        keys |= np.arange(len(place), dtype=keys.dtype)
        keys.sort()
        keys &= keys.dtype.type((1 << bits) - 1)
        return keys.astype(np.intp)

    def _sort_out(self, order: Places, places: Places, ordered: I8) -> Disorder | None:
        """Compare each row with the highest one before it of its place, which repeated rows do not move."""
        begins = np.ones(len(places), bool)  # a place's first row of the batch
        begins[1:] = places[1:] != places[:-1]
        starts, group = np.flatnonzero(begins), np.cumsum(begins) - 1
        values, ranks = np.unique(np.concatenate([ordered, self.last[places[starts]]]), return_inverse=True)
        own, known = ranks[: len(ordered)], ranks[len(ordered) :]
        # Group and rank as one number, so that one running maximum serves all groups.
        highest = np.maximum.accumulate(group * len(values) + np.maximum(own, known[group])) - group * len(values)
        rank_before = np.empty_like(highest)
        rank_before[1:] = highest[:-1]
        rank_before[starts] = known
        before = values[rank_before]
        self.last[places] = values[highest]  # of several assignments the last one stays, the highest of its place
        repeated = ordered <= before
        after_gap = ~repeated & ~_follows(ordered, before)
        found = Disorder(order[repeated], order[after_gap], (ordered - before - 1)[after_gap])
        return found if len(found.repeated) or len(found.after_gap) else None


def _follows(sequence: I8, before: I8) -> npt.NDArray[np.bool_]:
    """Tell which rows come next: by count, as a place's first ever, or as the first of a new epoch."""
    follows: npt.NDArray[np.bool_] = sequence == before + 1
    if not follows.all():
        follows |= (sequence > 0) & ((before == 0) | (sequence >> _EPOCH_SHIFT > before >> _EPOCH_SHIFT))
    return follows
