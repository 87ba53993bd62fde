"""When the fan-out runs, on a real event loop."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from gateway.live import fan_out_loop as module
from gateway.live import subscriptions
from gateway.live.fan_out_loop import FanOutLoop
from gateway.live.ticks import TICK_S
from gateway.live.wire import JSON, MSGPACK, Wire
from tests.unit.gateway.tiny_market import Reader, TinyChannel, TinyMarket

SOON_S = 10.0
BOTH = pytest.mark.parametrize("wires", [[JSON], [JSON, MSGPACK]], ids=["one encoding", "two encodings"])


@contextmanager
def running(wires: Sequence[Wire] = (JSON,)) -> Iterator[tuple[TinyMarket, FanOutLoop]]:
    loop, market = FanOutLoop(), TinyMarket(wires=wires)
    loop.attach(market.topics, market.channels, market.fan_outs)
    market.tiny[0].on_changed = loop.changed
    yield market, loop
    loop.stop()


async def turns(count: int = 3) -> None:
    """Let the event loop go round: what is due by now runs, and no time passes."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(SOON_S):
        while True:
            if condition():
                return
            await asyncio.sleep(0.001)


class Times:
    """When a client was written to."""

    def __init__(self, reader: Reader, market: TinyMarket) -> None:
        self.at_s: list[float] = []
        reader.client = market.fan_out.join(self.send, 5)
        reader.fan_out = market.fan_out
        self._reader = reader

    def send(self, frame: bytes) -> bool:
        self.at_s.append(asyncio.get_running_loop().time())
        return self._reader.send(frame)


async def test_a_client_that_was_quiet_is_served_at_once() -> None:
    with running() as (market, _):
        reader, other = market.watching(1), market.watching(1)
        market.change(1, a=1)
        assert reader.frames == [], "within the receiver it is only noted"
        await turns()
        assert len(reader.frames) == len(other.frames) == 1


async def test_a_busy_client_gets_what_is_latest_when_its_time_comes_and_needs_no_further_change_for_it() -> None:
    with running() as (market, _):
        reader = Reader(JSON)
        times = Times(reader, market)
        market.subscribe(reader, 1)
        market.change(1, a=1)
        await turns()
        for value in range(2, 50):
            market.change(1, a=value)
            await turns()
        assert len(times.at_s) == 1
        await until(lambda: len(times.at_s) == 2)
        assert reader.held == market.known(reader)
        assert times.at_s[1] - times.at_s[0] >= 4 * TICK_S, "no sooner than its interval, less the tick it began in"


async def test_a_client_never_gets_more_than_its_rate() -> None:
    with running() as (market, _):
        reader = Reader(JSON)
        times = Times(reader, market)
        market.subscribe(reader, 1)
        began_s = time.monotonic()
        while time.monotonic() - began_s < 0.4:
            market.change(1, a=int(time.monotonic_ns() % 1_000_000))
            await asyncio.sleep(0.0005)
        passed_s = time.monotonic() - began_s
        assert 3 <= len(times.at_s) <= passed_s / (5 * TICK_S) + 2
        # However late it was served now and then, its turns are counted from the first.
        assert all(at_s - times.at_s[0] >= (5 * turn - 1) * TICK_S for turn, at_s in enumerate(times.at_s))


async def test_a_quiet_client_does_not_wait_for_busy_ones() -> None:
    with running() as (market, _):
        busy, quiet = market.watching(1, interval_ticks=100), market.watching(2)
        market.change(1, a=1)
        await turns()
        await asyncio.sleep(0.002)  # a look takes its time, and then there is a pause
        market.change(1, a=2)
        market.change(2, a=1)
        await asyncio.sleep(0)
        await until(lambda: quiet.frames)
        assert len(busy.frames) == 1


async def test_a_newcomer_is_served_at_once_where_all_others_are_busy() -> None:
    with running() as (market, loop):
        market.watching(1, interval_ticks=1000)
        market.change(1, a=1)
        await turns()
        await asyncio.sleep(0.002)
        newcomer = market.watching(1, interval_ticks=1000)
        loop.poke()
        market.change(1, a=2)
        await turns()
        assert len(newcomer.frames) == 1


async def test_where_anybody_is_quiet_a_change_waits_for_no_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as (market, _):
        monkeypatch.setattr(module, "_next_tick_s", lambda now_s: now_s + 1000)
        quiet = market.watching(2)
        market.watching(1, interval_ticks=1000)
        for value in range(1, 4):
            market.change(1, a=value)
            await asyncio.sleep(0.002)
        market.change(2, a=1)
        await until(lambda: quiet.frames)


