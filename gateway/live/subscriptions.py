"""Who has yet to be sent what: a row per subscription, in arrays, so that marking and collecting are few steps. Pure.

A client's rows stand together in a block, so what is collected in the order of rows comes out client by client. Blocks
do not cross the bounds of a slice, so that a slice can be served by itself.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.live.topics import NO_TOPIC, Masks, Topics
from market.compiled import compiled

SLICE_ROWS = 1 << 17
NOBODY = 0
_STEP = 4  # blocks are a multiple of it: clients watch 10 symbols on average
_ALWAYS = np.iinfo(np.int64).min

Rows = npt.NDArray[np.intp]


class Columns(NamedTuple):
    """The columns of a `Subscriptions`, as compiled functions take them."""

    topic: npt.NDArray[np.intp]
    client: npt.NDArray[np.intp]
    pending: npt.NDArray[np.uint16]
    owed: npt.NDArray[np.uint16]
    sent: npt.NDArray[np.int64]
    every_ticks: npt.NDArray[np.int32]
    due_tick: npt.NDArray[np.int64]


class Subscriptions:
    """The subscriptions of many clients. Client 0 is nobody: empty rows are its."""

    def __init__(self) -> None:
        self.topic = np.zeros(0, np.intp)
        self.client = np.zeros(0, np.intp)
        self.pending = np.zeros(0, np.uint16)
        """The fields that changed since the client's last entry for this topic."""
        self.owed = np.zeros(0, np.uint16)
        """Fields to be sent with the next entry all the same: a full image."""
        self.sent = np.zeros(0, np.int64)
        """The topic's position that the client has."""
        self.every_ticks = np.zeros(0, np.int32)
        """The client's own interval for this topic; 0: none but the connection's."""
        self.due_tick = np.zeros(0, np.int64)
        self.used = 0  # rows that are, or were, somebody's
        self._count = 0
        self._block: dict[int, tuple[int, int, int]] = {}  # client -> first row, rows taken, rows there
        self._free: dict[int, list[int]] = {}  # rows there -> first rows

    def __len__(self) -> int:
        return self._count

    def slices(self) -> list[slice]:
        """List the ranges of rows that can be served one by one."""
        return [slice(at, min(at + SLICE_ROWS, self.used)) for at in range(0, self.used, SLICE_ROWS)]

    def rows(self, client: int) -> Rows:
        """Give a client's rows."""
        first, taken, _ = self._block.get(client, (0, 0, 0))
        return np.arange(first, first + taken)

    def add(self, client: int, topics: Topics, positions: npt.NDArray[np.int64], every_ticks: int) -> None:
        """Subscribe a client to topics that it does not have yet; it has them up to `positions`."""
        count = len(topics)
        first, taken, there = self._block.get(client, (0, 0, 0))
        if taken + count > there:
            first, there = self._moved(client, taken + count)
        added = slice(first + taken, first + taken + count)
        self.topic[added], self.sent[added], self.every_ticks[added] = topics, positions, every_ticks
        self.client[added] = client
        self.pending[added] = self.owed[added] = 0
        self.due_tick[added] = _ALWAYS
        self._block[client] = (first, taken + count, there)
        self._count += count

    def acknowledge(self, client: int, topics: Topics, positions: npt.NDArray[np.int64]) -> None:
        """Note that a client has those of its topics up to `positions`: nothing before is to be sent."""
        rows, at = self._found(client, topics)
        self.sent[rows], self.pending[rows], self.owed[rows] = positions[at], 0, 0

    def at_most(self, client: int, topics: Topics, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Give the position that a client has of each topic, and `positions` where that is less or it has none."""
        rows, at = self._found(client, topics)
        least = positions.copy()
        least[at] = np.minimum(self.sent[rows], positions[at])
        return least

    def pace(self, client: int, topics: Topics, every_ticks: int) -> None:
        """Give those of a client's topics an interval of their own, 0 for none."""
        rows, _ = self._found(client, topics)
        self.every_ticks[rows], self.due_tick[rows] = every_ticks, _ALWAYS

    def owe(self, client: int, topics: Topics, masks: Masks) -> None:
        """Send `masks` with the next entries of those of a client's topics, whatever changes."""
        rows, at = self._found(client, topics)
        self.owed[rows] = masks[at]

    def remove(self, client: int, topics: Topics) -> None:
        """Take a client off topics that it has."""
        if not len(topics):
            return
        first, taken, there = self._block[client]
        held = slice(first, first + taken)
        kept = np.flatnonzero(~np.isin(self.topic[held], topics)) + first
        left = slice(first, first + len(kept))
        for column in self.columns():
            column[left] = column[kept]
        self._clear(slice(left.stop, held.stop))
        self._block[client] = (first, len(kept), there)
        self._count -= taken - len(kept)

    def leave(self, client: int) -> Topics:
        """Forget a client; return the topics that it had."""
        first, taken, there = self._block.pop(client, (0, 0, 0))
        held = slice(first, first + taken)
        topics: Topics = self.topic[held].copy()
        self._clear(held)
        if there:
            self._free.setdefault(there, []).append(first)
        self._count -= taken
        return topics

    def mark(self, fresh: Masks) -> None:
        """Note, in every subscription, the fields of its topic that changed."""
        _mark(self.pending, self.topic, fresh, self.used)

    def columns(self) -> Columns:
        """Give all columns, which are these until rows are added."""
        return Columns(self.topic, self.client, self.pending, self.owed, self.sent, self.every_ticks, self.due_tick)

    def _found(self, client: int, topics: Topics) -> tuple[Rows, Rows]:
        """Find the rows of those topics that a client has, and their places in `topics`."""
        rows = self.rows(client)
        _, of_rows, of_topics = np.intersect1d(self.topic[rows], topics, return_indices=True)
        return rows[of_rows], of_topics

    def _moved(self, client: int, count: int) -> tuple[int, int]:
        """Give a client a block that has room for `count` rows."""
        there = _block_rows(count)
        first = self._allocated(there)
        before = self._block.get(client)
        if before is not None:
            was, taken, held = before
            for column in self.columns():
                column[first : first + taken] = column[was : was + taken]
            self._clear(slice(was, was + taken))
            self._free.setdefault(held, []).append(was)
        return first, there

    def _allocated(self, there: int) -> int:
        free = self._free.get(there)
        if free:
            return free.pop()
        room = SLICE_ROWS - self.used % SLICE_ROWS
        if there > room and there <= SLICE_ROWS:
            self.used += room
        first = self.used
        self.used += there
        self._reserve(self.used)
        return first

    def _reserve(self, rows: int) -> None:
        missing = rows - len(self.topic)
        if missing > 0:
            added = max(missing, len(self.topic) // 2, 1024)
            for name in Columns._fields:
                column = getattr(self, name)
                setattr(self, name, np.concatenate([column, np.zeros(added, column.dtype)]))

    def _clear(self, rows: slice) -> None:
        self.topic[rows], self.client[rows] = NO_TOPIC, NOBODY
        self.pending[rows] = self.owed[rows] = 0


def _block_rows(count: int) -> int:
    """Round up, finely for few rows and coarsely for many, so that freed blocks are of use again."""
    if count <= 16 * _STEP:
        return -(-count // _STEP) * _STEP
    return 1 << (count - 1).bit_length()


@compiled
def _mark(
    pending: npt.NDArray[np.uint16], topic: npt.NDArray[np.intp], fresh: npt.NDArray[np.uint16], rows: int
) -> None:
    for row in range(rows):
        pending[row] |= fresh[topic[row]]
