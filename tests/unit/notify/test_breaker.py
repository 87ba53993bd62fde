from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.notify import breaker
from workers.notify.breaker import BUSY_PAUSE_S, FAILURES, FIRST_PAUSE_S, MAX_PAUSE_S, Breakers

MANY = 100


def called(breakers: Breakers, is_well: bool | None, now_s: float, name: str = "host") -> None:
    assert breakers.admit(name, now_s) == 0
    breakers.ended(name, is_well, now_s)


def failed(breakers: Breakers, times: int = FAILURES, now_s: float = 0.0) -> None:
    for _ in range(times):
        called(breakers, False, now_s)


def test_so_many_failures_in_a_row_open_it_and_another_host_is_as_before() -> None:
    breakers = Breakers(MANY)
    failed(breakers, FAILURES - 1)
    assert breakers.open_names() == []
    failed(breakers, 1)
    assert breakers.open_names() == ["host"]
    assert breakers.admit("host", 10.0) == FIRST_PAUSE_S - 10.0
    called(breakers, True, 10.0, "other")


def test_a_success_in_between_begins_anew_and_what_says_nothing_does_not_count() -> None:
    breakers = Breakers(MANY)
    failed(breakers, FAILURES - 1)
    called(breakers, True, 0.0)
    failed(breakers, FAILURES - 1)
    for _ in range(MANY):
        called(breakers, None, 0.0)
    assert breakers.open_names() == []


def test_one_probe_decides() -> None:
    breakers = Breakers(MANY)
    failed(breakers)
    assert breakers.admit("host", FIRST_PAUSE_S) == 0
    assert breakers.admit("host", FIRST_PAUSE_S) == BUSY_PAUSE_S
    breakers.ended("host", None, FIRST_PAUSE_S)  # it said nothing: the next one is the probe
    called(breakers, True, FIRST_PAUSE_S)
    assert breakers.open_names() == []
    failed(breakers, FAILURES - 1)
    assert breakers.open_names() == []


def test_pauses_double_up_to_a_bound() -> None:
    breakers, now_s, pauses = Breakers(MANY), 0.0, []
    failed(breakers)
    for _ in range(7):
        pauses.append(breakers.admit("host", now_s))
        now_s += pauses[-1]
        called(breakers, False, now_s)
    assert pauses == [30, 60, 120, 240, 480, MAX_PAUSE_S, MAX_PAUSE_S]


def test_those_that_were_on_their_way_do_not_lengthen_the_pause() -> None:
    breakers = Breakers(MANY)
    for _ in range(FAILURES + 3):
        assert breakers.admit("host", 0.0) == 0
    for _ in range(FAILURES + 3):
        breakers.ended("host", False, 1.0)
    assert breakers.admit("host", 1.0) == FIRST_PAUSE_S


def test_one_provider_has_so_many_calls_at_a_time() -> None:
    breakers = Breakers(2)
    assert [breakers.admit("host", 0.0) for _ in range(3)] == [0, 0, BUSY_PAUSE_S]
    assert breakers.admit("other", 0.0) == 0
    breakers.ended("host", True, 0.0)
    assert breakers.admit("host", 0.0) == 0


def test_providers_are_bounded_and_the_well_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "MOST_PROVIDERS", 3)
    breakers = Breakers(MANY)
    for number in range(10):
        for _ in range(FAILURES):
            called(breakers, False, 0.0, f"host-{number}")
    assert breakers.open_names() == ["host-7", "host-8", "host-9"]
    breakers.ended("host-0", True, 0.0)  # of one that was dropped meanwhile
    assert breakers.open_names() == ["host-7", "host-8", "host-9"]


@given(st.lists(st.tuples(st.sampled_from([True, False, None]), st.floats(0, 100)), max_size=60))
def test_it_never_stays_shut(calls: Sequence[tuple[bool | None, float]]) -> None:
    breakers, now_s = Breakers(1), 0.0
    for is_well, later_s in calls:
        now_s += later_s
        if breakers.admit("host", now_s) == 0:
            breakers.ended("host", is_well, now_s)
    wait_s = breakers.admit("host", now_s)
    assert 0 <= wait_s <= MAX_PAUSE_S
    if wait_s:
        assert breakers.admit("host", now_s + MAX_PAUSE_S) == 0
