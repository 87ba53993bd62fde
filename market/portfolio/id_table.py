"""Row numbers for ids of 16 bytes: an open hash table in columns, some 25 bytes an id where a dict takes 200."""

import numpy as np
import numpy.typing as npt

from market.portfolio.columns import enough, sized

ID_BYTES = 16
_FREE, _LEFT = -1, -2
_LEAST_SLOTS = 64


class IdTable:
    """Gives each id a row below the number of ids there ever were at once; the ids' own bytes are random enough."""

    def __init__(self) -> None:
        self._ids = np.zeros((0, ID_BYTES), np.uint8)
        self._is_there = np.zeros(0, np.bool_)
        self._slots = np.full(_LEAST_SLOTS, _FREE, np.int32)
        self._taken = 0  # slots that are not free
        self._unused: list[int] = []
        self._rows = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def size_bytes(self) -> int:
        """What it takes, its spare room included."""
        return self._ids.nbytes + self._is_there.nbytes + self._slots.nbytes

    def reserve(self, ids: int) -> None:
        """Make room for the bytes of so many ids, not less than there is."""
        self._ids, self._is_there = sized(self._ids, ids), sized(self._is_there, ids)

    def rows(self) -> npt.NDArray[np.intp]:
        """List the rows of all ids, ascending."""
        return np.flatnonzero(self._is_there)

    def find(self, key: bytes) -> int | None:
        """Find an id's row."""
        slot = self._slot(key)
        row = int(self._slots[slot])
        return None if row == _FREE else row

    def add(self, key: bytes) -> int:
        """Find an id's row, or give it one."""
        slot = self._slot(key)
        if self._slots[slot] != _FREE:
            return int(self._slots[slot])
        if 3 * (self._taken + 1) > 2 * len(self._slots):
            self._rehash()
            slot = self._slot(key)
        row = self._unused.pop() if self._unused else self._rows
        self._rows = max(self._rows, row + 1)
        if row >= len(self._ids):
            self.reserve(enough(row + 1))
        self._ids[row], self._is_there[row] = np.frombuffer(key, np.uint8), True
        self._slots[slot] = row
        self._taken += 1
        self._count += 1
        return row

    def remove(self, key: bytes) -> int:
        """Forget an id that is there; its row, which is returned, may be another's later."""
        slot = self._slot(key)
        row = int(self._slots[slot])
        self._slots[slot] = _LEFT  # what lies behind it must still be found
        self._is_there[row] = False
        self._unused.append(row)
        self._count -= 1
        return row

    def _slot(self, key: bytes) -> int:
        """Find the slot of an id, or the free one that ends the search for it."""
        last = len(self._slots) - 1
        slot = int.from_bytes(key[:8], "big") & last
        while (row := int(self._slots[slot])) != _FREE:
            if row != _LEFT and self._ids[row].tobytes() == key:
                break
            slot = (slot + 1) & last
        return slot

    def _rehash(self) -> None:
        """Make a table with more than two slots for each id, none of them left."""
        self._slots = np.full(max(_LEAST_SLOTS, 1 << (2 * self._count).bit_length()), _FREE, np.int32)
        for row in self.rows().tolist():
            self._slots[self._slot(self._ids[row].tobytes())] = row
        self._taken = self._count
