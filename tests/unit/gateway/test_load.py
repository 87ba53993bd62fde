import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from gateway.live.load import SAMPLE_S, LoadMeter

TIMEOUT_S = 20


@dataclass(frozen=True)
class Sample:
    now_s: float
    lag_s: float
    cpu: float


@dataclass
class Samples:
    """What a meter said, and a way to wait for what it will say."""

    seen: list[Sample] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, now_s: float, lag_s: float, cpu: float) -> None:
        self.seen.append(Sample(now_s, lag_s, cpu))
        self.changed.set()

    async def first(self, matches: Callable[[Sample], bool]) -> Sample:
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                for each in self.seen:
                    if matches(each):
                        return each
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def samples() -> AsyncIterator[Samples]:
    """Measure the test's own loop, from a first sample on."""
    samples = Samples()
    meter = LoadMeter(samples.add)
    meter.start()
    await samples.first(lambda _: True)
    yield samples
    meter.stop()


def stall(seconds: float) -> None:
    time.sleep(seconds)


def burn(seconds: float) -> None:
    until_s = time.thread_time() + seconds
    while time.thread_time() < until_s:
        pass


async def test_a_blocked_loop_is_seen_as_lag(samples: Samples) -> None:
    stall(0.4)
    seen = await samples.first(lambda each: each.lag_s > 0.3)
    assert seen.cpu < 0.7, "it slept"


async def test_work_is_seen_as_a_share_of_the_core(samples: Samples) -> None:
    before = samples.seen[-1]
    burn(0.4)
    seen = await samples.first(lambda each: each.now_s > before.now_s)
    assert seen.cpu * (seen.now_s - before.now_s) == pytest.approx(0.4, abs=0.1)


async def test_work_of_other_threads_is_not_the_loops(samples: Samples) -> None:
    before = samples.seen[-1]
    await asyncio.to_thread(burn, 0.3)
    await samples.first(lambda each: each.now_s > before.now_s + 0.3)
    taken_s = sum(
        later.cpu * (later.now_s - earlier.now_s)
        for earlier, later in pairwise(samples.seen)
        if earlier.now_s >= before.now_s
    )
    assert taken_s < 0.15


async def test_samples_keep_their_distance_and_their_order(samples: Samples) -> None:
    stall(0.35)
    await samples.first(lambda _: len(samples.seen) >= 5)
    gaps_s = [later.now_s - earlier.now_s for earlier, later in pairwise(samples.seen)]
    assert min(gaps_s) >= SAMPLE_S - 0.005, "a stall is not made up for"


async def test_an_idle_loop_has_no_lag_and_ten_samples_a_second(samples: Samples) -> None:
    def is_in_time(sample: Sample) -> bool:
        before = [each for each in samples.seen if each.now_s < sample.now_s]
        return bool(before) and sample.lag_s < 0.02 and sample.now_s - before[-1].now_s < 0.15

    seen = await samples.first(is_in_time)
    assert seen.cpu < 0.5


async def test_a_stall_is_told_once(samples: Samples) -> None:
    stall(0.4)
    seen = await samples.first(lambda each: each.lag_s > 0.3)
    later = await samples.first(lambda each: each.now_s > seen.now_s)
    assert later.lag_s < later.now_s - seen.now_s


async def test_nothing_after_stop_and_everything_after_the_next_start() -> None:
    samples = Samples()
    meter = LoadMeter(samples.add)
    meter.stop()
    meter.start()
    with pytest.raises(RuntimeError, match="is running"):
        meter.start()
    meter.stop()
    samples_of_another = Samples()
    other = LoadMeter(samples_of_another.add)
    other.start()
    await samples_of_another.first(lambda _: len(samples_of_another.seen) == 3)
    other.stop()
    assert samples.seen == []
    meter.start()
    await samples.first(lambda _: True)
    meter.stop()


async def test_it_may_be_stopped_from_a_sample() -> None:
    samples = Samples()

    def once(now_s: float, lag_s: float, cpu: float) -> None:
        samples.add(now_s, lag_s, cpu)
        meter.stop()

    meter = LoadMeter(once)
    meter.start()
    await samples.first(lambda _: True)
    stall(0.3)
    await asyncio.sleep(0)  # what is due by now runs in the loop's next turn
    await asyncio.sleep(0)
    assert len(samples.seen) == 1


async def test_it_outlives_an_error_of_who_listens() -> None:
    samples, errors = Samples(), list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: errors.append(context))

    def fail_once(now_s: float, lag_s: float, cpu: float) -> None:
        samples.add(now_s, lag_s, cpu)
        if len(samples.seen) == 1:
            raise RuntimeError("no ear for this")

    meter = LoadMeter(fail_once)
    meter.start()
    await samples.first(lambda _: len(samples.seen) == 2)
    meter.stop()
    assert [str(each["exception"]) for each in errors] == ["no ear for this"]
