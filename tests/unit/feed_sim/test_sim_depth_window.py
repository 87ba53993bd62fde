import numpy as np

from workers.feed.sim.depth_window import DepthWindow


def take(window: DepthWindow, index: int, *quoted: int) -> list[int]:
    return window.take(index, np.array(quoted, np.int64)).tolist()


def test_a_first_change_goes_out_at_once_and_once() -> None:
    assert take(DepthWindow(9, 4, 5), 0, 3, 1, 3) == [1, 3]


def test_changes_within_the_window_go_out_as_one_at_its_end() -> None:
    window = DepthWindow(9, 4, 5)
    assert take(window, 0, 1) == [1]
    assert [take(window, index, 1) for index in (1, 2, 3)] == [[], [], []]
    assert take(window, 4) == [1]
    assert take(window, 8) == []
    assert take(window, 9, 1) == [1]


def test_a_change_in_the_slice_that_ends_the_window_goes_out_once() -> None:
    window = DepthWindow(9, 4, 5)
    assert take(window, 0, 1) == [1]
    assert take(window, 4, 1) == [1]
    assert take(window, 5) == []


def test_what_exceeds_the_bound_waits_in_line_each_once() -> None:
    window = DepthWindow(9, 4, 2)
    assert take(window, 0, 5, 4, 3, 2, 1) == [1, 2]
    assert take(window, 1, 5, 6) == [3, 4]
    assert take(window, 2) == [5, 6]
    assert take(window, 3) == []


def test_slices_left_out_end_windows_all_the_same() -> None:
    window = DepthWindow(9, 4, 5)
    assert take(window, 0, 1, 2) == [1, 2]
    assert take(window, 1, 2, 3) == [3]
    assert take(window, 100, 1) == [1, 2]
    assert take(window, 101) == []
