import numpy as np
import numpy.typing as npt
import pytest

from gateway.quote_table import QuoteTable
from market import rows
from market.row_type import Rows


def numbered(*numbers: int) -> npt.NDArray[np.intp]:
    return np.array(numbers, np.intp)


def states(*pairs: tuple[int, int]) -> Rows:
    """Make STATE rows of (instrument, sequence), the sequence as their bid too."""
    made = rows.STATE.blank(len(pairs))
    for row, (number, sequence) in zip(made, pairs, strict=True):
        row["instrument"], row["sequence"], row["bid"] = number, sequence, sequence
    return made


@pytest.fixture
def table() -> QuoteTable:
    made = QuoteTable()
    made.reserve(10)
    return made


def test_what_is_not_known_has_sequence_zero(table: QuoteTable) -> None:
    assert table.sequence(3) == 0
    assert table.ts_event_ns(3) == 0
    (unknown,) = table.state(3)
    assert all(np.isnan(unknown[name]) for name in ("bid", "ask", "last", "open", "high", "low", "prev_close"))


def test_a_newer_state_is_taken_whole(table: QuoteTable) -> None:
    row = states((3, 7))
    row["ts_event"], row["ts_recv"] = 11, 12
    assert table.merge(numbered(3), row).tolist() == [3]
    assert table.state(3).tobytes() == row.tobytes()
    assert (table.sequence(3), table.ts_event_ns(3), int(table.state(3)["ts_recv"][0])) == (7, 11, 12)


@pytest.mark.parametrize("sequence", [1, 6, 7])
def test_a_state_that_is_not_newer_changes_nothing(table: QuoteTable, sequence: int) -> None:
    table.merge(numbered(3), states((3, 7)))
    assert table.merge(numbered(3), states((3, sequence))).tolist() == []
    assert table.state(3)["bid"][0] == 7


def test_of_a_mixed_run_only_the_newer_are_taken(table: QuoteTable) -> None:
    table.merge(numbered(1, 2), states((1, 5), (2, 5)))
    assert table.merge(numbered(2, 1, 4), states((2, 4), (1, 6), (4, 1))).tolist() == [1, 4]
    assert [table.sequence(number) for number in (1, 2, 4)] == [6, 5, 1]


def test_of_several_for_one_instrument_in_a_run_the_newest_stays_and_is_named_once(table: QuoteTable) -> None:
    assert table.merge(numbered(1, 2, 1, 1), states((1, 5), (2, 9), (1, 6), (1, 7))).tolist() == [1, 2]
    assert (table.sequence(1), table.sequence(2)) == (7, 9)


def test_two_feeds_that_interleave_in_a_run_do_not_set_an_instrument_back(table: QuoteTable) -> None:
    table.merge(numbered(1, 2, 1), states((1, 2 << 32), (2, 5), (1, (1 << 32) + 900)))
    assert table.sequence(1) == 2 << 32
    assert table.state(1)["bid"][0] == 2 << 32


def test_a_state_of_another_instrument_than_its_subject_is_refused(table: QuoteTable) -> None:
    assert table.merge(numbered(1, 2), states((2, 5), (2, 6))).tolist() == [2]
    assert table.sequence(1) == 0
    assert table.sequence(2) == 6


def test_making_room_keeps_what_is_held(table: QuoteTable) -> None:
    table.merge(numbered(9), states((9, 5)))
    table.reserve(1000)
    table.reserve(5)
    assert table.sequence(9) == 5
    assert table.merge(numbered(999), states((999, 1))).tolist() == [999]


def test_a_state_given_away_is_a_copy(table: QuoteTable) -> None:
    table.merge(numbered(3), states((3, 7)))
    taken = table.state(3)
    table.merge(numbered(3), states((3, 8)))
    assert taken["sequence"][0] == 7
