"""The rules of a partition of the tape, and which of them each tick touches."""

import math
import pickle
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from market.alerts.columns import DayOf, RuleColumns, Touches, TouchKind
from market.alerts.rule import HYSTERESIS, Repeat, Rule, State
from market.codes import NO_INSTRUMENT, NOT_PRICE_FORMING, Kind
from market.row_type import Rows
from market.rows import TRADE


@dataclass
class _Instrument:
    sequence: int = 0
    last: float | None = None
    prev_close: float | None = None
    day: int = 0
    rules: dict[int, Rule] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Frozen:
    """An index at one moment, which nothing changes any more."""

    state: bytes

    def encode(self) -> bytes:
        """Write it; takes time."""
        return self.state


class AlertIndex:
    """See `docs/alerts.md` for what touches a rule. `day_of` gives the trading days of events."""

    def __init__(self, day_of: DayOf) -> None:
        self._day_of = day_of
        self._instruments: dict[int, _Instrument] = {}
        self._where: dict[int, int] = {}
        self._held: dict[int, Rule] = {}
        self._tape = (0, 0)

    def __len__(self) -> int:
        return len(self._where) + len(self._held)

    def put(self, rules: Sequence[Rule] | RuleColumns) -> None:
        """Add rules, or put them in the place of those with their numbers; what waits for nothing is removed."""
        for rule in rules.rules() if isinstance(rules, RuleColumns) else rules:
            self.remove([rule.number])
            if rule.state.is_live and rule.since >= self._tape[0]:
                self._held[rule.number] = rule
            elif rule.state.is_live:
                self._activate(rule)

    def load(self, columns: RuleColumns, evaluated: int) -> None:
        """Take many rules at once into an empty index whose tape was evaluated so far."""
        self._tape = (max(self._tape[0], evaluated), 0)
        self.put(columns)

    def remove(self, numbers: Iterable[int]) -> None:
        """Forget rules; those that are not there are none."""
        for number in numbers:
            self._held.pop(number, None)
            if number in self._where:
                del self._of(self._where.pop(number)).rules[number]

    def learn(
        self, instruments: npt.ArrayLike, last: npt.ArrayLike, prev_close: npt.ArrayLike, day: npt.ArrayLike
    ) -> None:
        """Take prices (NaN: not known) and days that ticks before brought about."""
        columns = [np.atleast_1d(np.asarray(each)).tolist() for each in (instruments, last, prev_close, day)]
        for number, *known in zip(*columns, strict=True):
            its = self._of(number)
            its.last, its.prev_close = (None if math.isnan(price) else price for price in known[:2])
            its.day = known[2]

    def price_of(self, instrument: int) -> float | None:
        """Give the price of an instrument's last tick."""
        return self._of(instrument).last

    def prev_close_of(self, instrument: int) -> float | None:
        """Give the price of the last tick of an instrument's trading day before."""
        return self._of(instrument).prev_close

    def instrument_day(self, instrument: int) -> int:
        """Give the trading day of an instrument's ticks, as an ordinal; 0 where there was none."""
        return self._of(instrument).day

    def apply(self, rows: Rows, tape_sequences: npt.NDArray[np.int64], evaluate_after: int) -> Touches:
        """Let rules see ticks; rows with tape sequences up to `evaluate_after` only move prices and days."""
        touched: list[tuple[float, ...]] = []
        days = self._day_of(rows["instrument"].astype(np.uint32), rows["ts_event"].astype(np.int64))
        for at in range(len(rows)):
            tape_sequence = int(tape_sequences[at])
            row = self._tape[1] + 1 if tape_sequence == self._tape[0] else 0
            for rule in [each for each in self._held.values() if each.since < tape_sequence]:
                self._activate(self._held.pop(rule.number))
            self._tape = (tape_sequence, row)
            trade = rows[at : at + 1].view(TRADE.dtype)[0]
            if int(trade["instrument"]) == NO_INSTRUMENT:
                continue
            its, ts_event = self._of(int(trade["instrument"])), int(trade["ts_event"])
            if int(trade["sequence"]) <= its.sequence:
                continue
            its.sequence = int(trade["sequence"])
            price = float(trade["price"])
            forms = trade["kind"] == Kind.TRADE and not int(trade["conditions"]) & NOT_PRICE_FORMING
            if not forms or not math.isfinite(price) or price <= 0:
                continue
            if days[at] > its.day:
                its.day, its.prev_close = int(days[at]), its.prev_close if its.last is None else its.last
            its.last = price
            if tape_sequence <= evaluate_after:
                continue
            for number in sorted(its.rules):
                for kind, side in self._see(its, number, price):
                    touched.append((number, kind, side, price, ts_event, its.day, tape_sequence, row))
        return Touches.of(touched) if touched else Touches.none()

    def _see(self, its: _Instrument, number: int, price: float) -> list[tuple[int, int]]:
        rule = its.rules[number]
        up, down = rule.lines(its.prev_close)
        events: list[tuple[int, int]] = []
        side = 0
        if rule.state is State.DORMANT and its.day > rule.fired_day:
            rule = replace(rule, state=State.ARMED)
        if rule.state is State.ARMED:
            side = rule.touched_side(price, its.prev_close)
        elif rule.state is State.WAITING:
            from_side = rule.waiting_side
            back = price <= up * (1 - HYSTERESIS) if from_side > 0 else price >= down * (1 + HYSTERESIS)
            if back:
                rule = replace(rule, state=State.ARMED, waiting_side=0)
                events.append((TouchKind.REARM, from_side))
                side = 1 if from_side < 0 and price >= up else -1 if from_side > 0 and price <= down else 0
        if side:
            events.append((TouchKind.FIRE, side))
            if rule.repeat is Repeat.ONCE:
                del its.rules[number], self._where[number]
                return events
            if rule.repeat is Repeat.DAILY:
                rule = replace(rule, state=State.DORMANT, fired_day=its.day)
            else:
                rule = replace(rule, state=State.WAITING, waiting_side=side)
        its.rules[number] = rule
        return events

    def _activate(self, rule: Rule) -> None:
        self._where[rule.number] = rule.instrument
        self._of(rule.instrument).rules[rule.number] = rule

    def _of(self, instrument: int) -> _Instrument:
        return self._instruments.setdefault(instrument, _Instrument())

    def freeze(self) -> Frozen:
        """Copy the state, to be written elsewhere."""
        return Frozen(pickle.dumps((self._instruments, self._where, self._held, self._tape)))

    @classmethod
    def restore(cls, day_of: DayOf, data: bytes) -> "AlertIndex":
        """Read what a frozen one wrote; raises CodecError for anything else."""
        index = cls(day_of)
        index._instruments, index._where, index._held, index._tape = pickle.loads(data)  # noqa: S301
        return index
