"""The conflator against an oracle that keeps one instrument at a time in a dict."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from market.conflation import Conflator

INSTRUMENTS = 5
steps = st.lists(
    st.tuples(st.integers(0, 30), st.sets(st.integers(0, INSTRUMENTS - 1)), st.booleans()), min_size=1, max_size=40
)


class Oracle:
    def __init__(self, window_ns: int) -> None:
        self.window_ns = window_ns
        self.free_at_ns: dict[int, int] = {}
        self.pending: set[int] = set()

    def take(self, now_ns: int) -> set[int]:
        due = {number for number in self.pending if self.free_at_ns.get(number, 0) <= now_ns}
        self.pending -= due
        self.free_at_ns.update(dict.fromkeys(due, now_ns + self.window_ns))
        return due


@given(st.integers(0, 50), steps)
def test_it_takes_what_the_oracle_takes(window_ns: int, each: list[tuple[int, set[int], bool]]) -> None:
    conflator, oracle, now_ns = Conflator(window_ns), Oracle(window_ns), 1_000
    conflator.reserve(INSTRUMENTS)
    for step_ns, changed, takes in each:
        now_ns += step_ns
        conflator.mark(np.array(sorted(changed), np.intp))
        oracle.pending |= changed
        if takes:
            taken = conflator.take(now_ns).tolist()
            assert len(taken) == len(set(taken))
            assert set(taken) == oracle.take(now_ns)
        assert conflator.pending == len(oracle.pending)


@given(st.integers(0, 50), steps)
def test_it_sends_once_per_window_at_most_and_the_latest_of_every_change_in_the_end(
    window_ns: int, each: list[tuple[int, set[int], bool]]
) -> None:
    conflator, now_ns = Conflator(window_ns), 1_000
    conflator.reserve(INSTRUMENTS)
    latest, seen, sent_at = dict.fromkeys(range(INSTRUMENTS), 0), {}, {}
    for version, (step_ns, changed, _) in enumerate([*each, (window_ns, set(), True)], start=1):
        now_ns += step_ns
        latest.update(dict.fromkeys(changed, version))
        quiet = {number for number in changed if now_ns - sent_at.get(number, 0) >= window_ns}
        conflator.mark(np.array(sorted(changed), np.intp))
        taken = conflator.take(now_ns).tolist()
        assert quiet <= set(taken), "a first change after a quiet window goes at once"
        for number in taken:
            assert number not in sent_at or now_ns - sent_at[number] >= window_ns
            sent_at[number], seen[number] = now_ns, latest[number]
    assert seen == {number: version for number, version in latest.items() if version}
