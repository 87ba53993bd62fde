"""Where rules wait: on each instrument's ladders, and the nearest of their keys in two arrays."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from market.alerts.columns import F8, I4, U4, Bools, Places
from market.alerts.ladder import Ladder
from market.alerts.lines import awaited
from market.alerts.slots import Slots
from market.portfolio.columns import sized

# Keys in units of the previous close are true but for roundings: prices this near to them are held against the lines.
_NEAR, _TINY = 4e-15, 2e-323
_AT_ONCE = 1 << 17


class Keys(NamedTuple):
    """Keys with the places and slots that they are of."""

    place: I4
    key: F8
    slot: U4

    @classmethod
    def room(cls, count: int) -> "Keys":
        """Make room for keys; it takes no memory before it is written to."""
        return cls(np.empty(count, np.int32), np.empty(count), np.empty(count, np.uint32))

    def write(self, start: int, keys: "Keys") -> int:
        """Write keys from a position on, and give the one behind them."""
        end = start + len(keys.key)
        self.place[start:end], self.key[start:end], self.slot[start:end] = keys
        return end

    def first(self, count: int) -> "Keys":
        """View the first few."""
        return Keys(self.place[:count], self.key[:count], self.slot[:count])


class Waiting:
    """The keys under which the rules of `slots` wait.

    `above` and `below` are f8[places]: no rule has to see a price between them. A price that reaches one of them may
    still touch nothing.
    """

    def __init__(self, slots: Slots) -> None:
        self.above, self.below = np.zeros(0), np.zeros(0)
        self._slots = slots
        self._up = Ladder(partial(self._is_awaited, "up", False))
        self._down = Ladder(partial(self._is_awaited, "down", False))
        # In units of the previous close.
        self._up_units = Ladder(partial(self._is_awaited, "up", True))
        self._down_units = Ladder(partial(self._is_awaited, "down", True))
        self._days = Ladder(partial(self._is_awaited, "day", None))
        self._ladders = (self._up, self._down, self._up_units, self._down_units, self._days)

    @property
    def size_bytes(self) -> int:
        """What it takes."""
        return self.above.nbytes + self.below.nbytes + sum(each.size_bytes for each in self._ladders)

    def reserve(self, places: int) -> None:
        """Make room for places, not fewer than there are."""
        for each in self._ladders:
            each.reserve(places)
        known = len(self.above)
        self.above, self.below = sized(self.above, places), sized(self.below, places)
        self.above[known:], self.below[known:] = np.inf, -np.inf

    def add(self, slot: Places) -> None:
        """Let rules wait for what they await now; `aim` is still to be called."""
        if not len(slot):
            return
        for ladder, keys in zip(self._ladders, self._keys(slot), strict=True):
            if len(keys.key):
                ladder.add(*keys)

    def _keys(self, slot: Places) -> Sequence[Keys]:
        """Give what rules await on each ladder; of many some at a time, so that what is in between stays small."""
        if len(slot) <= _AT_ONCE:
            return list(self._keys_of(slot))
        found, used = [Keys.room(len(slot)) for _ in self._ladders], [0 for _ in self._ladders]
        for at in range(0, len(slot), _AT_ONCE):
            for ladder, keys in enumerate(self._keys_of(slot[at : at + _AT_ONCE])):
                used[ladder] = found[ladder].write(used[ladder], keys)
        return [keys.first(count) for keys, count in zip(found, used, strict=True)]

    def _keys_of(self, slot: Places) -> Iterator[Keys]:
        keys, place, is_relative = awaited(self._slots, slot), self._slots.place[slot], self._slots.is_relative(slot)
        for key, which in (
            (keys.up, ~is_relative),
            (keys.down, ~is_relative),
            (keys.up, is_relative),
            (keys.down, is_relative),
            (keys.day, True),
        ):
            own = np.flatnonzero(np.isfinite(key) & which)
            yield Keys(place[own], key[own], slot[own].astype(np.uint32))

    def reached(self, place: Places, price: F8, prev_close: F8) -> tuple[Places, Places]:
        """Take out the keys that a price of each place reaches: positions in `place`, and slots, each once.

        `prev_close` is that of each. What is found is not waiting any more; `aim` is still to be called.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            up, down = (price + _TINY) / prev_close, (_TINY - price) / prev_close
            found = [
                self._up.pop(place, price),
                self._down.pop(place, -price),
                self._up_units.pop(place, up + np.abs(up) * _NEAR),
                self._down_units.pop(place, down + np.abs(down) * _NEAR),
            ]
        return _each_once(found)

    def woken(self, place: Places, day: I4) -> Places:
        """Take out the slots of what waits for a day of these places that has come."""
        return _each_once([self._days.pop(place, day.astype(np.float64))])[1]

    def aim(self, place: Places, prev_close: F8) -> None:
        """Find what is nearest to the prices of places; `prev_close` is that of all places."""
        close = prev_close[place]
        with np.errstate(over="ignore", invalid="ignore"):
            up, down = self._up_units.nearest[place] * close, self._down_units.nearest[place] * close
            # What is no number, as a close or a key is missing, leaves the other.
            self.above[place] = np.fmin(self._up.nearest[place], up - np.abs(up) * _NEAR - _TINY)
            self.below[place] = -np.fmin(self._down.nearest[place], down - np.abs(down) * _NEAR - _TINY)

    def _is_awaited(self, name: str, is_relative: bool | None, place: int, key: F8, slot: U4) -> Bools:
        slots = slot.astype(np.intp)
        is_own: Bools = (self._slots.place[slots] == place) & (getattr(awaited(self._slots, slots), name) == key)
        return is_own if is_relative is None else is_own & (self._slots.is_relative(slots) == is_relative)


def _each_once(found: list[tuple[Places, U4]]) -> tuple[Places, Places]:
    owners, slots = (np.concatenate(each) for each in zip(*found, strict=True))
    slot, first = np.unique(slots, return_index=True)
    return owners[first], slot.astype(np.intp)
