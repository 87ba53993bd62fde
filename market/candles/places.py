"""The places of a fold's columns: instruments in the order in which they came, and what is known of each."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from market.candles.order import Sequences

I4 = npt.NDArray[np.int32]
I8 = npt.NDArray[np.int64]
U4 = npt.NDArray[np.uint32]
Places = npt.NDArray[np.intp]


class PlaceTable:
    """Instrument numbers and places, both ways; each place's venue, last sequence, and times of its last trade.

    Columns are longer than what is in use; the rest is zeros.
    """

    def __init__(self) -> None:
        self.venues: list[str] = []
        self.sequences = Sequences()
        self.ts_event, self.ts_recv = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._numbers, self._venue = np.zeros(0, np.uint32), np.zeros(0, np.int32)
        self._place_of = np.full(1, -1, np.intp)  # by number; the last element stands for all numbers beyond
        self._of_venue: list[Places] = []

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def numbers(self) -> U4:
        """The number of every place."""
        return self._numbers

    @property
    def venue(self) -> I4:
        """Every place's venue, as a position in `venues`."""
        return self._venue

    @property
    def of_venue(self) -> list[Places]:
        """The places of every venue."""
        return self._of_venue

    def places(self, numbers: npt.NDArray[np.unsignedinteger[Any]]) -> Places:
        """Give the places of numbers; -1 for those that have none."""
        return self._place_of.take(numbers.astype(np.intp), mode="clip")

    def add(self, numbers: U4, venues: Sequence[str]) -> None:
        """Give numbers that have no place the next ones, in order; `venues` are theirs."""
        _, first = np.unique(numbers, return_index=True)
        fresh = np.sort(first[self.places(numbers[first]) < 0])
        if not len(fresh):
            return
        self.meet(venues[at] for at in fresh)
        index = {name: at for at, name in enumerate(self.venues)}
        self._append(numbers[fresh], np.array([index[venues[at]] for at in fresh], np.int32))

    def meet(self, venues: Iterable[str]) -> None:
        """Take in venues that may have instruments later, in order."""
        self.venues += [name for name in dict.fromkeys(venues) if name not in self.venues]

    def reserve(self, room: int) -> None:
        """Make the columns of what changes at least `room` long."""
        self.sequences.reserve(room)
        missing = np.zeros(max(room - len(self.ts_event), 0), np.int64)
        self.ts_event, self.ts_recv = np.append(self.ts_event, missing), np.append(self.ts_recv, missing)

    def _append(self, numbers: U4, venue: I4) -> None:
        room = max(int(numbers.max()) + 2, len(self._place_of))
        self._place_of = np.append(self._place_of, np.full(room - len(self._place_of), -1, np.intp))
        self._place_of[numbers] = np.arange(len(self), len(self) + len(numbers))
        self._numbers, self._venue = np.append(self._numbers, numbers), np.append(self._venue, venue)
        self._of_venue = [np.flatnonzero(self._venue == at) for at in range(len(self.venues))]
