"""The rules of a partition of the tape, and which of them each tick touches.

A rule waits under a key or two on the ladders of its instrument: the price at which something happens to it next, on
each side. A batch of ticks is held against the nearest key above and below, two arrays; where neither is reached, that
is all. What waits under keys that are reached is judged by what it is now, so a key of a rule that was changed or
removed since does no harm, and goes when it is met.
"""

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from market.alerts import quiet
from market.alerts.columns import I8, DayOf, Places, RuleColumns, Touches
from market.alerts.frozen import Frozen
from market.alerts.instruments import MAX_INSTRUMENT, Instruments
from market.alerts.lines import see, wake
from market.alerts.rule import LIVE_STATES, Rule
from market.alerts.slots import FREE, Slots
from market.alerts.ticks import Ticks, by_day, ticks_of
from market.alerts.touched import Touched, touches_of
from market.alerts.waiting import Waiting
from market.row_type import Rows
from market.rows import EVENT_BYTES

_AT_ONCE = 1 << 19  # rows
_LIVE = [state.code for state in LIVE_STATES]


class AlertIndex:
    """See `docs/alerts.md` for what touches a rule. `day_of` gives the trading days of events."""

    def __init__(self, day_of: DayOf) -> None:
        self._day_of = day_of
        self._instruments = Instruments()
        self._slots = Slots()
        self._waiting = Waiting(self._slots)
        self._seen = np.zeros(0, np.int64)  # of every place, while ticks are held against rules: the last that was
        self._held = RuleColumns.of(())  # rules that the tape has still to reach
        self._sequence, self._row = 0, -1  # of the last row on the tape
        self._is_unsure = False  # whether rows were not let pass for want of a known day
        quiet.pass_by(b"", self._standing())  # compiles it, before anybody waits for it

    def __len__(self) -> int:
        return len(self._slots) + len(self._held)

    @property
    def size_bytes(self) -> int:
        """What rules and their keys take."""
        return self._slots.size_bytes + self._waiting.size_bytes

    def put(self, rules: Sequence[Rule] | RuleColumns) -> None:
        """Add rules, or put them in the place of those with their numbers; what waits for nothing is removed.

        Of several with one number the last stays. Those whose `since` the tape has still to pass are held back until
        it does. Raises ValueError for an instrument's number that no directory gives.
        """
        columns = _last_of_each(rules if isinstance(rules, RuleColumns) else RuleColumns.of(rules))
        if len(columns) and int(columns.instrument.max()) > MAX_INSTRUMENT:
            raise ValueError(f"instrument {int(columns.instrument.max())} is above {MAX_INSTRUMENT}")
        is_live = np.isin(columns.state, _LIVE)
        is_held = is_live & (columns.since >= self._sequence)
        self._held = self._held.take(~np.isin(self._held.number, columns.number))
        self._free(columns.number[~is_live | is_held])
        is_active = is_live & ~is_held
        self._activate(columns if is_active.all() else columns.take(is_active))
        self._held = RuleColumns.concat([self._held, columns.take(is_held)])

    def load(self, columns: RuleColumns, evaluated: int) -> None:
        """Take many rules at once, all ticks up to a tape sequence being evaluated."""
        if evaluated > self._sequence:
            self._sequence, self._row = evaluated, -1
        self.put(columns)

    def remove(self, numbers: Iterable[int]) -> None:
        """Forget rules; those that are not there are none."""
        number = np.unique(np.fromiter(numbers, np.int64))
        self._held = self._held.take(~np.isin(self._held.number, number))
        self._free(number)

    def learn(
        self, instruments: npt.ArrayLike, last: npt.ArrayLike, prev_close: npt.ArrayLike, day: npt.ArrayLike
    ) -> None:
        """Take prices (NaN: not known) and days that ticks before brought about; each instrument once."""
        place = self._places(np.atleast_1d(np.asarray(instruments, np.int64)))
        self._instruments.last[place], self._instruments.prev_close[place] = last, prev_close
        self._instruments.enter(place, np.asarray(day, np.int32))
        self._begin_day(place)

    def price_of(self, instrument: int) -> float | None:
        """Give the price of an instrument's last tick."""
        return self._instruments.price(self._instruments.last, instrument)

    def prev_close_of(self, instrument: int) -> float | None:
        """Give the price of the last tick of an instrument's trading day before."""
        return self._instruments.price(self._instruments.prev_close, instrument)

    def instrument_day(self, instrument: int) -> int:
        """Give the trading day of an instrument's ticks, as an ordinal; 0 where there was none."""
        place = self._instruments.find(instrument)
        return 0 if place is None else int(self._instruments.day[place])

    def pass_by(self, messages: Sequence[tuple[int, bytes]], evaluate_after: int) -> bool:
        """Let rows pass that touch nothing: messages of the tape, each whole, with their sequences.

        False: `apply` has to see them, and nothing is changed yet.
        """
        (first, _), (last, end) = messages[0], messages[-1]
        if (
            len(self._held)
            or first <= evaluate_after
            or not all(data and not len(data) % EVENT_BYTES for _, data in messages)
        ):
            return False
        found = quiet.pass_by(b"".join([data for _, data in messages]), self._standing())
        if found != quiet.QUIET:
            self._is_unsure = found == quiet.UNSURE
            return False
        begun = self._row + 1 if last == self._sequence else 0
        self._sequence, self._row = last, begun + len(end) // EVENT_BYTES - 1
        return True

    def apply(self, rows: Rows, tape_sequences: I8, evaluate_after: int) -> Touches:
        """Let rules see ticks; rows with tape sequences up to `evaluate_after` only move prices and days.

        Sequences, i8[n], do not fall. A message may come in several parts, in order.
        """
        parts: list[Touches] = []
        if not len(rows):
            return Touches.none()
        for start, end in pairwise(self._cuts(tape_sequences, evaluate_after)):
            first = int(tape_sequences[start])
            self._activate_before(first)
            touched = self._apply(rows[start:end], is_evaluated=first > evaluate_after)
            if touched:
                at, touches = touches_of(touched)
                at += start
                row = self._rows_in_messages(tape_sequences, at).astype(np.int32)
                parts.append(replace(touches, tape_sequence=tape_sequences[at], row=row))
        self._row = int(self._rows_in_messages(tape_sequences, np.array([len(rows) - 1]))[0])
        self._sequence = int(tape_sequences[-1])
        self._is_unsure = False
        if len(parts) > 1:
            return Touches.concat(parts)
        return parts[0] if parts else Touches.none()

    def freeze(self) -> Frozen:
        """Copy the state, to be written elsewhere."""
        return Frozen(deepcopy(self._slots), deepcopy(self._instruments), self._held, self._sequence, self._row)

    @classmethod
    def restore(cls, day_of: DayOf, data: bytes) -> "AlertIndex":
        """Read what a frozen one wrote; raises CodecError for anything else."""
        frozen, index = Frozen.decode(data), cls(day_of)
        index._instruments = frozen.instruments
        index._sequence, index._row, index._held = frozen.sequence, frozen.row, frozen.held
        index._slots = frozen.slots
        index._waiting = Waiting(index._slots)
        index._reserve()
        index._wait(index._slots.taken(), np.arange(index._instruments.room))
        return index

    def _standing(self) -> quiet.Standing:
        known, waiting = self._instruments, self._waiting
        return quiet.Standing(
            known.place_of,
            known.sequences.last,
            known.sure_from,
            known.sure_until,
            waiting.above,
            waiting.below,
            known.last,
        )

    def _rows_in_messages(self, tape_sequences: I8, at: Places) -> Places:
        """Give the places of rows in their messages, the first of which may have begun before."""
        own = tape_sequences[at]
        row: Places = at - np.searchsorted(tape_sequences, own) + np.where(own == self._sequence, self._row + 1, 0)
        return row

    def _cuts(self, tape_sequences: I8, evaluate_after: int) -> list[int]:
        """Say where to part a batch: where evaluation begins, where rules begin to see it, and where it is too long."""
        if not len(self._held) and evaluate_after < tape_sequences[0] and len(tape_sequences) <= _AT_ONCE:
            return [0, len(tape_sequences)]
        cuts = np.searchsorted(tape_sequences, np.append(self._held.since, evaluate_after), "right")
        return sorted({*cuts.tolist(), *range(0, len(tape_sequences), _AT_ONCE), len(tape_sequences)})

    def _activate_before(self, tape_sequence: int) -> None:
        if len(self._held):
            is_due = self._held.since < tape_sequence
            due, self._held = self._held.take(is_due), self._held.take(~is_due)
            self._activate(due)

    def _activate(self, columns: RuleColumns) -> None:
        place = self._places(columns.instrument)
        slot = self._slots.put(columns, place)
        wake(self._slots, slot, self._instruments.day[place])
        self._wait(slot, np.unique(place) if len(place) < self._instruments.room else np.arange(self._instruments.room))

    def _wait(self, slot: Places, place: Places) -> None:
        """Let rules wait for what they await now; `place` are at least theirs."""
        self._waiting.add(slot)
        self._waiting.aim(place, self._instruments.prev_close)

    def _free(self, number: I8) -> None:
        if not len(number):
            return
        slot = self._slots.find(number)
        slot = slot[slot >= 0]
        self._slots.free(slot[self._slots.phase(slot) != FREE])

    def _places(self, number: npt.NDArray[np.integer]) -> Places:
        place = self._instruments.places(number)
        self._reserve()
        return place

    def _reserve(self) -> None:
        """Make room for all instruments."""
        if len(self._seen) < self._instruments.room:
            self._seen = np.full(self._instruments.room, _AT_ONCE)
            self._waiting.reserve(self._instruments.room)

    def _apply(self, rows: Rows, *, is_evaluated: bool) -> list[Touched]:
        touched: list[Touched] = []
        ticks = ticks_of(rows, self._instruments, self._day_of)
        self._reserve()
        for part, begun in by_day(ticks, self._instruments):
            self._begin_day(begun)
            if is_evaluated:
                touched += self._evaluate(part)
            self._instruments.last[part.place] = part.price  # of several for one place, the last stays
        if self._is_unsure:
            self._instruments.be_sure(ticks.place, ticks.ts_event, ticks.day, self._day_of)
        return touched

    def _begin_day(self, place: Places) -> None:
        """Arm what waited for the day that has begun at places."""
        if len(place):
            slot = self._waiting.woken(place, self._instruments.day[place])
            slot = slot[wake(self._slots, slot, self._instruments.day[self._slots.place[slot]])]
            self._wait(slot, place)

    def _evaluate(self, ticks: Ticks) -> Iterator[Touched]:
        """Go from one tick that touches something to the next, all instruments side by side."""
        while True:
            is_near = ticks.price >= self._waiting.above[ticks.place]
            is_near |= ticks.price <= self._waiting.below[ticks.place]
            near = np.flatnonzero(is_near)
            if not len(near):
                return
            place, first = np.unique(ticks.place[near], return_index=True)
            self._seen[place] = near[first]
            yield self._touch(ticks.take(near[first]))
            is_left = np.arange(len(ticks.at)) > self._seen[ticks.place]
            self._seen[place] = _AT_ONCE
            ticks = ticks.take(np.flatnonzero(is_left))

    def _touch(self, ticks: Ticks) -> Touched:
        """Let rules see a tick that wait for what it reaches; there is one tick of each instrument."""
        prev_close = self._instruments.prev_close
        owner, slot = self._waiting.reached(ticks.place, ticks.price, prev_close[ticks.place])
        is_own = (self._slots.phase(slot) != FREE) & (self._slots.place[slot] == ticks.place[owner])
        slot, its = slot[is_own], ticks.take(owner[is_own])
        number, day = self._slots.number(slot), self._instruments.day[its.place]
        seen = see(self._slots, slot, its.price, prev_close[its.place], day)
        is_gone = self._slots.phase(slot) == FREE
        self._wait(slot[~is_gone], ticks.place)
        self._slots.free(slot[is_gone])
        return Touched(number, its._replace(day=day), seen)


def _last_of_each(rules: RuleColumns) -> RuleColumns:
    """Give rules without those that another of the same number follows."""
    if (np.diff(rules.number) > 0).all():
        return rules
    _, from_end = np.unique(rules.number[::-1], return_index=True)
    return rules.take(np.sort(len(rules) - 1 - from_end))
