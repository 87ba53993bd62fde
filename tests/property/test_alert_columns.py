"""The ladders and slots of alerts against a list and a dict."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.alerts import ladder, slots
from market.alerts.columns import F8, U4, Bools, RuleColumns
from market.alerts.rule import Condition, Reference, Repeat, Rule, State

PLACES = 5
CROWDED = [(place, 900.0 + at, 1000 + at) for at in range(300) for place in range(PLACES)]
keys = st.integers(0, 20).map(float)
entries = st.lists(st.tuples(st.integers(0, PLACES - 1), keys, st.integers(0, 9)), min_size=1, max_size=30)
values = st.dictionaries(st.integers(0, PLACES - 1), st.integers(-1, 21).map(float), max_size=PLACES)
dead = st.sets(st.integers(0, 9), max_size=3)
steps = st.lists(st.one_of(entries, entries, values, dead), max_size=40)


@dataclass
class Listed:
    """What a ladder holds; slots that are dead may go at any time."""

    held: list[tuple[int, float, int]] = field(default_factory=list)
    dead: set[int] = field(default_factory=set)

    def is_awaited(self, place: int, key: F8, slot: U4) -> Bools:
        return ~np.isin(slot, list(self.dead))

    def pop(self, place: int, value: float) -> set[int]:
        found = {slot for where, key, slot in self.held if where == place and key <= value}
        self.held = [each for each in self.held if each[0] != place or each[1] > value]
        return found - self.dead


def columns_of(held: list[tuple[int, float, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    place, key, slot = zip(*held, strict=True)
    return np.array(place, np.int32), np.array(key, np.float64), np.array(slot, np.uint32)


@given(steps, st.booleans())
@settings(max_examples=200)
def test_a_ladder_gives_what_is_not_above_a_value(steps: list[object], is_crowded: bool) -> None:
    listed = Listed()
    tried = ladder.Ladder(listed.is_awaited)
    tried.reserve(2)
    tried.reserve(PLACES)
    if is_crowded:
        tried.add(*columns_of(CROWDED))
        listed.held += CROWDED
    for step in steps:
        if isinstance(step, list):
            tried.add(*columns_of(step))
            listed.held += step
        elif isinstance(step, dict):
            place, value = np.array(list(step), np.intp), np.array(list(step.values()))
            owner, slot = tried.pop(place, value)
            found = list(zip(place[owner].tolist(), slot.tolist(), strict=True))
            for each, most in step.items():
                assert {slot for where, slot in found if where == each} - listed.dead == listed.pop(each, most)
        else:
            assert isinstance(step, set)
            listed.dead |= step
        for place in range(PLACES):
            own = [key for where, key, slot in listed.held if where == place and slot not in listed.dead]
            assert tried.nearest[place] <= min(own, default=np.inf)


def test_a_ladder_that_is_written_to_stays_small() -> None:
    generator, count, places = np.random.default_rng(5), 50_000, 50
    oldest = 0  # whose slot is below this is not awaited any more
    tried = ladder.Ladder(lambda place, key, slot: slot >= oldest)
    tried.reserve(places)
    slot = np.arange(count, dtype=np.uint32)
    tried.add(generator.integers(0, places, count).astype(np.int32), generator.uniform(1, 2, count), slot)
    for turn in range(300):
        oldest = 400 * turn
        place = generator.integers(0, places, 400).astype(np.int32)
        slot = np.arange(count + oldest, count + oldest + 400, dtype=np.uint32)
        tried.add(place, generator.uniform(1, 2, 400), slot)
        assert count <= len(tried) <= 1.2 * count
        assert tried.size_bytes <= 1.5 * 12 * count
    _, slot = tried.pop(np.arange(places), np.full(places, 3.0))
    assert sorted(slot[slot >= oldest].tolist()) == list(range(oldest, oldest + count + 400))


def test_keys_twice_at_a_place_are_there_once_when_it_is_in_order() -> None:
    tried = ladder.Ladder(lambda place, key, slot: np.ones(len(key), bool))
    tried.reserve(2)
    tried.add(*columns_of([(1, 50.0, each) for each in range(1000)]))
    for _ in range(400):
        tried.add(*columns_of([(0, 1.0, 3), (0, 2.0, 3), (0, 2.0, 4)]))
    assert len(tried) <= 1000 + 10


def test_a_place_that_had_none_gets_keys_among_many() -> None:
    tried = ladder.Ladder(lambda place, key, slot: np.ones(len(key), bool))
    tried.reserve(2)
    tried.add(*columns_of([(1, 50.0, each) for each in range(1000)]))
    tried.add(*columns_of([(0, float(-each), each) for each in range(20)]))
    assert tried.nearest.tolist() == [-19.0, 50.0]
    assert sorted(tried.pop(np.array([0]), np.array([-10.0]))[1].tolist()) == list(range(10, 20))


numbers = st.integers(1, 60)


@pytest.mark.parametrize("base", [0, 2**32 - 30])  # all numbers take four bytes, or half of them more
@given(steps=st.lists(st.one_of(st.lists(numbers, min_size=1, unique=True), st.sets(numbers, min_size=1)), max_size=30))
@settings(max_examples=150)
def test_slots_are_found_by_their_numbers(base: int, steps: list[object]) -> None:
    with_few = slots._LEAST_LATE
    slots._LEAST_LATE = 3  # so that they are sorted out often
    try:
        check_slots(base, steps)
    finally:
        slots._LEAST_LATE = with_few


def check_slots(base: int, steps: list[object]) -> None:
    tried, held = slots.Slots(), dict[int, tuple[float, float]]()
    threshold = 0.0
    for step in steps:
        if isinstance(step, list):
            threshold += 1
            rules = [rule_of(base + each, threshold + each / 100) for each in step]
            slot = tried.put(RuleColumns.of(rules), np.full(len(rules), each_place(threshold), np.intp))
            held |= {each.number: (each.threshold, each.reference_price) for each in rules}
            assert len(set(slot.tolist())) == len(rules)
        else:
            assert isinstance(step, set)
            gone = {base + each for each in step}
            tried.free(tried.find(np.array(sorted(gone & set(held)), np.int64)))
            held = {number: values for number, values in held.items() if number not in gone}
        assert_held(tried, held)
        assert_held(slots.Slots.of(**tried.columns()), held)
        assert tried.find(tried.number(tried.taken())).tolist() == tried.taken().tolist()
        absent = np.array([base + each for each in range(62) if base + each not in held], np.int64)
        found = tried.find(absent)
        assert (tried.phase(found[found >= 0]) == slots.FREE).all()


def rule_of(number: int, threshold: float) -> Rule:
    """Make a rule that is a move from a price of its own, one from the previous close, or none, whichever it was."""
    kind = int(threshold * 100) % 3
    if kind == 2:
        return Rule(number, 7, Condition.ABOVE, threshold)
    reference = (Reference.CREATED, Reference.PREV_CLOSE)[kind]
    return Rule(number, 7, Condition.CHANGE_PCT, threshold, reference, 0.0 if kind else 3 * threshold)


def assert_held(tried: slots.Slots, held: dict[int, tuple[float, float]]) -> None:
    taken = tried.taken()
    assert len(tried) == len(held)
    assert tried.number(taken).tolist() == sorted(held)
    values = zip(tried.threshold(taken).tolist(), tried.reference_price(taken).tolist(), strict=True)
    assert list(values) == [held[each] for each in sorted(held)]


def each_place(threshold: float) -> int:
    return int(threshold) % 5


def test_free_slots_are_used_again() -> None:
    tried = slots.Slots()
    for first in range(1, 400_000, 4_000):
        rules = RuleColumns.of([Rule(first, 7, Condition.ABOVE, 1.0)])
        many = rules.take(np.zeros(4_000, np.intp))
        many.number[:] = np.arange(first, first + 4_000)
        slot = tried.put(many, np.zeros(4_000, np.intp))
        tried.free(slot)
    assert len(tried) == 0
    assert tried.size_bytes < 40 * 10_000


def test_rows_of_moves_are_used_again() -> None:
    tried = slots.Slots()
    one = RuleColumns.of([Rule(1, 7, Condition.CHANGE_PCT, 5.0, Reference.CREATED, 100.0)])
    for first in range(1, 200_000, 4_000):
        many = one.take(np.zeros(4_000, np.intp))
        many.number[:] = np.arange(first, first + 4_000)
        for _ in range(3):
            slot = tried.put(many, np.zeros(4_000, np.intp))
        tried.free(slot)
    assert tried._moves.size_bytes < 24 * 10_000


def test_rules_keep_what_they_are() -> None:
    tried = slots.Slots()
    every = [
        Rule(at + 1, 7, condition, 2.5, reference, 10.0, repeat, state, -1 if at % 2 else 1, 0, at)
        for at, (condition, reference, repeat, state) in enumerate(
            (condition, reference, repeat, state)
            for condition in Condition
            for reference in Reference
            for repeat in Repeat
            for state in (State.ARMED, State.WAITING, State.DORMANT)
        )
    ]
    slot = tried.put(RuleColumns.of(every), np.zeros(len(every), np.intp))
    phases = {State.ARMED: slots.ARMED, State.WAITING: slots.WAITING, State.DORMANT: slots.DORMANT}
    assert tried.condition(slot).tolist() == [each.condition.code for each in every]
    assert tried.repeat(slot).tolist() == [each.repeat.code for each in every]
    assert tried.is_relative(slot).tolist() == [each.is_relative for each in every]
    assert tried.phase(slot).tolist() == [phases[each.state] for each in every]
    assert tried.is_down(slot).tolist() == [each.waiting_side < 0 for each in every]
    assert tried.fired_day(slot).tolist() == [each.fired_day for each in every]
    assert slots.Slots.of(**tried.columns()).columns().keys() == tried.columns().keys()
