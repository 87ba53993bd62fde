from collections.abc import Iterable
from itertools import pairwise

import pytest

from gateway.live.overload import Ladder, Level, mode_of

LIMIT_S = 0.05
STEP_S = 0.1
CHANNELS, KEPT = ("quote", "depth", "trades"), ("quote",)


class Run:
    """A ladder that is fed ten samples a second, and what it said when."""

    def __init__(self) -> None:
        self.ladder = Ladder(LIMIT_S, cpu_limit=0.95)
        self.ladder.observe(0.0, 0.0, 0.0)
        self.samples = 0
        self.changes: list[tuple[float, Level]] = []

    def feed(self, seconds: float, lag: float, cpu: float = 0.5) -> Level:
        """Feed a load, its lag in limits, for so long."""
        for _ in range(round(seconds / STEP_S)):
            self.sample(lag, cpu)
        return self.ladder.level

    def sample(self, lag: float, cpu: float = 0.5) -> None:
        self.samples += 1
        before, now_s = self.ladder.level, self.samples * STEP_S
        if self.ladder.observe(now_s, lag * LIMIT_S, cpu) != before:
            self.changes.append((now_s, self.ladder.level))


def times_s(changes: Iterable[tuple[float, Level]]) -> list[float]:
    return [at_s for at_s, _ in changes]


class TestGoingUp:
    def test_a_level_a_second_over_the_limit_as_long_as_it_lasts(self) -> None:
        run = Run()
        assert run.feed(20, lag=1.0) == Level.POLL
        assert [level for _, level in run.changes] == [1, 2, 3, 4]
        assert times_s(run.changes) == pytest.approx([1, 2, 3, 4], abs=STEP_S)

    def test_four_times_as_fast_far_beyond(self) -> None:
        run = Run()
        run.feed(20, lag=4.0)
        assert times_s(run.changes) == pytest.approx([0.3, 0.5, 0.8, 1.0], abs=STEP_S)

    def test_less_than_a_second_changes_nothing(self) -> None:
        run = Run()
        for _ in range(20):
            run.feed(0.8, lag=3.9)
            run.feed(0.8, lag=0.4)
        assert run.changes == []

    def test_one_stall_changes_nothing_however_long(self) -> None:
        ladder = Ladder(LIMIT_S, cpu_limit=0.95)
        ladder.observe(0.0, 0.0, 0.0)
        assert ladder.observe(30.0, 30.0, 1.0) == Level.FULL

    def test_the_first_sample_stands_for_no_time(self) -> None:
        ladder = Ladder(LIMIT_S, cpu_limit=0.95)
        assert ladder.observe(1_000_000.0, 30.0, 1.0) == Level.FULL
        ladder.observe(1_000_000.1, 0.0, 0.0)
        assert ladder.level == Level.FULL

    def test_slow_samples_go_up_all_the_same(self) -> None:
        ladder = Ladder(LIMIT_S, cpu_limit=0.95)
        levels = [ladder.observe(number * 0.5, 0.5, 1.0) for number in range(12)]
        assert levels[-1] == Level.POLL

    def test_a_clock_set_back_moves_nothing(self) -> None:
        ladder = Ladder(LIMIT_S, cpu_limit=0.95)
        ladder.observe(1000.0, 0.0, 0.0)
        assert [ladder.observe(1000.0 - number, 10.0, 1.0) for number in range(20)] == [Level.FULL] * 20

    def test_noise_in_the_band_does_not_add_up(self) -> None:
        run = Run()
        for _ in range(600):
            run.feed(0.1, lag=1.5)
            run.feed(0.9, lag=0.7)
        assert run.changes == []

    @pytest.mark.parametrize("lag", [0.5, 0.99])
    def test_a_moment_in_the_band_does_not_begin_it_anew(self, lag: float) -> None:
        run = Run()
        run.feed(0.8, lag=1.5)
        run.feed(0.5, lag)
        assert run.feed(0.4, lag=1.5) == Level.SLOWER


class TestWhichSignal:
    @pytest.mark.parametrize("cpu", [0.95, 1.0, 2.0])
    def test_a_full_core_alone_is_no_overload(self, cpu: float) -> None:
        run = Run()
        assert run.feed(600, lag=0.49, cpu=cpu) == Level.FULL

    def test_a_full_core_and_half_the_lag_is(self) -> None:
        run = Run()
        assert run.feed(1.2, lag=0.5, cpu=0.95) == Level.SLOWER

    def test_half_the_lag_alone_is_not(self) -> None:
        run = Run()
        assert run.feed(600, lag=0.99, cpu=0.94) == Level.FULL

    def test_lag_is_enough_by_itself(self) -> None:
        run = Run()
        assert run.feed(1.2, lag=1.0, cpu=0.0) == Level.SLOWER


