"""Conflation: the first change at once, then one per window, and nothing forgotten."""

import numpy as np

from market.conflation import Conflator


def changed(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.intp)


def conflator(window_ns: int = 20, instruments: int = 8) -> Conflator:
    made = Conflator(window_ns)
    made.reserve(instruments)
    return made


def test_the_first_change_goes_at_once_and_the_next_when_the_window_is_over() -> None:
    due = conflator()
    due.mark(changed(3))
    assert due.take(100).tolist() == [3]
    due.mark(changed(3))
    assert due.take(119).tolist() == []
    assert due.pending == 1
    assert due.take(120).tolist() == [3]
    assert due.pending == 0


def test_many_changes_in_a_window_are_one() -> None:
    due = conflator()
    due.mark(changed(3))
    due.take(100)
    for _ in range(5):
        due.mark(changed(3, 4))
    assert sorted(due.take(200).tolist()) == [3, 4]


def test_after_a_quiet_window_the_next_change_goes_at_once() -> None:
    due = conflator()
    due.mark(changed(1))
    due.take(100)
    due.mark(changed(1))
    assert due.take(500).tolist() == [1]


def test_without_a_window_every_change_goes_at_once() -> None:
    due = conflator(window_ns=0)
    for _ in range(3):
        due.mark(changed(2))
        assert due.take(100).tolist() == [2]


def test_while_nothing_is_pending_nothing_is_due() -> None:
    assert conflator().pending == 0
    assert conflator().take(10**18).tolist() == []


def test_making_room_keeps_windows_and_what_is_pending() -> None:
    due = conflator(instruments=2)
    due.mark(changed(0, 1))
    due.take(100)
    due.mark(changed(1))
    due.reserve(100)
    due.reserve(5)
    due.mark(changed(99))
    assert due.take(110).tolist() == [99]
    assert due.take(120).tolist() == [1]
