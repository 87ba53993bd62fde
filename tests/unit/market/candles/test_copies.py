"""Copies of bars: what is held stays as it was, memory that nobody holds is used again, what did not change is kept."""

import numpy as np
import numpy.typing as npt
import pytest

from market.candles.bars import DTYPES, NAMES, Bars, blank_block
from market.candles.copies import Copies, Group

PLACES = 40


def some(seed: int) -> Bars:
    """Bars in which no two columns are the same; whole numbers of every width."""
    bars, generator = Bars.over(blank_block(1, PLACES)).take(0), np.random.default_rng(seed)
    for bits, name in zip((7, 31, 60) * 4, NAMES, strict=True):
        getattr(bars, name)[:] = generator.integers(0, 2**bits, PLACES)
    return bars


def is_copy(copy: Group, bars: Bars) -> bool:
    return list(copy) == list(NAMES) and all(np.array_equal(copy[name], getattr(bars, name)) for name in NAMES)


def memory_of(column: npt.NDArray[np.generic]) -> int:
    return int(column.ctypes.data)


@pytest.fixture
def copies() -> Copies:
    made = Copies()
    made.reserve(PLACES)
    return made


def test_copies_are_whole_and_as_narrow_as_they_can_be(copies: Copies) -> None:
    bars = {"a": some(1), "b": some(2)}
    taken = copies.take(bars)
    assert list(taken) == ["a", "b"]
    assert all(is_copy(taken[name], bars[name]) for name in bars)
    widths = {copy.dtype for name, copy in taken["a"].items() if DTYPES[name] is np.int64}
    assert widths == {np.dtype(np.int8), np.dtype(np.int32), np.dtype(np.int64)}


def test_a_copy_stays_as_it_was_while_it_is_held(copies: Copies) -> None:
    seeds = range(30)  # more than there is memory for beforehand
    held = [copies.take({"a": some(seed)})["a"] for seed in seeds]
    assert all(is_copy(copy, some(seed)) for copy, seed in zip(held, seeds, strict=True))


def test_a_part_of_one_column_holds_it_too(copies: Copies) -> None:
    held = [copies.take({"a": some(seed)})["a"]["close"][3:5] for seed in range(30)]
    assert [part.tolist() for part in held] == [some(seed).close[3:5].tolist() for seed in range(30)]


def test_memory_that_nobody_holds_is_used_again(copies: Copies) -> None:
    used = {memory_of(copies.take({"a": some(seed)})["a"]["first_ns"]) for seed in range(30)}
    assert len(used) == 1


def test_what_is_as_it_was_is_the_same_copy(copies: Copies) -> None:
    kept, changing = some(1), some(2)
    before = copies.take({"kept": kept, "changing": changing})
    changing.close[-1] = 0.5
    after = copies.take({"changing": changing, "kept": kept})
    assert after["kept"] is before["kept"]
    assert after["changing"] is not before["changing"]
    assert is_copy(after["changing"], changing)
    assert is_copy(before["changing"], some(2))


def test_a_group_that_was_left_out_comes_back(copies: Copies) -> None:
    copies.take({"a": some(1)})
    copies.take({})
    assert is_copy(copies.take({"a": some(1)})["a"], some(1))


def test_room_for_more_places_is_made_once(copies: Copies) -> None:
    small = copies.take({"a": some(1)})["a"]
    copies.reserve(PLACES - 1)
    assert copies.take({"a": some(1)})["a"] is small
    copies.reserve(2 * PLACES)
    wide = Bars.over(blank_block(1, 2 * PLACES)).take(0)
    del small  # its memory would be too short
    for _ in range(30):
        wide.open[:] += 1
        assert is_copy(copies.take({"a": wide})["a"], wide)
