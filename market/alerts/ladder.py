"""Sorted keys of many places in one piece of memory: twelve bytes a key, and nothing for a place that has none.

A place's keys lie side by side, the sorted ones first, then the few that came since. Keys leave at the low end alone,
by moving its head. A place whose keys outgrow their room moves to the end; what is left behind is won back when it is
an eighth of all.
"""

from collections.abc import Callable, Iterator

import numpy as np

from market.alerts.columns import F8, I4, U4, Bools, Places, roomy
from market.portfolio.columns import sized

IsAwaited = Callable[[int, F8, U4], Bools]
"""Tells of a place's keys, each with its slot, which of them still mean something."""

_RANK_BITS = 32
_ENTRY_BYTES = 12
_LEAST_GARBAGE = 4096
_IN_ONE_GO = 8  # as one part of all keys: more than that come by sorting all


class Ladder:
    """Keys of places, each with the slot it belongs to; finds those up to a value, which are the lowest.

    `nearest` is f8[places]: the lowest key, infinite for none. What `is_awaited` denies is dropped when a place is put
    in order.
    """

    def __init__(self, is_awaited: IsAwaited) -> None:
        self.nearest = np.zeros(0)
        self._is_awaited = is_awaited
        self._key, self._slot = np.zeros(0), np.zeros(0, np.uint32)
        self._head, self._sorted = np.zeros(0, np.int32), np.zeros(0, np.int32)
        self._end, self._limit = np.zeros(0, np.int32), np.zeros(0, np.int32)
        self._used = 0
        self._garbage = 0

    def __len__(self) -> int:
        return int((self._end - self._head).sum())

    @property
    def size_bytes(self) -> int:
        """What it takes, room of places included that they do not use."""
        columns = (self.nearest, self._head, self._sorted, self._end, self._limit)
        return self._used * _ENTRY_BYTES + sum(column.nbytes for column in columns)

    def reserve(self, places: int) -> None:
        """Make room for places, not fewer than there are."""
        known = len(self.nearest)
        self.nearest = sized(self.nearest, places)
        self.nearest[known:] = np.inf
        self._head, self._sorted = sized(self._head, places), sized(self._sorted, places)
        self._end, self._limit = sized(self._end, places), sized(self._limit, places)

    def add(self, place: I4, key: F8, slot: U4) -> None:
        """Add finite keys."""
        if len(key) * _IN_ONE_GO > self._used:
            self._sort_all(place, key, slot)
            return
        order = np.argsort(place, kind="stable")
        place, key, slot = place[order], key[order], slot[order]
        starts = np.flatnonzero(np.diff(place, prepend=-1))
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(place)], strict=True):
            self._add(int(place[start]), key[start:end], slot[start:end])

    def pop(self, place: Places, value: F8) -> tuple[Places, U4]:
        """Take out the keys of each place that are not above its value: positions in `place`, and slots."""
        owners = np.flatnonzero(self.nearest[place] <= value)
        found = [self._pop(int(place[owner]), float(value[owner])) for owner in owners.tolist()]
        counts = [len(each) for each in found]
        return np.repeat(owners, counts), np.concatenate([np.zeros(0, np.uint32), *found])

    def _pop(self, place: int, value: float) -> U4:
        head, middle, end = int(self._head[place]), int(self._sorted[place]), int(self._end[place])
        reached = head + int(np.searchsorted(self._key[head:middle], value, "right"))
        found = self._slot[head:reached]
        nearest = float(self._key[reached]) if reached < middle else np.inf
        if end > middle:
            key, slot = self._key[middle:end], self._slot[middle:end]
            is_left = key > value
            found = np.concatenate([found, slot[~is_left]])
            left = key[is_left]
            key[: len(left)], slot[: len(left)] = left, slot[is_left]
            self._end[place] = middle + len(left)
            nearest = min(nearest, float(left.min(initial=np.inf)))
        self._head[place], self.nearest[place] = reached, nearest
        return found.copy()

    def _add(self, place: int, key: F8, slot: U4) -> None:
        head, middle, end = int(self._head[place]), int(self._sorted[place]), int(self._end[place])
        count = end + len(key)
        if count - middle > _spare(middle - head):
            self._put_in_order(place, key, slot)
            return
        if count > self._limit[place]:
            end = self._move(place, count - head + _spare(middle - head))
            count = end + len(key)
        self._key[end:count], self._slot[end:count] = key, slot
        self._end[place] = count
        self.nearest[place] = min(self.nearest[place], key.min())

    def _put_in_order(self, place: int, key: F8, slot: U4) -> None:
        """Sort a place's keys together with new ones; what means nothing any more, or is there twice, goes."""
        own = slice(int(self._head[place]), int(self._end[place]))
        key, slot = np.append(self._key[own], key), np.append(self._slot[own], slot)
        is_awaited = self._is_awaited(place, key, slot)
        key, slot = key[is_awaited], slot[is_awaited]
        order = np.lexsort((slot, key))
        key, slot = key[order], slot[order]
        is_first = np.ones(len(key), bool)
        is_first[1:] = (key[1:] != key[:-1]) | (slot[1:] != slot[:-1])
        key, slot = key[is_first], slot[is_first]
        start = own.start
        if start + len(key) > self._limit[place]:
            start = self._room(place, len(key) + _spare(len(key)))
        end = start + len(key)
        self._key[start:end], self._slot[start:end] = key, slot
        self._head[place], self._sorted[place], self._end[place] = start, end, end
        self.nearest[place] = key[0] if len(key) else np.inf

    def _move(self, place: int, count: int) -> int:
        """Move a place's keys as they are to where there is room for so many; give their end."""
        head, end = int(self._head[place]), int(self._end[place])
        tail = end - int(self._sorted[place])
        key, slot = self._key[head:end], self._slot[head:end]  # of memory that stays, whatever comes in its place
        start = self._room(place, count)
        end = start + len(key)
        self._key[start:end], self._slot[start:end] = key, slot
        self._head[place], self._sorted[place], self._end[place] = start, end - tail, end
        return end

    def _room(self, place: int, count: int) -> int:
        """Give up a place's room for another, behind all others."""
        self._garbage += int(self._limit[place] - self._head[place])
        self._head[place] = self._sorted[place] = self._end[place] = self._limit[place] = 0
        if self._used + count > len(self._key):
            if self._garbage > max(self._used // 8, _LEAST_GARBAGE):
                self._compact()
            size = roomy(self._used + count)
            self._key, self._slot = sized(self._key, size), sized(self._slot, size)
        start = self._used
        self._used += count
        self._limit[place] = start + count
        return start

    def _compact(self) -> None:
        """Move all keys to the front, the order within places kept, none with room to spare."""
        self._key = np.concatenate([self._key[:0], *(self._key[own] for own in self._own())])
        self._slot = np.concatenate([self._slot[:0], *(self._slot[own] for own in self._own())])
        counts, tails = self._end - self._head, self._end - self._sorted
        ends = np.cumsum(counts, dtype=np.int32)
        self._head, self._sorted, self._end, self._limit = ends - counts, ends - tails, ends, ends.copy()
        self._used, self._garbage = len(self._key), 0

    def _own(self) -> Iterator[slice]:
        held = np.flatnonzero(self._end > self._head)
        return map(slice, self._head[held].tolist(), self._end[held].tolist())

    def _sort_all(self, place: I4, key: F8, slot: U4) -> None:
        """Add keys that are many beside those that are there."""
        if self._used:
            self._compact()
            counts = self._end - self._head
            place = np.append(np.repeat(np.arange(len(counts), dtype=np.int32), counts), place)
            key, slot = np.append(self._key[: self._used], key), np.append(self._slot[: self._used], slot)
        counts = np.bincount(place, minlength=len(self.nearest)).astype(np.int32)
        order = _order(place, key)
        self._used, self._garbage = len(key), 0
        self._key, self._slot = np.empty(roomy(len(key))), np.empty(roomy(len(key)), np.uint32)
        np.take(key, order, out=self._key[: len(key)])
        np.take(slot, order, out=self._slot[: len(key)])
        ends = np.cumsum(counts, dtype=np.int32)
        self._head, self._sorted, self._end, self._limit = ends - counts, ends, ends.copy(), ends.copy()
        held = np.flatnonzero(counts)
        self.nearest[:] = np.inf
        self.nearest[held] = self._key[self._head[held]]


def _spare(count: int) -> int:
    """Say how many keys may come to sorted ones before all are sorted again."""
    return count // 8 + 4


def _order(place: I4, key: F8) -> Places:
    """Sort by place, then key: numpy sorts whole numbers several times faster than by two keys."""
    by_key = np.argsort(key)
    composite = np.empty(len(key), np.int64)
    composite[by_key] = np.arange(len(key))
    composite |= place.astype(np.int64) << _RANK_BITS
    composite.sort()
    composite &= (1 << _RANK_BITS) - 1
    order: Places = by_key[composite]
    return order
