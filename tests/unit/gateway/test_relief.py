import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from gateway.live.admission import Admitted
from gateway.live.fan_out_loop import FanOutLoop
from gateway.live.outlet import MAX_WAITING_BYTES, Outlet
from gateway.live.overload import Ladder, Level
from gateway.live.relief import Relief
from gateway.live.session import Session
from gateway.live.token_bucket import TokenBucket
from tests.unit.gateway.tiny_market import Reader, TinyChannel, TinyLog, TinyMarket, places
from tests.unit.gateway.tiny_socket import TinySocket

QUOTE, LOG = 0, 1
LIMIT_S = 0.05


class Overloaded:
    """A market of a quote channel, and a log that is dropped first, with the relief that sees to it."""

    def __init__(self, most_watched: int = 1000) -> None:
        self.market = TinyMarket(TinyChannel("quote"), TinyLog("log", is_dropped_first=True))
        self.loop = FanOutLoop()
        self.loop.attach(self.market.topics, self.market.channels, self.market.fan_outs)
        self.sessions: list[Session] = []
        self.sockets: list[TinySocket] = []
        self.relief = Relief(
            Ladder(LIMIT_S, 0.95), self.market.topics, self.market.channels, self.market.fan_outs, self.loop,
            lambda number: f"X:{number}", 20.0, most_watched,
        )  # fmt: skip
        self.relief.sessions = lambda: self.sessions

    def join(self, quotes: Sequence[int], logs: Sequence[int] = (), interval_ticks: int = 5) -> Reader:
        """Let a client in, with a session and a socket to be told by."""
        reader = self.market.watching(*quotes, interval_ticks=interval_ticks)
        self.market.subscribe(reader, *logs, channel=LOG)
        end = TinySocket()
        session = Session(
            reader.wire, Outlet(end.socket, reader.wire), self.market.fan_out, Admitted("address", 0),
            TokenBucket(1, 1), 0, interval_ticks=interval_ticks, client=reader.client,
        )  # fmt: skip
        self.sessions.append(session)
        self.sockets.append(end)
        return reader

    async def apply(self, level: Level) -> None:
        """Go to a level, and wait until everybody has been told."""
        self.relief.apply(level)
        await self.told()

    async def told(self) -> None:
        assert self.relief._telling is not None
        await asyncio.wait_for(self.relief._telling, 5)

    def modes(self, client: int = 0) -> list[dict[str, Any]]:
        """Give what a client was told, in order."""
        return [json.loads(each) for each in self.sockets[client].arrived]


@pytest.fixture
def overloaded() -> Iterator[Overloaded]:
    made = Overloaded()
    yield made
    made.loop.stop()


async def test_every_client_is_told_every_level(overloaded: Overloaded) -> None:
    overloaded.join([1], [2])
    overloaded.join([3], interval_ticks=25)
    for level in (1, 2, 3, 4, 0):
        await overloaded.apply(Level(level))
    advice_ms = overloaded.modes()[3].pop("poll_after_ms")
    assert 2000 <= advice_ms < 3000
    assert overloaded.modes()[:3] == [
        {"type": "mode", "level": 1, "mode": "slower", "rate": 10.0, "channels": ["quote", "log"]},
        {"type": "mode", "level": 2, "mode": "quotes_only", "rate": 10.0, "channels": ["quote"]},
        {"type": "mode", "level": 3, "mode": "most_watched", "rate": 10.0, "channels": ["quote"]},
    ]
    assert {name: value for name, value in overloaded.modes()[3].items() if name != "poll_after_ms"} == {
        "type": "mode", "level": 4, "mode": "poll", "rate": 10.0, "channels": [],
    }  # fmt: skip
    assert overloaded.modes()[4] == {
        "type": "mode", "level": 0, "mode": "full", "rate": 20.0, "channels": ["quote", "log"],
    }  # fmt: skip
    assert [each["rate"] for each in overloaded.modes(1)] == [4.0] * 5, "it never asked for more"


async def test_the_shortest_interval_follows_the_level(overloaded: Overloaded) -> None:
    assert overloaded.loop.at_least_ticks == 5
    for level, ticks in ((1, 10), (4, 10), (0, 5)):
        await overloaded.apply(Level(level))
        assert overloaded.loop.at_least_ticks == ticks


async def test_what_is_dropped_first_stops_and_comes_back_with_all_that_came_meanwhile(overloaded: Overloaded) -> None:
    reader = overloaded.join([1], [1])
    market = overloaded.market
    await overloaded.apply(Level.QUOTES_ONLY)
    for tick in range(5):
        market.change(1, QUOTE, a=tick + 1)
        market.change(1, LOG)
        market.serve(100 * tick)
    assert (len(reader.entries("quote")), reader.entries("log")) == (5, [])
    await overloaded.apply(Level.SLOWER)
    market.serve(1000)
    assert [entry[0]["items"] for entry in reader.entries("log")] == [[0, 1, 2, 3, 4]]
    assert reader.held["log"]["1"]["q"] == 5


async def test_what_waits_to_be_sent_when_it_is_suspended_is_not_sent_either(overloaded: Overloaded) -> None:
    reader = overloaded.join([], [1])
    market = overloaded.market
    market.change(1, LOG)
    market.serve(0)
    market.change(1, LOG)
    market.serve(1)
    assert market.fan_out.has_pending()
    await overloaded.apply(Level.QUOTES_ONLY)
    market.serve(100)
    assert len(reader.frames) == 1
    assert not market.fan_out.has_pending()


