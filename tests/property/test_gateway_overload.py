"""The ladder, whatever the load: never lower for more of it, never hasty on the way down, at rest when it is steady."""

from itertools import pairwise

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from gateway.live.overload import Ladder, Level

LIMIT_S, CPU_LIMIT = 0.05, 0.95
# A sample stands for 0.2 s at most, so a step down may come that much before its five seconds are over.
DWELL_S = 5 - 0.2

LAGS_S = st.sampled_from([0.0, 0.01, 0.024, 0.025, 0.04, 0.05, 0.06, 0.1, 0.19, 0.2, 0.3, 2.0]) | st.floats(0, 0.3)
CPUS = st.sampled_from([0.1, 0.94, 0.95, 1.0])
GAPS_S = st.sampled_from([0.1, 0.1, 0.1, 0.11, 0.05, 0.2, 0.3, 1.0])
PHASES = st.lists(st.tuples(st.integers(1, 80), LAGS_S, CPUS, GAPS_S), min_size=1, max_size=12)
"""How many samples, their lag, their CPU share, the time between two."""

TWO_LOADS = st.lists(
    st.tuples(st.integers(1, 40), LAGS_S, st.just(0.0) | LAGS_S, CPUS, st.booleans(), GAPS_S), min_size=1, max_size=15
)
"""As above; then how much more lag the second has, and whether its core is full."""


def levels_of(phases: list[tuple[int, float, float, float]]) -> list[tuple[float, Level]]:
    """Return the level after every sample, and when that was."""
    ladder, now_s = Ladder(LIMIT_S, CPU_LIMIT), 0.0
    ladder.observe(now_s, 0.0, 0.0)
    levels = [(now_s, Level.FULL)]
    for count, lag_s, cpu, gap_s in phases:
        for _ in range(count):
            now_s += gap_s
            levels.append((now_s, ladder.observe(now_s, lag_s, cpu)))
    return levels


@given(TWO_LOADS)
@examples(max_examples=500)
def test_more_load_never_means_a_lower_level(phases: list[tuple[int, float, float, float, bool, float]]) -> None:
    lower = levels_of([(count, lag_s, cpu, gap_s) for count, lag_s, _, cpu, _, gap_s in phases])
    higher = levels_of(
        [
            (count, lag_s + more_s, 1.0 if is_full else cpu, gap_s)
            for count, lag_s, more_s, cpu, is_full, gap_s in phases
        ]
    )
    assert all(high >= low for (_, low), (_, high) in zip(lower, higher, strict=True))


@given(PHASES)
def test_the_way_down_is_one_level_at_a_time_and_not_hasty(phases: list[tuple[int, float, float, float]]) -> None:
    changed_at_s = 0.0
    for (_, before), (now_s, after) in pairwise(levels_of(phases)):
        assert abs(after - before) <= 1
        if after < before:
            assert now_s - changed_at_s >= DWELL_S - 1e-6
        if after != before:
            changed_at_s = now_s


@given(PHASES)
def test_the_way_up_takes_an_overload(phases: list[tuple[int, float, float, float]]) -> None:
    ladder, now_s, before = Ladder(LIMIT_S, CPU_LIMIT), 0.0, Level.FULL
    for count, lag_s, cpu, gap_s in phases:
        for _ in range(count):
            now_s += gap_s
            after = ladder.observe(now_s, lag_s, cpu)
            if after > before:
                assert lag_s >= LIMIT_S or (lag_s >= LIMIT_S / 2 and cpu >= CPU_LIMIT)
            if after < before:
                assert lag_s < LIMIT_S / 2
            before = after


@given(PHASES, LAGS_S, CPUS)
def test_a_steady_load_comes_to_rest(phases: list[tuple[int, float, float, float]], lag_s: float, cpu: float) -> None:
    settling, after = 300, 3000  # samples, ten a second
    levels = levels_of([*phases, (settling + after, lag_s, cpu, 0.1)])
    assert len({level for _, level in levels[-after:]}) == 1
    load = lag_s / LIMIT_S * (2 if cpu >= CPU_LIMIT else 1)
    if load >= 1:
        assert levels[-1][1] == Level.POLL
    elif load < 0.5:
        assert levels[-1][1] == Level.FULL


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0.8, 10), st.floats(0, 1.2), CPUS)
def test_a_load_to_and_fro_turns_at_most_once_in_five_seconds(
    high_samples: int, low_samples: int, high: float, low: float, cpu: float
) -> None:
    phases = [(high_samples, high * LIMIT_S, cpu, 0.1), (low_samples, low * LIMIT_S, cpu, 0.1)] * 15
    changes = [
        (now_s, after > before) for (_, before), (now_s, after) in pairwise(levels_of(phases)) if after != before
    ]
    turns_s = [now_s for (_, was_up), (now_s, is_up) in pairwise(changes) if was_up and not is_up]
    assert all(later_s - earlier_s >= DWELL_S for earlier_s, later_s in pairwise(turns_s))
