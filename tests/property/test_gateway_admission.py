"""Admission against an oracle that recounts everybody who is here, and the token bucket against counting."""

from collections import Counter
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gateway.live.admission import PATIENCE_S, Admission, Admitted, Refusal
from gateway.live.token_bucket import TokenBucket

PER_ADDRESS, PER_USER, UNPROVEN, SYMBOLS, ACCEPTS_PER_S = 4, 3, 6, 10, 20.0

ACTIONS = st.sampled_from(["arrive", "arrive", "prove", "watch", "unwatch", "leave"])
STEPS = st.lists(st.tuples(ACTIONS, st.integers(0, 30), st.integers(0, 3), st.floats(0, 0.3)), max_size=120)
GAPS_S = st.lists(st.floats(0, 0.5), min_size=1, max_size=80)


def check(doors: Admission, here: list[Admitted]) -> None:
    """Hold every count against a recount, and every bound."""
    by_address = Counter(each.address for each in here)
    by_user = Counter(each.user for each in here if each.user is not None)
    unproven = sum(each.user is None for each in here)
    assert (doors.connections, doors.unproven) == (len(here), unproven)
    assert (doors.addresses, doors.users) == (len(by_address), len(by_user))
    assert unproven <= UNPROVEN
    assert max(by_address.values(), default=0) <= PER_ADDRESS
    assert max(by_user.values(), default=0) <= PER_USER
    for user in by_user:
        assert 0 <= symbols_of(here, user) <= SYMBOLS
    assert all(each.symbols >= 0 for each in here)


def symbols_of(here: list[Admitted], user: UUID | None) -> int:
    return sum(each.symbols for each in here if each.user == user)


def arrive(doors: Admission, here: list[Admitted], address: str, now_s: float) -> None:
    outcome = doors.arrive(address, now_s)
    if isinstance(outcome, Admitted):
        assert 0 <= outcome.wait_s <= PATIENCE_S
        here.append(outcome)
    elif outcome.code == "too_many_connections":
        assert sum(each.address == address for each in here) == PER_ADDRESS
    else:
        assert outcome.code == "busy"
        assert outcome.retry_after_ms is not None
        assert 1000 <= outcome.retry_after_ms <= 32_000


def prove(doors: Admission, here: list[Admitted], admitted: Admitted, user: UUID) -> None:
    before, of_user = admitted.user, sum(each.user == user for each in here)
    refusal: Refusal | None = doors.prove(admitted, user)
    if before is not None:
        assert (refusal is None) == (before == user)
        assert admitted.user == before
    else:
        assert (refusal is None) == (of_user < PER_USER)
        assert admitted.user == (user if refusal is None else None)


@given(STEPS)
def test_every_count_is_a_recount_and_within_its_bound(steps: list[tuple[str, int, int, float]]) -> None:
    doors = Admission(
        accepts_per_s=ACCEPTS_PER_S,
        connections_per_address=PER_ADDRESS,
        connections_per_user=PER_USER,
        connections_unproven=UNPROVEN,
        symbols_per_user=SYMBOLS,
        random=lambda: 0.5,
    )
    here: list[Admitted] = []
    now_s = 0.0
    for action, which, number, passed_s in steps:
        now_s += passed_s
        if action == "arrive":
            arrive(doors, here, str(number), now_s)
        elif here:
            admitted = here[which % len(here)]
            if action == "prove":
                prove(doors, here, admitted, UUID(int=number))
            elif action == "watch":
                room = 0 if admitted.user is None else SYMBOLS - symbols_of(here, admitted.user)
                assert doors.watch(admitted, which) == min(which, room)
            elif action == "unwatch":
                expected = max(0, admitted.symbols - which)
                doors.unwatch(admitted, which)
                assert admitted.symbols == expected
            else:
                here.remove(admitted)
                doors.leave(admitted)
        check(doors, here)
    for admitted in here:
        doors.leave(admitted)
    check(doors, [])


@given(GAPS_S, st.sampled_from([0.0, 0.25, 1.0]))
def test_no_stretch_of_time_holds_more_than_the_burst_and_the_rate(gaps_s: list[float], patience_s: float) -> None:
    rate, burst = 5.0, 3.0
    bucket, now_s = TokenBucket(rate, burst), 0.0
    served_s: list[float] = []
    for gap_s in gaps_s:
        now_s += gap_s
        wait_s = bucket.take(now_s, patience_s)
        if wait_s <= patience_s:
            served_s.append(now_s + wait_s)
    assert served_s == sorted(served_s), "turns are taken in the order of arrival"
    for first, begin_s in enumerate(served_s):
        for last, end_s in enumerate(served_s[first:], start=1):
            assert last <= burst + rate * (end_s - begin_s) + 1e-3


@given(GAPS_S)
def test_nobody_is_refused_within_the_burst_and_the_rate(gaps_s: list[float]) -> None:
    rate, burst = 5.0, 3
    bucket, now_s = TokenBucket(rate, burst), 0.0
    tokens = float(burst)
    for gap_s in gaps_s:
        now_s += gap_s
        tokens = min(burst, tokens + gap_s * rate)
        if tokens >= 1 + 1e-3:
            assert bucket.take(now_s) == 0
            tokens -= 1
        elif tokens <= 1 - 1e-3:
            assert bucket.take(now_s) > 0
        else:
            tokens -= bucket.take(now_s) == 0