async def test_at_the_last_level_nothing_streams_and_then_everything_that_changed_is_sent_whole(
    overloaded: Overloaded,
) -> None:
    reader = overloaded.join([1, 2], [1])
    market = overloaded.market
    market.change(1, QUOTE, a=1, b=1)
    market.serve(0)
    await overloaded.apply(Level.POLL)
    market.change(1, QUOTE, a=2)
    market.change(1, LOG)
    market.serve(100)
    assert len(reader.frames) == 1
    await overloaded.apply(Level.FULL)
    market.serve(200)
    assert reader.entries("quote")[-1] == [{"s": "1", "q": 2, "a": 2, "b": 1, "c": 0}]
    assert not market.fan_out.has_pending()


async def test_the_most_watched_stream_and_the_rest_is_named_to_whoever_watches_it() -> None:
    overloaded = Overloaded(most_watched=2)
    for quotes in ([1], [1, 2], [1, 2, 3], [4], [3, 2]):
        overloaded.join(quotes, logs=[4])
    await overloaded.apply(Level.MOST_WATCHED)
    market = overloaded.market
    suspended = {
        number: bool(market.topics.suspended[market.topics.of(QUOTE, places(number))[0]]) for number in (1, 2, 3, 4)
    }
    assert suspended == {1: False, 2: False, 3: True, 4: True}
    assert [overloaded.modes(client)[0].get("on_demand") for client in range(5)] == [
        None, None, ["X:3"], ["X:4"], ["X:3"],
    ]  # fmt: skip
    assert overloaded.modes()[0]["channels"] == ["quote"]
    overloaded.loop.stop()


async def test_of_those_equally_watched_no_more_stream_than_may() -> None:
    overloaded = Overloaded(most_watched=3)
    overloaded.join(range(10), logs=range(10))
    await overloaded.apply(Level.MOST_WATCHED)
    topics = overloaded.market.topics.of(QUOTE, places(*range(10)))
    assert (~overloaded.market.topics.suspended[topics]).sum() == 3
    assert len(overloaded.modes()[0]["on_demand"]) == 7
    overloaded.loop.stop()


async def test_what_nobody_watched_before_is_considered_as_it_comes() -> None:
    overloaded = Overloaded(most_watched=1)
    overloaded.join([1])
    market = overloaded.market
    for level, expected in (
        (Level.FULL, [False, False]),
        (Level.SLOWER, [False, False]),
        (Level.QUOTES_ONLY, [False, True]),
        (Level.MOST_WATCHED, [True, True]),
        (Level.POLL, [True, True]),
    ):
        if level:
            await overloaded.apply(level)
        topics = places(*market.topics.watch(QUOTE, [9]), *market.topics.watch(LOG, [9]))
        overloaded.relief.consider(topics)
        assert market.topics.suspended[topics].tolist() == expected
        market.topics.unwatch(topics)
        assert not market.topics.suspended[topics].any()
    overloaded.loop.stop()


async def test_what_others_watch_already_stays_as_it_is() -> None:
    overloaded = Overloaded(most_watched=1)
    overloaded.join([1])
    await overloaded.apply(Level.MOST_WATCHED)
    market = overloaded.market
    again = market.topics.watch(QUOTE, [1])
    overloaded.relief.consider(again)
    assert not market.topics.suspended[again].any()
    overloaded.loop.stop()


async def test_a_newcomer_is_told_only_where_there_is_something_to_tell(overloaded: Overloaded) -> None:
    overloaded.join([1])
    overloaded.relief.tell_if_any(overloaded.sessions[0])
    assert overloaded.modes() == []
    await overloaded.apply(Level.SLOWER)
    overloaded.join([1])
    overloaded.relief.tell_if_any(overloaded.sessions[1])
    assert [each["mode"] for each in overloaded.modes(1)] == ["slower"]


async def test_one_that_reads_nothing_keeps_nobody_from_being_told(overloaded: Overloaded) -> None:
    overloaded.join([1])
    overloaded.join([1])
    overloaded.sockets[0].stick()
    overloaded.sessions[0].outlet.put(b"taken")
    await asyncio.sleep(0)
    overloaded.sessions[0].outlet.put(b"x" * MAX_WAITING_BYTES)
    await overloaded.apply(Level.SLOWER)
    assert [each["mode"] for each in overloaded.modes(1)] == ["slower"]
    overloaded.sockets[0].flow()


async def test_thousands_are_told_in_parts_and_of_two_levels_in_a_row_the_last_is_the_last_told(
    overloaded: Overloaded,
) -> None:
    for _ in range(1000):
        overloaded.join([1])
    overloaded.relief.apply(Level.SLOWER)
    await asyncio.sleep(0)
    told = sum(bool(each.arrived) for each in overloaded.sockets)
    assert 0 < told < 1000, "the event loop had its turn in between"
    await overloaded.apply(Level.QUOTES_ONLY)
    assert all(overloaded.modes(client)[-1]["mode"] == "quotes_only" for client in range(1000))
    assert sum(len(each.arrived) for each in overloaded.sockets) == 1000 + told


async def test_the_level_follows_the_load_both_ways(overloaded: Overloaded, caplog: pytest.LogCaptureFixture) -> None:
    overloaded.join([1])
    now_s = 0.0
    for lag_s, level in ((10 * LIMIT_S, Level.POLL), (0.0, Level.FULL)):
        for _ in range(1000):
            now_s += 0.1
            overloaded.relief.observe(now_s, lag_s, 0.5)
            await asyncio.sleep(0)
            if overloaded.relief.level == level:
                break
        assert overloaded.relief.level == level
    await overloaded.told()
    assert [each["level"] for each in overloaded.modes()] == [1, 2, 3, 4, 3, 2, 1, 0]
    assert caplog.text.count("overload level") == 8
