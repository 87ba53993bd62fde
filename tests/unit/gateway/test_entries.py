import json

import msgpack

from gateway.live.entries import EntryCache
from gateway.live.topics import TopicTable
from gateway.live.wire import JSON, MSGPACK
from tests.unit.gateway.tiny_market import ALL, TinyChannel, TinyLog, TinyMarket, longs, masks, places


def test_what_two_clients_are_sent_is_made_once() -> None:
    market = TinyMarket()
    market.change(1, a=5, b=6)
    one, two = market.watching(1), market.watching(1)
    (topic,) = set(one.watched.values()) | set(two.watched.values())
    since = longs(0)
    first, second = (market.fan_out.snapshot(places(topic), since) for _ in range(2))
    together = market.fan_out.snapshot(places(topic, topic), longs(0, 0))
    assert [*first, *second] == together
    assert market.tiny[0].encoded == [(1, ALL)]


def test_a_thousand_clients_and_a_change_are_one_entry() -> None:
    market = TinyMarket()
    readers = [market.watching(1, 2) for _ in range(1000)]
    market.tiny[0].encoded.clear()
    market.change(1, a=1)
    market.change(2, c=1)
    market.serve(0)
    assert sorted(market.tiny[0].encoded) == [(1, 0b001), (2, 0b100)]
    assert all(reader.frames == readers[0].frames for reader in readers)


def test_a_change_makes_another_entry() -> None:
    market = TinyMarket()
    market.change(1, a=5)
    topic = places(market.watching(1).watched[0, 1])
    before = market.fan_out.snapshot(topic, longs(0))
    market.change(1, a=6)
    market.fold()
    after = market.fan_out.snapshot(topic, longs(0))
    assert (json.loads(before[0])["a"], json.loads(after[0])["a"]) == (5, 6)


def test_other_fields_are_another_entry() -> None:
    market = TinyMarket()
    market.change(1, a=5, b=6)
    topic = places(market.watching(1).watched[0, 1])
    cache = EntryCache(JSON, market.topics, market.channels)
    market.tiny[0].encoded.clear()
    both = cache.of(places(*topic, *topic, *topic), masks(0b01, 0b10, 0b01), longs(0, 0, 0))
    told = [{"s": "1", "q": 1, "a": 5}, {"s": "1", "q": 1, "b": 6}, {"s": "1", "q": 1, "a": 5}]
    assert [json.loads(entry) for entry in both] == told
    assert market.tiny[0].encoded == [(1, 0b01), (1, 0b10)]
    for mask in (0b01, 0b10, ALL, 0b01):
        (entry,) = cache.of(topic, masks(mask), longs(0))
        assert len(json.loads(entry)) == 2 + mask.bit_count()


def test_a_topic_that_became_another_s_has_another_entry() -> None:
    market = TinyMarket()
    market.change(1, a=5)
    market.change(2, a=9)
    reader = market.watching(1)
    topic = reader.watched[0, 1]
    market.unsubscribe(reader, 1)
    market.subscribe(reader, 2)
    assert reader.watched[0, 2] == topic
    assert reader.held["tiny"]["2"]["a"] == 9


def test_each_encoding_has_its_own() -> None:
    market = TinyMarket(wires=(JSON, MSGPACK))
    market.change(1, a=5)
    (topic,) = set(market.watching(1).watched.values())
    text, packed = (each.snapshot(places(topic), longs(0))[0] for each in market.fan_outs)
    assert json.loads(text) == msgpack.unpackb(packed) == {"s": "1", "q": 1, "a": 5, "b": 0, "c": 0}


def test_entries_come_in_the_order_asked_for_whatever_is_at_hand_and_of_which_channel() -> None:
    market = TinyMarket(TinyChannel("one"), TinyLog("log"), TinyChannel("two"))
    numbers = range(50)
    for number in numbers:
        for channel in range(3):
            for _ in range(number % 3 + 1):
                market.change(number, channel, a=channel)
    readers = [market.watching(*numbers, channel=channel) for channel in range(3)]
    topics = [readers[channel].watched[channel, number] for number in numbers for channel in range(3)]
    for _ in range(2):  # with nothing at hand, and with everything
        made = [json.loads(entry) for entry in market.fan_out.snapshot(places(*topics), longs(*[0] * 150))]
        assert [entry["s"] for entry in made] == [str(number) for number in numbers for _ in range(3)]
        assert [("items" in entry, entry.get("a", 1)) for entry in made] == [(False, 0), (True, 1), (False, 2)] * 50


def test_entries_of_a_log_are_shared_by_those_who_are_as_far() -> None:
    channel = TinyLog("log")
    market = TinyMarket(channel)
    for _ in range(5):
        market.change(1)
    (topic,) = set(market.watching(1).watched.values())
    channel.encoded.clear()
    made = market.fan_out.snapshot(places(topic, topic, topic, topic), longs(3, 0, 3, 5))
    assert [json.loads(entry)["items"] for entry in made] == [[3, 4], [0, 1, 2, 3, 4], [3, 4], []]
    assert len(channel.encoded) == 2, "the one from 5 on was made for the client's snapshot"


def test_it_grows_with_the_topics() -> None:
    channel = TinyChannel()
    topics = TopicTable(1)
    cache = EntryCache(JSON, topics, [channel])
    few = topics.watch(0, [0])
    assert len(cache.of(few, masks(ALL), longs(0))) == 1
    many = topics.watch(0, range(1, 4001))
    made = cache.of(many, masks(*[1] * 4000), longs(*[0] * 4000))
    assert [json.loads(entry)["s"] for entry in made] == [str(number) for number in range(1, 4001)]
    channel.encoded.clear()
    assert cache.of(many, masks(*[1] * 4000), longs(*[0] * 4000)) == made
    assert channel.encoded == []


def test_what_was_made_is_let_go_before_it_fills_the_memory_and_made_again() -> None:
    channel = TinyChannel()
    topics = TopicTable(1)
    cache = EntryCache(JSON, topics, [channel])
    many = topics.watch(0, range(1000))
    made = cache.of(many, masks(*[1] * 1000), longs(*[0] * 1000))
    room_bytes = len(cache.data)
    for _ in range(2 * room_bytes // sum(map(len, made)) + 1):
        topics.version[many] += 1
        assert cache.of(many, masks(*[1] * 1000), longs(*[0] * 1000)) == made
    assert len(cache.data) == room_bytes


def test_more_than_there_is_room_for_makes_room() -> None:
    topics = TopicTable(1)
    cache = EntryCache(JSON, topics, [TinyChannel()])
    few, many = topics.watch(0, range(10)), topics.watch(0, range(10, 100_000))
    assert cache.of(few, masks(*[1] * 10), longs(*[0] * 10)) == cache.of(few, masks(*[1] * 10), longs(*[0] * 10))
    made = cache.of(many, masks(*[ALL] * len(many)), longs(*[0] * len(many)))
    assert [json.loads(entry)["s"] for entry in (made[0], made[-1])] == ["10", "99999"]
