"""The table of prices against a dict that takes one row at a time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from market.portfolio.prices import PriceTable
from market.row_type import Rows
from market.state import blank_states

NUMBERS = 5
rows = st.tuples(
    st.integers(0, NUMBERS - 1),
    st.integers(1, 3),  # how far its sequence is from the last
    st.booleans(),  # comes late, behind one that was newer
    st.sampled_from([np.nan, 1.5, 2.0]),
    st.sampled_from([np.nan, 1.25]),
)


def states_of(given_rows: list[tuple[int, int, float, float]]) -> tuple[np.ndarray, Rows]:
    states = blank_states(len(given_rows))
    for place, (_, sequence, last, previous) in enumerate(given_rows):
        states["sequence"][place], states["ts_event"][place] = sequence, 1000 + sequence
        states["last"][place], states["prev_close"][place] = last, previous
    return np.array([number for number, *_ in given_rows], np.intp), states


@given(st.lists(st.lists(rows, max_size=6), max_size=12))
def test_it_has_what_came_last(batches: list[list[tuple[int, int, bool, float, float]]]) -> None:
    table, newest = PriceTable(), dict.fromkeys(range(NUMBERS), 0)
    shown: dict[int, tuple[int, int]] = dict.fromkeys(range(NUMBERS), (0, 0))
    table.reserve(NUMBERS)
    for batch in batches:
        sent, before, taken = [], dict(shown), set()
        for number, step, is_late, last, previous in batch:
            # Of one instrument, what is older than the table comes in a batch of its own.
            if is_late and number not in taken:
                sent.append((number, newest[number], 9.0, 9.0))
                continue
            taken.add(number)
            newest[number] += step
            sent.append((number, newest[number], last, previous))
            close = 0 if np.isnan(previous) else round(previous * 10**8)
            shown[number] = (close if np.isnan(last) else round(last * 10**8), close)
        late_first = sorted(sent, key=lambda row: row[2] != 9.0)
        changed = table.merge(*states_of(late_first))
        assert changed.tolist() == [number for number in range(NUMBERS) if shown[number] != before[number]]
        for number in range(NUMBERS):
            assert (table.prices.price[number], table.prices.previous[number]) == shown[number]
            assert table.prices.ts_event_ns[number] == (1000 + newest[number] if newest[number] else 0)
        assert table.is_known(np.arange(NUMBERS)).tolist() == [newest[number] > 0 for number in range(NUMBERS)]


def test_making_room_keeps_what_is_held() -> None:
    table = PriceTable()
    table.reserve(1)
    table.merge(*states_of([(0, 1, 2.5, 2.0)]))
    table.reserve(1)
    table.reserve(1000)
    assert len(table) >= 1000
    assert table.prices.price[:2].tolist() == [250_000_000, 0]
