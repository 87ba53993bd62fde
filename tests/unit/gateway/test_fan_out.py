"""Who is sent something, when, and in which frames."""

from itertools import pairwise

import numpy as np
import pytest

from gateway.live import fan_out as fan_out_module
from gateway.live import subscriptions as subscriptions_module
from gateway.live.fan_out import MAX_ENTRIES_PER_FRAME
from gateway.live.wire import JSON, MSGPACK, Wire
from tests.unit.gateway.tiny_market import ALL, TinyMarket, places, symbols, ticks_of_frames

WIRES = pytest.mark.parametrize("wire", [JSON, MSGPACK], ids=["json", "msgpack"])


@WIRES
def test_the_first_change_goes_at_once_and_then_what_changed_goes_together(wire: Wire) -> None:
    market = TinyMarket(wires=[wire])
    reader = market.watching(1, 2, 3)
    market.change(1, a=1)
    market.serve(100)
    assert reader.frames == [{"tiny": [{"s": "1", "q": 1, "a": 1}]}]
    for tick in range(101, 105):
        market.change(1, a=tick)
        market.change(2, b=tick)
        market.serve(tick)
    assert len(reader.frames) == 1
    market.serve(105)
    assert reader.frames[1:] == [{"tiny": [{"s": "1", "q": 5, "a": 104}, {"s": "2", "q": 4, "b": 104}]}]
    market.serve(200)
    assert len(reader.frames) == 2, "what did not change is sent again"


def test_of_several_changes_each_field_comes_once_with_its_latest_value() -> None:
    market = TinyMarket()
    reader = market.watching(1)
    market.serve(0)
    market.change(1, a=1)
    market.change(1, b=2)
    market.change(1, a=3)
    market.serve(1)
    assert reader.frames == [{"tiny": [{"s": "1", "q": 3, "a": 3, "b": 2}]}]


@pytest.mark.parametrize("interval_ticks", [1, 2, 5, 50])
def test_a_client_gets_frames_at_its_own_interval(interval_ticks: int) -> None:
    market = TinyMarket()
    reader = market.watching(1, interval_ticks=interval_ticks)
    assert ticks_of_frames(market, reader, 200) == list(range(0, 200, interval_ticks))


def test_clients_of_many_rates_share_a_fan_out() -> None:
    market = TinyMarket()
    readers = {interval: market.watching(1, interval_ticks=interval) for interval in (1, 3, 5, 10, 100)}
    ticks_of_frames(market, readers[1], 300)
    assert {interval: len(reader.frames) for interval, reader in readers.items()} == {
        1: 300, 3: 100, 5: 60, 10: 30, 100: 3,
    }  # fmt: skip
    market.serve(400)
    assert all(reader.held == market.known(reader) for reader in readers.values())


def test_a_client_that_changes_its_pace_is_served_so_from_its_next_frame_on() -> None:
    market = TinyMarket()
    reader = market.watching(1, interval_ticks=5)
    assert ticks_of_frames(market, reader, 11) == [0, 5, 10]
    market.fan_out.pace(reader.client, 20)
    assert ticks_of_frames(market, reader, 60) == [15, 35, 55]


def test_no_client_gets_frames_faster_than_the_least_interval_of_all() -> None:
    market = TinyMarket()
    fast, slow = market.watching(1, interval_ticks=5), market.watching(1, interval_ticks=20)
    for tick in range(100):
        market.change(1, a=tick)
        market.serve(tick, at_least_ticks=10)
    assert (len(fast.frames), len(slow.frames)) == (10, 5)


def test_who_is_served_late_keeps_its_place_in_time_and_makes_up_for_nothing() -> None:
    market = TinyMarket()
    reader = market.watching(1, interval_ticks=10)
    came = []
    for tick in (0, 5, 10, 17, 19, 20, 21, 30, 55, 56, 64, 65):
        market.change(1, a=tick)
        before = len(reader.frames)
        market.serve(tick)
        came += [tick] * (len(reader.frames) - before)
    assert came == [0, 10, 20, 30, 55, 65], "17 was its turn's, 55 begins anew"


def test_a_symbol_has_a_pace_of_its_own_beside_its_connection_s() -> None:
    market = TinyMarket()
    reader = market.watching(1, 2, interval_ticks=5)
    market.subscribe(reader, 3, every_ticks=20)
    for tick in range(100):
        for number in (1, 2, 3):
            market.change(number, a=tick)
        market.serve(tick)
    frames = [symbols(frame) for frame in reader.entries()]
    assert len(frames) == 20
    assert [("3" in frame) for frame in frames] == [True, False, False, False] * 5
    assert all({"1", "2"} <= set(frame) for frame in frames)
    market.fan_out.pace_topics(reader.client, places(reader.watched[0, 3], reader.watched[0, 1]), 0)
    market.change(3, a=-1)
    market.serve(100)
    assert "3" in symbols(reader.entries()[-1])
    market.serve(150)
    assert reader.held == market.known(reader)


