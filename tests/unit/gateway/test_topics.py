import numpy as np

from gateway.live.topics import NO_TOPIC, TopicTable
from tests.unit.gateway.tiny_market import longs, masks, places

QUOTE, DEPTH = 0, 1


def table() -> TopicTable:
    return TopicTable(channels=2)


def test_an_instrument_is_another_topic_in_each_channel_and_the_same_for_every_watcher() -> None:
    topics = table()
    first = topics.watch(QUOTE, [7, 3])
    assert topics.watch(QUOTE, [3, 7]).tolist() == first.tolist()[::-1]
    other = topics.watch(DEPTH, [7])
    assert len({NO_TOPIC, *first.tolist(), *other.tolist()}) == 4
    assert len(topics) == 3
    assert topics.watchers[first].tolist() == [2, 2]
    assert (topics.channel[other].tolist(), topics.number[other].tolist()) == ([DEPTH], [7])
    assert (topics.channel[first].tolist(), topics.number[first].tolist()) == ([QUOTE, QUOTE], [7, 3])


def test_what_nobody_watches_has_no_topic_however_high_its_number() -> None:
    topics = table()
    assert topics.of(QUOTE, places(0, 10**6)).tolist() == [NO_TOPIC, NO_TOPIC]
    (seven,) = topics.watch(QUOTE, [7]).tolist()
    assert topics.of(QUOTE, places(10**6, 7, 6)).tolist() == [NO_TOPIC, seven, NO_TOPIC]
    assert topics.of(DEPTH, places(7)).tolist() == [NO_TOPIC]
    assert topics.watch(QUOTE, []).tolist() == []


def test_with_the_last_watcher_a_topic_goes_and_may_be_another_s() -> None:
    topics = table()
    mine = topics.watch(QUOTE, [7])
    topics.watch(QUOTE, [7])
    topics.touch(mine, masks(1), longs(40))
    topics.suspended[mine] = True
    version = int(topics.version[mine][0])
    topics.unwatch(mine)
    assert topics.of(QUOTE, places(7)).tolist() == mine.tolist()
    topics.unwatch(mine)
    assert (len(topics), topics.of(QUOTE, places(7)).tolist()) == (0, [NO_TOPIC])
    again = topics.watch(DEPTH, [900])
    assert again.tolist() == mine.tolist()
    assert (topics.channel[again].tolist(), topics.number[again].tolist()) == ([DEPTH], [900])
    assert (topics.fresh[again].tolist(), topics.position[again].tolist()) == ([0], [0])
    assert not topics.suspended[again].any()
    assert int(topics.version[again][0]) > version, "what was encoded for the old one would be taken for the new"


def test_changes_add_up_until_they_are_taken_and_only_then_go() -> None:
    topics = table()
    one, two = topics.watch(QUOTE, [1, 2])
    topics.touch(places(one, two), masks(0b01, 0b10), longs(5, 6))
    topics.touch(places(one), masks(0b100), longs(7))
    fresh = topics.take_fresh()
    assert fresh is not None
    assert (fresh[[one, two]].tolist(), topics.position[[one, two]].tolist()) == ([0b101, 0b10], [7, 6])
    assert topics.take_fresh() is None


def test_a_change_of_what_nobody_watches_is_dropped() -> None:
    topics = table()
    topics.touch(topics.of(QUOTE, places(1, 2)), masks(1, 1), longs(5, 6))
    assert topics.take_fresh() is None


def test_every_change_is_another_version() -> None:
    topics = table()
    mine = topics.watch(QUOTE, [1])
    seen = {int(topics.version[mine][0])}
    for count in range(5):
        topics.touch(mine, masks(1), longs(count))
        seen.add(int(topics.version[mine][0]))
    assert len(seen) == 6


def test_of_what_is_suspended_changes_are_counted_and_not_told() -> None:
    topics = table()
    one, two = topics.watch(QUOTE, [1, 2])
    topics.suspended[one] = True
    topics.touch(places(one, two), masks(1, 1), longs(5, 6))
    fresh = topics.take_fresh()
    assert fresh is not None
    assert fresh[[one, two]].tolist() == [0, 1]
    assert topics.position[one] == 5
    topics.suspended[one] = False
    assert topics.take_fresh() is None, "what was dropped comes back with a full image, not with this"


def test_it_grows_and_keeps_what_it_has() -> None:
    topics = table()
    small = topics.watch(QUOTE, [5])
    topics.touch(small, masks(1), longs(99))
    many = topics.watch(DEPTH, range(5000))
    assert len(topics) == 5001
    assert topics.capacity > 5001
    assert {len(column) for column in (topics.fresh, topics.version, topics.suspended, topics.position)} == {
        topics.capacity
    }
    assert len(np.unique(many)) == 5000
    assert topics.position[small].tolist() == [99]
    assert topics.of(DEPTH, places(0, 4999)).tolist() == many[[0, 4999]].tolist()
    topics.unwatch(many)
    assert set(topics.watch(QUOTE, range(6, 5006)).tolist()) == set(many.tolist()), "freed topics are used first"
