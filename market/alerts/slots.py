"""Rules in columns, 24 bytes each: a slot for every rule, found by its number."""

from typing import Any

import numpy as np
import numpy.typing as npt

from market.alerts.columns import F8, I4, I8, U4, Bools, Places, RuleColumns, Slotted, roomy
from market.alerts.moves import Moves
from market.alerts.rule import Condition, Reference, State
from market.portfolio.columns import sized

_LEAST_LATE = 1024
_HIGHEST = 0xFFFF_FFFF  # number that is kept in four bytes
_PART = 16  # the part of all slots that may be free, or out of order, before they are sorted out
# A status, from its lowest bit: two of condition, one of reference, two of repeat, two of phase, one of side, the day.
_REFERENCE, _REPEAT, _PHASE, _DOWN, _DAY = 2, 3, 5, 7, 8
_WHAT = (1 << _PHASE) - 1
_RELATIVE = Condition.CHANGE_PCT.code | Reference.PREV_CLOSE.code << _REFERENCE
_FROM_ITS_OWN = Condition.CHANGE_PCT.code | Reference.CREATED.code << _REFERENCE

FREE, ARMED, WAITING, DORMANT = range(4)
_PHASE_OF = np.full(len(State), FREE, np.uint32)
_PHASE_OF[[State.ARMED.code, State.WAITING.code, State.DORMANT.code]] = ARMED, WAITING, DORMANT
_COLUMNS = ("number", "place", "threshold", "reference_price", "status")