async def test_where_nobody_is_quiet_changes_wait_for_the_tick_together(monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as (market, loop):
        monkeypatch.setattr(module, "_next_tick_s", lambda now_s: now_s + 1000)
        reader = market.watching(1, interval_ticks=1000)
        market.change(1, a=1)
        await until(lambda: reader.frames)
        (topic,) = reader.watched.values()
        for value in range(2, 5):
            market.change(1, a=value)
            await asyncio.sleep(0.002)
        assert market.topics.position[topic] == 1, "nobody has looked"
        loop.fold()
        assert market.topics.position[topic] == 4


async def test_who_could_not_be_written_to_is_tried_again_without_a_further_change() -> None:
    with running() as (market, _):
        reader = market.watching(1, interval_ticks=1)
        reader.reads = False
        market.change(1, a=1)
        await turns()
        reader.reads = True
        await until(lambda: reader.frames)
        assert reader.held == market.known(reader)


async def test_without_changes_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as (market, loop):
        reader = market.watching(1, interval_ticks=1)
        market.change(1, a=1)
        await until(lambda: reader.frames)
        looks = 0
        fold = loop.fold

        def count() -> None:
            nonlocal looks
            looks += 1
            fold()

        monkeypatch.setattr(loop, "fold", count)
        await asyncio.sleep(10 * TICK_S)
        assert looks == 0


async def test_folding_takes_over_what_is_new_so_that_a_snapshot_has_it() -> None:
    with running() as (market, loop):
        early = market.watching(1)
        market.change(1, a=5)
        loop.fold()
        (topic,) = early.watched.values()
        assert market.topics.position[topic] == 1
        late = market.watching(1)
        await turns()
        assert (len(early.frames), late.frames) == (1, []), "what was folded is still to be sent to the others"


async def test_stopped_it_runs_no_more() -> None:
    with running() as (market, loop):
        reader = market.watching(1)
        market.change(1, a=1)
        loop.stop()
        await asyncio.sleep(3 * TICK_S)
        assert reader.frames == []
    FanOutLoop().stop()


@pytest.fixture
def small_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn that ends after every slice, of a few clients each."""
    monkeypatch.setattr(module, "_BUDGET_S", -1.0)
    monkeypatch.setattr(subscriptions, "SLICE_ROWS", 64)


@BOTH
@pytest.mark.usefixtures("small_turns")
async def test_a_round_that_takes_too_long_goes_on_after_the_event_loop_had_its_turn(wires: Sequence[Wire]) -> None:
    with running(wires) as (market, _):
        readers = [market.watching(1, 2, 3, fan_out=each) for each in market.fan_outs for _ in range(100)]
        served: list[int] = []
        market.change(1, a=1)
        async with asyncio.timeout(SOON_S):
            while not served or served[-1] < len(readers):
                await asyncio.sleep(0)
                served.append(sum(bool(reader.frames) for reader in readers))
        assert len(set(served)) > 100 * len(wires) * 4 // 64, "it was all done in one turn"
        assert all(len(reader.frames) == 1 for reader in readers)


@BOTH
@pytest.mark.usefixtures("small_turns")
async def test_nobody_starves_while_changes_come_faster_than_they_can_be_sent(wires: Sequence[Wire]) -> None:
    """Those not served yet come before those served, in every slice and in every encoding."""
    with running(wires) as (market, _):
        readers = [
            market.watching(1, 2, 3, interval_ticks=1, fan_out=each) for each in market.fan_outs for _ in range(100)
        ]
        async with asyncio.timeout(SOON_S):
            value = 0
            while max(len(reader.frames) for reader in readers) < 20:
                value += 1
                market.change(1 + value % 3, a=value)
                await asyncio.sleep(0)
        counts = [len(reader.frames) for reader in readers]
        assert min(counts) >= max(counts) * 2 / 3, counts
        await until(lambda: not any(each.has_pending() for each in market.fan_outs))
        assert all(reader.held == market.known(reader) for reader in readers)


@BOTH
@pytest.mark.usefixtures("small_turns")
async def test_whoever_comes_or_goes_in_the_middle_of_a_round_disturbs_nobody(wires: Sequence[Wire]) -> None:
    with running(wires) as (market, loop):
        readers = [market.watching(1, 2, fan_out=each) for each in market.fan_outs for _ in range(100)]
        gone: list[Reader] = []
        for at in range(60):
            market.change(1 + at % 2, a=at)
            await asyncio.sleep(0)
            gone.append(readers.pop(at % len(readers)))
            market.leave(gone[-1])
            readers.append(market.watching(2, 1, fan_out=market.fan_outs[at % len(wires)]))
            loop.poke()
        frames = [len(reader.frames) for reader in gone]
        await until(lambda: not any(each.has_pending() for each in market.fan_outs))
        assert all(reader.held == market.known(reader) for reader in readers)
        assert [len(reader.frames) for reader in gone] == frames


async def test_the_shortest_interval_of_all_is_kept_to() -> None:
    with running() as (market, loop):
        loop.at_least_ticks = 20
        reader = Reader(JSON)
        times = Times(reader, market)
        market.subscribe(reader, 1)
        began_s = time.monotonic()
        while len(times.at_s) < 3 and time.monotonic() - began_s < SOON_S:
            market.change(1, a=int(time.monotonic_ns() % 1_000_000))
            await asyncio.sleep(0.001)
        assert times.at_s[2] - times.at_s[0] >= 2 * 19 * TICK_S


async def test_every_channel_is_folded_into_its_own_topics() -> None:
    loop, market = FanOutLoop(), TinyMarket(TinyChannel("one"), TinyChannel("two"))
    loop.attach(market.topics, market.channels, market.fan_outs)
    for each in market.tiny:
        each.on_changed = loop.changed
    reader = market.watching(1)
    market.subscribe(reader, 1, channel=1)
    market.change(1, 1, a=5)
    await turns()
    assert reader.frames == [{"two": [{"s": "1", "q": 1, "a": 5}]}]
    loop.stop()