class TestComingDown:
    def test_one_level_in_five_seconds_below_half(self) -> None:
        run = Run()
        run.feed(10, lag=5)
        run.changes.clear()
        assert run.feed(30, lag=0.49) == Level.FULL
        assert [level for _, level in run.changes] == [3, 2, 1, 0]
        assert times_s(run.changes) == pytest.approx([15, 20, 25, 30], abs=0.2)

    def test_in_the_band_it_stays(self) -> None:
        run = Run()
        run.feed(2.5, lag=2)
        assert run.feed(600, lag=0.5) == Level.QUOTES_ONLY
        assert run.feed(600, lag=0.99) == Level.QUOTES_ONLY

    def test_a_good_moment_is_forgotten_in_the_band(self) -> None:
        run = Run()
        run.feed(1.2, lag=2)
        for _ in range(50):
            run.feed(3, lag=0.1)
            run.feed(3, lag=0.7)
        assert run.ladder.level == Level.SLOWER

    def test_a_level_just_taken_lasts_five_seconds(self) -> None:
        run = Run()
        run.feed(1.0, lag=3)
        while run.ladder.level == Level.FULL:
            run.sample(lag=3)
        run.changes.clear()
        run.feed(4.8, lag=0)
        assert run.changes == []
        assert run.feed(1.4, lag=0) == Level.FULL

    def test_what_built_up_towards_the_next_level_hardly_delays_it(self) -> None:
        run = Run()
        run.feed(1.9, lag=3)
        assert run.feed(6.2, lag=0) == Level.FULL


class TestNoFlapping:
    @pytest.mark.parametrize("period_s", [0.2, 0.5, 1, 2, 5, 10])
    @pytest.mark.parametrize(("high", "low"), [(1.1, 0.9), (1.5, 0.6), (1.5, 0.2), (8, 0)])
    def test_an_alternating_load_turns_at_most_once_in_five_seconds(
        self, period_s: float, high: float, low: float
    ) -> None:
        run = Run()
        for _ in range(round(120 / period_s)):
            run.feed(period_s / 2, high)
            run.feed(period_s / 2, low)
        downs_s = [at_s for (_, before), (at_s, after) in pairwise(run.changes) if after < before]
        assert all(later - earlier >= 4.8 for earlier, later in pairwise(downs_s))

    def test_a_load_that_is_back_with_the_full_service(self) -> None:
        run = Run()
        for _ in range(1200):
            run.sample(lag=1.5 if run.ladder.level == Level.FULL else 0.2)
        assert {level for _, level in run.changes} == {Level.FULL, Level.SLOWER}
        assert len(run.changes) <= 2 * 120 / 6 + 1

    def test_a_load_that_one_level_carries_stays_there(self) -> None:
        run = Run()
        lag_at = {Level.FULL: 3.0, Level.SLOWER: 1.4, Level.QUOTES_ONLY: 0.8, Level.MOST_WATCHED: 0.3, Level.POLL: 0.1}
        for _ in range(6000):
            run.sample(lag=lag_at[run.ladder.level])
        assert [level for _, level in run.changes] == [Level.SLOWER, Level.QUOTES_ONLY]


@pytest.mark.parametrize(("lag_limit_s", "cpu_limit"), [(0, 1), (-1, 1), (1, 0)])
def test_senseless_limits(lag_limit_s: float, cpu_limit: float) -> None:
    with pytest.raises(ValueError, match=f"lag_limit_s {lag_limit_s} and cpu_limit {cpu_limit} must be above 0"):
        Ladder(lag_limit_s, cpu_limit)


class TestModeOf:
    @pytest.mark.parametrize(
        ("level", "mode", "rate", "channels"),
        [
            (Level.FULL, "full", 20, CHANNELS),
            (Level.SLOWER, "slower", 10, CHANNELS),
            (Level.QUOTES_ONLY, "quotes_only", 10, KEPT),
            (Level.MOST_WATCHED, "most_watched", 10, KEPT),
            (Level.POLL, "poll", 10, ()),
        ],
    )
    def test_each_level(self, level: Level, mode: str, rate: float, channels: tuple[str, ...]) -> None:
        terms = mode_of(level, 20, CHANNELS, KEPT)
        assert (terms.level, terms.mode, terms.rate, terms.channels) == (level, mode, rate, channels)

    @pytest.mark.parametrize("level", Level)
    def test_no_level_is_faster_than_was_configured(self, level: Level) -> None:
        assert mode_of(level, 4, CHANNELS, KEPT).rate == 4

    def test_channels_keep_their_order(self) -> None:
        terms = mode_of(Level.QUOTES_ONLY, 20, ("alerts", "depth", "quote"), ("quote", "alerts"))
        assert terms.channels == ("alerts", "quote")
