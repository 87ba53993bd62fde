"""The index of alerts against a scan of all rules at every tick, in plain Python."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise, product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from market.alerts.columns import I4, I8, U4, RuleColumns, Touches, TouchKind
from market.alerts.index import AlertIndex
from market.alerts.rule import HYSTERESIS, Condition, Reference, Repeat, Rule, State
from market.codes import NO_INSTRUMENT, NOT_PRICE_FORMING, Kind
from market.codes import Condition as TradeCondition
from market.row_type import Rows
from market.rows import EVENT_TYPES, join

DAY_NS = 8 * 3_600_000_000_000
Fact = tuple[int, int, int, float, int, int, int, int]


def day_of(instruments: U4, ts_ns: I8) -> I4:
    """Give each instrument a day of another length."""
    return (1 + ts_ns // (DAY_NS + DAY_NS // 10 * instruments.astype(np.int64))).astype(np.int32)


@dataclass
class Known:
    sequence: int = 0
    last: float | None = None
    prev_close: float | None = None
    day: int = 0


class Scan:
    """Holds every rule against every tick."""

    def __init__(self) -> None:
        self.rules: dict[int, Rule] = {}
        self.known: dict[int, Known] = {}
        self.tape_sequence, self.row = 0, -1

    def put(self, rules: Iterable[Rule]) -> None:
        for rule in rules:
            self.remove([rule.number])
            if rule.state.is_live:
                # What the tape is behind already sees whatever comes next.
                is_seen = rule.since < self.tape_sequence
                self.rules[rule.number] = replace(rule, since=-1) if is_seen else rule

    def remove(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self.rules.pop(number, None)

    def of(self, instrument: int) -> Known:
        return self.known.setdefault(instrument, Known())

    def apply(self, rows: Rows, tape_sequences: list[int], evaluate_after: int) -> list[Fact]:
        facts: list[Fact] = []
        for at, tape_sequence in enumerate(tape_sequences):
            self.row = self.row + 1 if tape_sequence == self.tape_sequence else 0
            self.tape_sequence = tape_sequence
            facts += self._see(rows[at : at + 1], evaluated=tape_sequence > evaluate_after)
        return facts

    def _see(self, row: Rows, *, evaluated: bool) -> Iterable[Fact]:
        instrument, sequence = int(row["instrument"][0]), int(row["sequence"][0])
        if instrument == NO_INSTRUMENT:
            return
        known = self.of(instrument)
        if sequence <= known.sequence:
            return
        known.sequence = sequence
        if row["kind"][0] != Kind.TRADE:
            return
        trade = row.view(EVENT_TYPES[Kind.TRADE].dtype)[0]
        price, ts_event = float(trade["price"]), int(trade["ts_event"])
        if int(trade["conditions"]) & NOT_PRICE_FORMING or not math.isfinite(price) or price <= 0:
            return
        day = int(day_of(np.array([instrument], np.uint32), np.array([ts_event]))[0])
        if day > known.day:
            known.day = day
            known.prev_close = known.prev_close if known.last is None else known.last
        known.last = price
        own = [
            each for each in self.rules.values() if each.instrument == instrument and each.since < self.tape_sequence
        ]
        for rule in sorted(own, key=lambda each: each.number) if evaluated else ():
            for kind, side in self._judge(rule, price, known):
                yield rule.number, kind, side, price, ts_event, known.day, self.tape_sequence, self.row

    def _judge(self, rule: Rule, price: float, known: Known) -> Iterable[tuple[int, int]]:
        up, down = rule.lines(known.prev_close)
        sides = [side for side, is_there in ((1, price >= up), (-1, price <= down)) if is_there]
        if rule.state is State.DORMANT and rule.fired_day >= known.day:
            return
        if rule.state is State.WAITING:
            side = rule.waiting_side
            line = up if side > 0 else down
            back = price <= line * (1 - HYSTERESIS) if side > 0 else price >= line * (1 + HYSTERESIS)
            if math.isinf(line) or not back:
                return
            yield TouchKind.REARM, side
            sides = [each for each in sides if each != side]
        self.rules[rule.number] = rule = replace(rule, state=State.ARMED, waiting_side=0)
        if sides:
            yield TouchKind.FIRE, sides[0]
            if rule.repeat is Repeat.ONCE:
                del self.rules[rule.number]
            elif rule.repeat is Repeat.DAILY:
                self.rules[rule.number] = replace(rule, state=State.DORMANT, fired_day=known.day)
            else:
                self.rules[rule.number] = replace(rule, state=State.WAITING, waiting_side=sides[0])


def facts_of(touches: Touches) -> list[Fact]:
    columns = (touches.number, touches.kind, touches.side, touches.price, touches.ts_event, touches.day)
    return list(zip(*(each.tolist() for each in (*columns, touches.tape_sequence, touches.row)), strict=True))


def event(kind: Kind, instrument: int, ts_event: int, price: float, conditions: int) -> Rows:
    row = EVENT_TYPES[kind].blank(1)
    row["instrument"], row["ts_event"] = instrument, ts_event
    if kind is Kind.TRADE:
        row["price"], row["conditions"] = price, conditions
    return row


INSTRUMENTS = [3, 4, 9]
LINE = 100.0
# On the lines of the rules below, a rounding beside them, where they are armed again, and far away.
NEAR = [
    LINE,
    99.0,
    101.0,
    101.0 * 1.001,
    99.0 * 0.999,
    LINE * 0.999,
    LINE * 1.001,
    99.95,
    100.05,
    110.0,
    90.0,
    121.0,
    81.0,
]
prices = st.one_of(
    st.sampled_from(NEAR),
    st.sampled_from(NEAR).flatmap(lambda each: st.sampled_from([math.nextafter(each, 0), math.nextafter(each, 1e9)])),
    st.integers(800, 1250).map(lambda each: each / 10),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -1.0, 5e-324, 1e-320, 1e308]),
)
thresholds = st.sampled_from([LINE, 99.0, 101.0, 110.0, 90.0, 99.95, 5e-324, 1e8])
percents = st.sampled_from([1.0, 10.0, 0.01, 0.04, 0.05, 1e-13, 21.0, 100.0, 1000.0])
sequences = st.integers(0, 12)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    condition = draw(st.sampled_from(Condition))
    state = draw(st.sampled_from([State.ARMED, State.ARMED, State.WAITING, State.DORMANT, *State]))
    return Rule(
        number=draw(st.integers(1, 12)),
        instrument=draw(st.sampled_from(INSTRUMENTS)),
        condition=condition,
        threshold=draw(percents if condition is Condition.CHANGE_PCT else thresholds),
        reference=draw(st.sampled_from(Reference)),
        reference_price=draw(st.sampled_from([LINE, LINE, 99.0, 0.0, 5e-324])),
        repeat=draw(st.sampled_from([Repeat.EVERY_CROSS, *Repeat])),
        state=state,
        waiting_side=draw(st.sampled_from([1, -1])) if state is State.WAITING else 0,
        since=draw(sequences),
        fired_day=draw(st.integers(0, 4)),
    )


kinds = st.sampled_from([Kind.TRADE] * 6 + [Kind.QUOTE, Kind.CORRECTION, Kind.STATUS])
events = st.builds(
    event,
    kinds,
    st.sampled_from([*INSTRUMENTS, *INSTRUMENTS, *INSTRUMENTS, NO_INSTRUMENT]),
    st.one_of(st.integers(0, 99).map(lambda each: DAY_NS // 2 + each), st.integers(0, 5 * DAY_NS)),
    prices,
    st.sampled_from([0, 0, 0, int(TradeCondition.ODD_LOT), int(TradeCondition.INTERMARKET_SWEEP)]),
)


@dataclass(frozen=True)
class Batch:
    """Rows, how many of them each message holds, which of them repeat one before, and how far not to evaluate."""

    rows: list[Rows]
    sizes: list[int]
    repeats: list[int]
    skipped: int


batches = st.builds(
    Batch,
    st.lists(events, min_size=1, max_size=25),
    st.lists(st.integers(1, 6), min_size=25, max_size=25),
    st.lists(st.integers(0, 24), max_size=4),
    st.sampled_from([0, 0, 0, 1, 2]),
)
steps = st.lists(
    st.one_of(batches, batches, st.lists(rules(), max_size=6), st.sets(st.integers(1, 12), max_size=3)), max_size=8
)


@dataclass
class Tape:
    """Numbers rows as a feed does, and messages as a stream does."""

    sequence: dict[int, int] = field(default_factory=dict)
    message: int = 0

    def write(self, batch: Batch) -> tuple[Rows, list[int]]:
        rows = join(batch.rows)
        for row in range(len(rows)):
            instrument = int(rows["instrument"][row])
            self.sequence[instrument] = self.sequence.get(instrument, 0) + 1
            rows["sequence"][row] = self.sequence[instrument]
        repeated = [rows[at % len(rows) : at % len(rows) + 1] for at in batch.repeats]
        rows = join([rows, *repeated])
        messages: list[int] = []
        for size in batch.sizes:
            self.message += 1
            messages += [self.message] * size
            if len(messages) >= len(rows):
                break
        return rows, messages[: len(rows)]


def parts_of(rows: Rows, messages: list[int], cuts: Iterable[int]) -> Iterable[tuple[Rows, list[int]]]:
    for start, end in pairwise(sorted({0, *(cut % (len(rows) + 1) for cut in cuts), len(rows)})):
        yield rows[start:end], messages[start:end]


def whole(rows: Rows, messages: list[int]) -> list[tuple[int, bytes]]:
    """Give rows by message, as they are on the tape."""
    ends = [at for at in range(1, len(messages)) if messages[at] != messages[at - 1]]
    return [(messages[start], rows[start:end].tobytes()) for start, end in pairwise([0, *ends, len(messages)])]


# Rules of other instruments, so many that those of a test come to their ladders one by one.
CROWD = [
    Rule(100 + at, 1000 + at % 7, condition, 5.0, reference, since=-1)
    for at, (condition, reference) in enumerate(200 * [*product(Condition, Reference)])
]


def run(
    steps: list[object], index_of: Callable[[AlertIndex], AlertIndex], cuts: Iterable[int], crowd: list[Rule]
) -> None:
    scan, index, tape = Scan(), AlertIndex(day_of), Tape()
    scan.put(crowd)
    index.load(RuleColumns.of(crowd), 0)
    for step in steps:
        if isinstance(step, Batch):
            rows, messages = tape.write(step)
            after = messages[0] + step.skipped - 1
            expected = scan.apply(rows, messages, after)
            found: list[Fact] = []
            for part, numbers in parts_of(rows, messages, cuts):
                if not len(part) or not index.pass_by(whole(part, numbers), after):
                    found += facts_of(index.apply(part, np.array(numbers, np.int64), after))
                index = index_of(index)
            assert found == expected
        elif isinstance(step, list):
            scan.put(step)
            index.put(step)
        else:
            assert isinstance(step, set)
            scan.remove(step)
            index.remove(step)
        index = index_of(index)
        assert len(index) == len(scan.rules)
        for instrument in INSTRUMENTS:
            known = scan.of(instrument)
            assert index.price_of(instrument) == known.last
            assert index.prev_close_of(instrument) == known.prev_close
            assert index.instrument_day(instrument) == known.day


@given(steps)
@settings(max_examples=200)
def test_the_index_finds_what_a_scan_finds(steps: list[object]) -> None:
    run(steps, lambda index: index, (), [])


@given(steps)
@settings(max_examples=100)
def test_the_index_finds_what_a_scan_finds_among_many_rules(steps: list[object]) -> None:
    run(steps, lambda index: index, (), CROWD)


@given(steps, st.lists(st.integers(0, 30), max_size=6))
@settings(max_examples=120)
def test_neither_batches_nor_checkpoints_change_what_is_touched(steps: list[object], cuts: list[int]) -> None:
    run(steps, lambda index: AlertIndex.restore(day_of, index.freeze().encode()), cuts, [])
