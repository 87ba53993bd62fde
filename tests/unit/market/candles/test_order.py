"""Sequences of a batch: what repeats, and what is missing."""

import random
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.candles import order
from market.candles.order import Disorder, Sequences
from tests.compiling import as_python

EPOCH = 1 << 32


def sequences(places: int = 3) -> Sequences:
    known = Sequences()
    known.reserve(places)
    return known


def follow(known: Sequences, *rows: tuple[int, int]) -> tuple[list[int], dict[int, int]]:
    """The positions that repeat, and those after a gap with how many are missing."""
    place, sequence = np.array(rows, np.int64).reshape(-1, 2).T
    found = known.follow(place.astype(np.intp), sequence)
    if found is None:
        return [], {}
    return sorted(found.repeated.tolist()), dict(zip(found.after_gap.tolist(), found.missing.tolist(), strict=True))


def test_rows_in_order_are_remembered() -> None:
    known = sequences()
    assert follow(known, (0, EPOCH + 1), (1, EPOCH + 1), (0, EPOCH + 2)) == ([], {})
    assert known.last.tolist() == [EPOCH + 2, EPOCH + 1, 0]
    assert follow(known, (0, EPOCH + 3)) == ([], {})


def test_no_rows_are_in_order() -> None:
    assert follow(sequences()) == ([], {})


@pytest.mark.parametrize("first", [EPOCH + 1, EPOCH + 77])
def test_the_first_row_ever_and_the_first_of_an_epoch_follow_nothing(first: int) -> None:
    known = sequences()
    assert follow(known, (0, first), (0, first + 1)) == ([], {})
    assert follow(known, (0, first + EPOCH)) == ([], {})


def test_missing_rows_are_counted_within_a_batch_and_between_batches() -> None:
    known = sequences()
    assert follow(known, (0, 5), (1, 1), (0, 9), (1, 2)) == ([], {2: 3})
    assert follow(known, (1, 3), (0, 11)) == ([], {1: 1})


def test_a_repeated_row_changes_nothing() -> None:
    known = sequences()
    assert follow(known, (0, 5), (0, 6), (0, 5), (0, 6), (0, 7)) == ([2, 3], {})
    assert follow(known, (0, 7), (0, 6)) == ([0, 1], {})
    assert known.last[0] == 7


def test_a_repeated_row_does_not_hide_a_gap_beside_it() -> None:
    assert follow(sequences(), (0, 5), (0, 5), (0, 7)) == ([1], {2: 1})


def test_a_first_row_without_a_sequence_is_a_repetition() -> None:
    assert follow(sequences(), (0, 0)) == ([0], {})


def test_a_new_epoch_that_overtakes_is_followed_and_the_old_one_then_repeats() -> None:
    known = sequences()
    rows = ((0, EPOCH + 1), (0, 2 * EPOCH + 1), (0, EPOCH + 2))
    assert follow(known, *rows) == ([2], {})
    assert known.last[0] == 2 * EPOCH + 1


def test_places_within_another_batch_are_found_again() -> None:
    found = Disorder(np.array([0]), np.array([1]), np.array([4])).at(np.array([10, 20]))
    assert (found.repeated.tolist(), found.after_gap.tolist(), found.missing.tolist()) == ([10], [20], [4])


def test_room_grows_and_is_kept() -> None:
    known = sequences(2)
    follow(known, (1, 4))
    known.reserve(1)
    known.reserve(3)
    assert known.last[:3].tolist() == [0, 4, 0]
    assert len(known.last) >= 3


@given(st.integers(0, 2**32))
def test_any_batch_is_judged_as_row_after_row_would_be(seed: int) -> None:
    judge_any_batch(seed)


@given(st.integers(0, 2**32))
def test_so_it_is_where_nothing_is_compiled(seed: int) -> None:
    with mock.patch.object(order, "_follow", as_python(order._follow)):
        judge_any_batch(seed)


def judge_any_batch(seed: int) -> None:
    random_ = random.Random(seed)
    known, last = sequences(4), [0] * 4
    for _ in range(4):
        rows = [(random_.randrange(4), random_.choice([1, 1, 1, 2]) * EPOCH + random_.randrange(12)) for _ in range(15)]
        repeated, gaps = [], {}
        for at, (place, sequence) in enumerate(rows):
            if sequence <= last[place]:
                repeated.append(at)
                continue
            if last[place] and sequence >> 32 == last[place] >> 32 and sequence > last[place] + 1:
                gaps[at] = sequence - last[place] - 1
            last[place] = sequence
        assert follow(known, *rows) == (repeated, gaps)
        assert known.last.tolist() == last


@pytest.mark.parametrize(("places", "count"), [(3, 20_000), (300_000, 20)])
def test_batches_of_many_rows_and_of_many_places_are_judged_the_same(places: int, count: int) -> None:
    known = sequences(places)
    rows = [(places - 1 - at % 2, at // 2 + 1) for at in range(count)]
    assert follow(known, *rows) == ([], {})
    assert follow(known, rows[-1], (0, 1), (0, 3)) == ([0], {2: 1})