def test_an_own_pace_may_come_later_and_concerns_nobody_else() -> None:
    market = TinyMarket()
    reader, other = market.watching(1, 2, interval_ticks=1), market.watching(1, interval_ticks=1)
    assert len(ticks_of_frames(market, reader, 10)) == 10
    market.fan_out.pace_topics(reader.client, places(reader.watched[0, 1]), 50)
    for tick in range(10, 110):
        market.change(1, a=tick)
        market.change(2, a=tick)
        market.serve(tick)
    assert sum("1" in symbols(frame) for frame in reader.entries()) == 10 + 2
    assert sum("2" in symbols(frame) for frame in reader.entries()) == 100
    assert len(other.frames) == 110


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, [1]), (255, [255]), (256, [256]), (257, [256, 1]), (600, [256, 256, 88])]
)
def test_a_frame_has_so_many_entries_at_most(count: int, sizes: list[int]) -> None:
    market = TinyMarket()
    few, many = market.watching(0), market.watching(*range(count))
    last = market.watching(0, 1)
    for number in range(count):
        market.change(number, a=1)
    market.serve(0)
    assert [len(frame) for frame in many.entries()] == sizes
    assert [entry["s"] for frame in many.entries() for entry in frame] == [str(number) for number in range(count)]
    assert max(sizes) <= MAX_ENTRIES_PER_FRAME
    assert [len(frame) for frame in few.entries()] == [1]
    assert last.held == market.known(last)
    assert market.fan_out.sent.frames == len(sizes) + 2


def test_what_is_not_watched_any_more_is_not_sent() -> None:
    market = TinyMarket()
    reader, gone = market.watching(1, 2), market.watching(1, 2)
    for number in (1, 2):
        market.change(number, a=1)
    market.unsubscribe(reader, 1)
    market.leave(gone)
    market.serve(0)
    assert [symbols(frame) for frame in reader.entries()] == [["2"]]
    assert gone.frames == []
    market.unsubscribe(reader, 2)
    assert len(market.topics) == 0
    market.subscribe(reader, 1)
    market.change(1, b=1)
    market.serve(100)
    assert reader.held == market.known(reader)


def test_a_number_that_is_free_again_knows_nothing_of_whose_it_was() -> None:
    market = TinyMarket()
    first = market.watching(1, 2, interval_ticks=1000)
    market.change(1, a=1)
    market.serve(0)
    market.leave(first)
    second = market.watching(2, interval_ticks=1)
    assert second.client == first.client
    for tick in range(1, 4):
        market.change(1, a=tick)
        market.change(2, a=tick)
        market.serve(tick)
    assert len(second.frames) == 3
    assert len(first.frames) == 1


def test_it_tells_what_it_has_written() -> None:
    market = TinyMarket()
    reader, stuck = market.watching(1, 2), market.watching(3)
    stuck.reads = False
    for number in (1, 2, 3):
        market.change(number, a=1)
    market.serve(0)
    assert sorted(market.written) == sorted(reader.watched.values())


def test_whether_anybody_is_idle() -> None:
    market = TinyMarket()
    assert not market.fan_out.is_any_idle(0), "nobody is not idle"
    reader = market.watching(1, interval_ticks=5)
    assert market.fan_out.is_any_idle(0)
    market.change(1, a=1)
    market.serve(10)
    assert [market.fan_out.is_any_idle(tick) for tick in (10, 14, 15)] == [False, False, True]
    market.leave(reader)
    assert not market.fan_out.is_any_idle(1000)


def test_a_round_is_over_when_every_slice_was_served_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions_module, "SLICE_ROWS", 64)
    market = TinyMarket()
    readers = [market.watching(*range(10), interval_ticks=1) for _ in range(100)]
    for number in range(10):
        market.change(number, a=1)
    market.mark()
    assert not market.fan_out.serve(0, 1), "there is no round yet"
    market.fan_out.begin_round()
    served = [0]
    while market.fan_out.serve(0, 1):
        served.append(sum(bool(reader.frames) for reader in readers))
    assert len(served) == len(market.fan_out.subscriptions.slices())
    assert all(later - earlier <= 64 // 10 for earlier, later in pairwise(served))
    assert [len(reader.frames) for reader in readers] == [1] * 100
    assert not market.fan_out.has_pending()


def test_who_has_much_to_send_is_served_a_few_whole_clients_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fan_out_module, "_ROWS_AT_ONCE", 25)
    market = TinyMarket()
    readers = [market.watching(*range(count)) for count in (10, 10, 1, 3, 40, 5, 10, 10, 10, 1)]
    for number in range(40):
        market.change(number, a=1)
    market.mark()
    market.fan_out.begin_round()
    served = []
    goes_on = True
    while goes_on:
        goes_on = market.fan_out.serve(0, 1)
        served.append([len(reader.frames) for reader in readers].count(1))
    assert served == [5, 8, 10], "never half a client"
    assert all(reader.held == market.known(reader) for reader in readers)
    assert not market.fan_out.has_pending()


def test_thousands_come_and_go() -> None:
    market = TinyMarket()
    random = np.random.default_rng(9)
    readers = [market.watching(*random.choice(500, 10, replace=False).tolist(), interval_ticks=1) for _ in range(3000)]
    for tick in range(4):
        for number in range(0, 500, 3):
            market.change(number, a=tick, b=number)
        for reader in readers[tick::4][:300]:
            market.leave(reader)
            readers.remove(reader)
        readers += [market.watching(*random.choice(500, 10, replace=False).tolist()) for _ in range(300)]
        market.serve(10 * tick)
    market.serve(10_000)
    assert len(readers) == len(market.fan_out.subscriptions) / 10 == 3000
    assert all(reader.held == market.known(reader) for reader in readers)
    assert market.fan_out.snapshot(places(), np.zeros(0, np.int64)) == []
    assert market.channels[0].full_mask == ALL
