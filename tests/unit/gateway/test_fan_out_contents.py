"""What the entries hold: deltas, full images, logs, several channels, and what is suspended."""

import numpy as np
import pytest

from gateway.live.wire import JSON, MSGPACK, Wire
from tests.unit.gateway.tiny_market import TinyChannel, TinyLog, TinyMarket, places, symbols

WIRES = pytest.mark.parametrize("wire", [JSON, MSGPACK], ids=["json", "msgpack"])


def test_what_is_suspended_is_not_sent_and_comes_back_whole() -> None:
    market = TinyMarket()
    market.change(1, a=1, b=1, c=1)
    market.change(2, a=1)
    reader = market.watching(1, 2, interval_ticks=1)
    topic = reader.watched[0, 1]
    market.change(1, a=2)
    market.mark()
    suspend(market, topic)
    for tick in range(5):
        market.change(1, b=tick + 2)
        market.change(2, a=tick + 2)
        market.serve(tick)
    assert [symbols(frame) for frame in reader.entries()] == [["2"]] * 5
    assert not market.fan_out.has_pending()
    resume(market)
    market.serve(5)
    assert reader.frames[-1] == {"tiny": [{"s": "1", "q": 7, "a": 2, "b": 6, "c": 1}]}
    assert reader.held == market.known(reader)


def test_what_stood_still_while_it_was_suspended_is_not_sent_again() -> None:
    market = TinyMarket()
    market.change(1, a=1)
    reader = market.watching(1)
    suspend(market, reader.watched[0, 1])
    resume(market)
    market.serve(0)
    assert reader.frames == []
    assert not market.fan_out.has_pending()


def test_once_everything_was_suspended_nothing_is_left_pending_that_nobody_watches() -> None:
    """Topic 0 and the empty rows are nobody's."""
    market = TinyMarket()
    reader = market.watching(1)
    market.topics.suspended[:] = True
    market.fan_out.suspend()
    market.change(1, a=1)
    market.serve(0)
    resume(market)
    market.serve(1)
    assert len(reader.frames) == 1
    assert not market.fan_out.has_pending()


def suspend(market: TinyMarket, *topics: int) -> None:
    market.topics.suspended[list(topics)] = True
    market.fan_out.suspend()


def resume(market: TinyMarket) -> None:
    before = market.topics.suspended
    market.topics.suspended = np.zeros_like(before)
    market.fan_out.resume(before)


def test_a_full_image_that_is_owed_goes_with_the_next_change_and_once() -> None:
    market = TinyMarket()
    market.change(1, a=1, b=2, c=3)
    reader, other = market.watching(1, 2, interval_ticks=1), market.watching(1, interval_ticks=1)
    market.fan_out.owe(reader.client, places(reader.watched[0, 1]))
    market.serve(0)
    assert reader.frames == [], "by itself it is no reason to send"
    market.change(1, a=4)
    market.change(2, a=5)
    market.serve(1)
    market.change(1, a=6)
    market.serve(2)
    whole = {"s": "1", "q": 2, "a": 4, "b": 2, "c": 3}
    assert reader.entries() == [[whole, {"s": "2", "q": 1, "a": 5}], [{"s": "1", "q": 3, "a": 6}]]
    assert other.entries()[0] == [{"s": "1", "q": 2, "a": 4}]


def test_full_images_may_be_owed_to_a_range_of_rows_beyond_the_last_too() -> None:
    market = TinyMarket(TinyChannel(), TinyLog("log"))
    market.change(1, a=1, b=2, c=3)
    reader = market.watching(1)
    market.subscribe(reader, 1, channel=1)
    market.fan_out.owe_full(slice(0, 10**6))
    market.change(1, a=2)
    market.change(1, channel=1)
    market.serve(0)
    assert reader.frames == [
        {
            "tiny": [{"s": "1", "q": 2, "a": 2, "b": 2, "c": 3}],
            "log": [{"s": "1", "q": 1, "missed": 0, "items": [0]}],
        }
    ]
    market.fan_out.owe_full(slice(10**6, 10**6 + 5))


def test_an_image_that_could_not_be_written_is_still_owed() -> None:
    market = TinyMarket()
    market.change(1, a=1, b=2, c=3)
    reader = market.watching(1)
    market.fan_out.owe(reader.client, places(reader.watched[0, 1]))
    reader.reads = False
    market.change(1, a=2)
    market.serve(0)
    reader.reads = True
    market.serve(1000)
    assert reader.entries() == [[{"s": "1", "q": 2, "a": 2, "b": 2, "c": 3}]]


def test_of_a_log_everybody_gets_what_came_since_his_own_last_entry() -> None:
    market = TinyMarket(TinyLog("log"))
    fast, slow = market.watching(1, interval_ticks=1), market.watching(1, interval_ticks=10)
    stuck = market.watching(1, interval_ticks=1)
    stuck.reads = False
    for tick in range(31):
        market.change(1)
        market.serve(tick)
    assert [entry[0]["items"] for entry in fast.entries("log")] == [[at] for at in range(31)]
    assert [len(entry[0]["items"]) for entry in slow.entries("log")] == [1, 10, 10, 10]
    stuck.reads = True
    market.serve(1000)
    (late,) = stuck.entries("log")[0]
    assert (late["missed"], late["items"], late["q"]) == (11, list(range(11, 31)), 31)
    assert market.fan_out.sent.updates == 31 + 4 + 1


@WIRES
def test_what_changed_in_several_channels_goes_in_one_frame(wire: Wire) -> None:
    market = TinyMarket(TinyChannel("one"), TinyLog("log"), TinyChannel("two"), wires=[wire])
    both, only, plain = market.watching(1, 2), market.watching(1, channel=2), market.watching(1)
    market.subscribe(both, 1, channel=2)
    market.subscribe(both, 2, channel=1)
    for channel in range(3):
        for number in (1, 2):
            market.change(number, channel, a=channel + number)
    market.serve(0)
    assert both.frames == [
        {
            "one": [{"s": "1", "q": 1, "a": 1}, {"s": "2", "q": 1, "a": 2}],
            "two": [{"s": "1", "q": 1, "a": 3}],
            "log": [{"s": "2", "q": 1, "missed": 0, "items": [0]}],
        }
    ]
    assert only.frames == [{"two": [{"s": "1", "q": 1, "a": 3}]}]
    assert plain.frames == [{"one": [{"s": "1", "q": 1, "a": 1}]}]


def test_a_change_that_a_client_has_with_its_snapshot_is_not_sent_to_it() -> None:
    market = TinyMarket()
    early = market.watching(1)
    market.change(1, a=1)
    late = market.watching(1)
    assert late.held["tiny"]["1"]["a"] == 1
    market.serve(0)
    assert (len(early.frames), late.frames) == (1, [])
    assert not market.fan_out.has_pending()


def test_who_was_further_at_another_gateway_is_sent_nothing_until_this_one_is() -> None:
    market = TinyMarket()
    market.change(1, a=1)
    reader = market.watching(1, interval_ticks=1)
    topic = places(reader.watched[0, 1])
    market.fan_out.subscriptions.acknowledge(reader.client, topic, np.array([4]))
    market.fan_out.owe(reader.client, topic)
    reader.held["tiny"]["1"]["q"] = 4
    for tick in range(4):
        market.change(1, b=tick)
        market.serve(tick)
    assert reader.frames == [{"tiny": [{"s": "1", "q": 5, "a": 1, "b": 3, "c": 0}]}], "and then all of it"