class Slots:
    """The rules of an index; a slot is found by its rule's number, and is another's some time after it is freed.

    Few rules have a reference price of their own: it and their threshold are a row of `_moves`.
    """

    def __init__(self) -> None:
        self.place = np.zeros(0, np.int32)
        self._number: npt.NDArray[Any] = np.zeros(0, np.uint32)  # wider once a number takes more
        self._threshold = np.zeros(0)  # or which row of `_moves` it is in
        self._moves = Moves()
        self._status = np.zeros(0, np.uint32)
        self._used = 0
        self._count = 0
        self._order = np.zeros(0, np.uint32)  # slots by their numbers, those in use at the front
        self._ordered = 0
        self._late = np.zeros(0, np.uint32)  # slots of numbers that came after higher ones, by number
        self._freed = 0  # slots that are free and still found by their last number
        self._spare = np.zeros(0, np.uint32)  # slots that are free for any number

    def __len__(self) -> int:
        return self._count

    @property
    def size_bytes(self) -> int:
        """What it takes."""
        slot_bytes = sum(column.itemsize for column in (self._number, self.place, self._threshold, self._status))
        ordered = self._ordered + len(self._late) + len(self._spare)
        return self._used * slot_bytes + 4 * ordered + self._moves.size_bytes

    def number(self, slot: Slotted) -> I8:
        """Give rules' numbers."""
        return self._number[slot].astype(np.int64)

    def threshold(self, slot: Slotted) -> F8:
        """Give thresholds."""
        threshold = self._threshold[slot]
        own = np.flatnonzero(self._is_from_its_own(slot))
        if len(own):
            threshold[own] = self._moves.threshold(threshold[own])
        return threshold

    def reference_price(self, slot: Slotted) -> F8:
        """Give what moves are measured from, 0 for what is no move or moves with the previous close."""
        price = np.zeros(len(slot))
        is_own = self._is_from_its_own(slot)
        price[is_own] = self._moves.reference_price(self._threshold[slot][is_own])
        return price

    def condition(self, slot: Slotted) -> U4:
        """Give codes of `Condition`."""
        return self._status[slot] & np.uint32(3)

    def is_relative(self, slot: Slotted) -> Bools:
        """Tell whose lines move with the previous close."""
        found: Bools = self._status[slot] & 7 == _RELATIVE
        return found

    def _is_from_its_own(self, slot: Slotted) -> Bools:
        found: Bools = self._status[slot] & 7 == _FROM_ITS_OWN
        return found

    def repeat(self, slot: Slotted) -> U4:
        """Give codes of `Repeat`."""
        return self._status[slot] >> np.uint32(_REPEAT) & np.uint32(3)

    def phase(self, slot: Slotted) -> U4:
        """Give FREE, ARMED, WAITING or DORMANT."""
        return self._status[slot] >> np.uint32(_PHASE) & np.uint32(3)

    def is_down(self, slot: Slotted) -> Bools:
        """Tell who waits to come back from a lower line."""
        return (self._status[slot] >> _DOWN & 1).astype(bool)

    def fired_day(self, slot: Slotted) -> I4:
        """Give the day on which each fired last."""
        return (self._status[slot] >> _DAY).astype(np.int32)

    def set(self, slot: Slotted, phase: U4, is_down: Bools, fired_day: I4) -> None:
        """Move rules on."""
        what = self._status[slot] & _WHAT
        self._status[slot] = (
            what | phase << _PHASE | is_down.astype(np.uint32) << _DOWN | fired_day.astype(np.uint32) << _DAY
        )

    def find(self, number: I8) -> Places:
        """Give the slots of numbers, -1 where there is none; a rule that was freed may still have its own."""
        at = self._search(number)
        slot = np.full(len(number), -1, np.intp)
        for order, position in ((self._order[: self._ordered], at), (self._late, self._search_late(number))):
            is_inside = np.flatnonzero(position < len(order))
            near = order[position[is_inside]]
            is_own = self._number[near] == number[is_inside]
            slot[is_inside[is_own]] = near[is_own]
        return slot

    def put(self, rules: RuleColumns, place: Places) -> Places:
        """Add rules, each number once, or put them in the place of those with their numbers; give their slots."""
        slot = self.find(rules.number)
        is_new = slot < 0
        was_free = ~is_new
        was_free[was_free] = self.phase(slot[was_free]) == FREE
        self._freed -= int(was_free.sum())
        self._count += int((was_free | is_new).sum())
        slot[is_new] = self._give(rules.number[is_new])
        self._give_up_moves(slot)
        self.place[slot], self._threshold[slot] = place, rules.threshold
        self._status[slot] = rules.condition.astype(np.uint32) | rules.reference.astype(np.uint32) << _REFERENCE
        self._status[slot] |= rules.repeat.astype(np.uint32) << _REPEAT
        own = np.flatnonzero(self._is_from_its_own(slot))
        self._threshold[slot[own]] = self._moves.add(rules.threshold[own], rules.reference_price[own])
        self.set(slot, _PHASE_OF[rules.state], rules.waiting_side < 0, rules.fired_day)
        self._settle()
        return slot

    def free(self, slot: Slotted) -> None:
        """Forget rules, each of which is there, and once in `slot`."""
        if not len(slot):
            return
        self.set(slot, np.full(len(slot), FREE, np.uint32), np.zeros(len(slot), bool), np.zeros(len(slot), np.int32))
        self._freed += len(slot)
        self._count -= len(slot)
        self._settle()

    def taken(self) -> Places:
        """List the slots of all rules, by number."""
        slots = self._merged()
        taken: Places = slots[self.phase(slots) != FREE].astype(np.intp)
        return taken

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """Copy the rules, by number, as `of` takes them."""
        slot = self.taken()
        columns: tuple[npt.NDArray[Any], ...] = (
            self.number(slot),
            self.place[slot],
            self.threshold(slot),
            self.reference_price(slot),
            self._status[slot],
        )
        return dict(zip(_COLUMNS, columns, strict=True))

    @classmethod
    def of(cls, number: I8, place: I4, threshold: F8, reference_price: F8, status: U4) -> "Slots":
        """Take over rules, by number."""
        slots = cls()
        is_wide = len(number) and int(number[-1]) > _HIGHEST
        slots._number = number if is_wide else number.astype(np.uint32)
        slots.place, slots._threshold, slots._status = place, threshold, status
        own = np.flatnonzero(status & 7 == _FROM_ITS_OWN)
        slots._threshold[own] = slots._moves.add(threshold[own], reference_price[own])
        slots._used = slots._count = slots._ordered = len(number)
        slots._order = np.arange(len(number), dtype=np.uint32)
        return slots

    def _give(self, number: I8) -> Places:
        """Give new numbers slots: spare ones first."""
        reused, self._spare = np.split(self._spare, [min(len(number), len(self._spare))])
        end = self._used + len(number) - len(reused)
        if end > len(self._number):
            self._size(roomy(end))
        if len(number) and int(number.max()) > _HIGHEST:
            self._number = self._number.astype(np.int64, copy=False)
        slot = np.append(reused, np.arange(self._used, end, dtype=np.uint32))
        self._used = end
        self._number[slot] = number
        ordered = slot if (np.diff(number) > 0).all() else slot[np.argsort(number)]
        highest = self._number[self._order[self._ordered - 1]] if self._ordered else -1
        split = int(np.searchsorted(self._number[ordered], highest, "right"))
        count = self._ordered + len(ordered) - split
        if count > len(self._order):
            self._order = sized(self._order, roomy(count))
        self._order[self._ordered : count] = ordered[split:]
        self._ordered = count
        if split:
            late = np.append(self._late, ordered[:split])
            self._late = late[np.argsort(self._number[late])]
        return slot.astype(np.intp)

    def _give_up_moves(self, slot: Slotted) -> None:
        """Let the rows of these slots be others'; they are no moves then, until they are written to."""
        own = slot[self._is_from_its_own(slot)]
        self._moves.free(self._threshold[own])
        self._status[own] = 0

    def _settle(self) -> None:
        """Win back free slots, and put late ones in order, when they are many."""
        if self._freed + len(self._late) > self._ordered // _PART + _LEAST_LATE:
            slots = self._merged()
            is_free = self.phase(slots) == FREE
            self._give_up_moves(slots[is_free])
            self._spare = np.append(self._spare, slots[is_free])
            self._order = slots[~is_free]
            self._ordered, self._freed, self._late = len(self._order), 0, self._late[:0]

    def _merged(self) -> U4:
        """Give all slots that a number finds, by number."""
        order = self._order[: self._ordered]
        return np.insert(order, self._search(self.number(self._late)), self._late) if len(self._late) else order

    def _search(self, number: I8) -> Places:
        """Find where numbers are, or would be, among those in order: a binary search of all of them at once."""
        low, high = np.zeros(len(number), np.intp), np.full(len(number), self._ordered, np.intp)
        for _ in range(self._ordered.bit_length()):
            middle = np.minimum((low + high) >> 1, self._ordered - 1)
            is_below = (self._number[self._order[middle]] < number) & (low < high)
            low = np.where(is_below, middle + 1, low)
            high = np.where(is_below, high, middle)
        return low

    def _search_late(self, number: I8) -> Places:
        found: Places = np.searchsorted(self._number[self._late], number)
        return found

    def _size(self, size: int) -> None:
        self._number, self.place = sized(self._number, size), sized(self.place, size)
        self._threshold, self._status = sized(self._threshold, size), sized(self._status, size)
