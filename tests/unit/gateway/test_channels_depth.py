import json
from collections.abc import Iterable
from itertools import pairwise

import msgpack
import numpy as np
import pytest

from gateway.images import iso
from gateway.live.channels.depth import ASKS, BIDS, DepthChannel
from gateway.live.wire import JSON, MSGPACK, Wire
from market.book import LEVELS
from market.instrument import Instrument
from market.row_type import Rows
from tests.unit.gateway.offline import ASK, BID, NOON_US, Offline, at_ns, book, state
from tests.unit.gateway.tiny_market import longs, masks, places

BOTH = BIDS | ASKS


@pytest.fixture
def offline() -> Offline:
    return Offline()


@pytest.fixture
def channel(offline: Offline) -> DepthChannel:
    return DepthChannel(offline.connection, offline.upstream, 0, offline.changed)


@pytest.fixture
async def aapl(offline: Offline, channel: DepthChannel) -> Instrument:
    (instrument,) = await offline.enlist("AAPL")
    await channel.watch([instrument])
    return instrument


def entry(channel: DepthChannel, instrument: Instrument, mask: int = BOTH, wire: Wire = JSON) -> dict[str, object]:
    (data,) = channel.entries(wire, places(instrument.number), masks(mask), longs(0)).split()
    found: dict[str, object] = json.loads(data) if wire.is_text else msgpack.unpackb(data)
    return found


def changed(channel: DepthChannel) -> dict[int, tuple[int, int]]:
    """Take the changes: mask and position, by number."""
    change = channel.take_changes()
    if change is None:
        return {}
    columns: Iterable[list[int]] = (change.masks.tolist(), change.positions.tolist())
    return dict(zip(change.numbers.tolist(), zip(*columns, strict=True), strict=True))


def two_sided(instrument: Instrument, sequence: int, bid: float = 10, ask: float = 11, orders: int = 1) -> Rows:
    return book(instrument, sequence, {BID: (bid, 100, orders), ASK: (ask, 200, 2)})


@pytest.mark.parametrize("wire", [JSON, MSGPACK], ids=["json", "msgpack"])
async def test_an_entry_has_the_levels_that_are_there_best_first(
    offline: Offline, channel: DepthChannel, aapl: Instrument, wire: Wire
) -> None:
    levels = {BID: (10.5, 300.0, 3), BID + 1: (10.25, 100.0, 1), ASK: (10.75, 200.0, 2), ASK + 9: (20.0, 1.0, 1)}
    await offline.depth(book(aapl, 4, levels))
    assert changed(channel) == {aapl.number: (BOTH, 4)}
    assert entry(channel, aapl, wire=wire) == {
        "s": "XNAS:AAPL",
        "q": 4,
        "t": NOON_US + 4_000_000,
        "r": NOON_US + 4_000_000,
        "bids": [[10.5, 300.0, 3], [10.25, 100.0, 1]],
        "asks": [[10.75, 200.0, 2], [20.0, 1.0, 1]],
    }


async def test_only_the_side_that_changed_is_told(offline: Offline, channel: DepthChannel, aapl: Instrument) -> None:
    await offline.depth(two_sided(aapl, 1))
    assert changed(channel) == {aapl.number: (BOTH, 1)}
    await offline.depth(two_sided(aapl, 2, bid=9))
    assert changed(channel) == {aapl.number: (BIDS, 2)}
    assert "asks" not in entry(channel, aapl, BIDS)
    await offline.depth(two_sided(aapl, 3, bid=9, ask=12))
    assert changed(channel) == {aapl.number: (ASKS, 3)}
    assert entry(channel, aapl, ASKS).keys() == {"s", "q", "t", "r", "asks"}
    await offline.depth(two_sided(aapl, 4, bid=9, ask=12, orders=2))
    assert changed(channel) == {aapl.number: (BIDS, 4)}
    assert offline.changes == 4


async def test_of_several_books_between_two_looks_only_the_difference_is_told(
    offline: Offline, channel: DepthChannel, aapl: Instrument
) -> None:
    await offline.depth(two_sided(aapl, 1))
    channel.take_changes()
    await offline.depth(two_sided(aapl, 2, ask=99), two_sided(aapl, 3, bid=9), two_sided(aapl, 4, bid=8))
    assert changed(channel) == {aapl.number: (BIDS, 4)}
    await offline.depth(two_sided(aapl, 5, bid=8))
    assert changed(channel) == {}
    assert channel.positions(places(aapl.number)).tolist() == [5], "it is shown all the same"


async def test_a_side_that_empties_is_told_as_empty(offline: Offline, channel: DepthChannel, aapl: Instrument) -> None:
    await offline.depth(two_sided(aapl, 1))
    channel.take_changes()
    await offline.depth(book(aapl, 2, {BID: (10, 100, 1)}))
    assert changed(channel) == {aapl.number: (ASKS, 2)}
    assert entry(channel, aapl, ASKS)["asks"] == []


async def test_a_book_that_is_not_newer_changes_nothing(
    offline: Offline, channel: DepthChannel, aapl: Instrument
) -> None:
    await offline.depth(two_sided(aapl, 5))
    channel.take_changes()
    await offline.depth(two_sided(aapl, 5, bid=1), two_sided(aapl, 4, bid=2))
    assert changed(channel) == {}
    assert entry(channel, aapl)["bids"] == [[10, 100, 1]]


async def test_entries_show_what_was_taken_and_not_what_came_since(
    offline: Offline, channel: DepthChannel, aapl: Instrument
) -> None:
    await offline.depth(two_sided(aapl, 1))
    channel.take_changes()
    await offline.depth(two_sided(aapl, 2, bid=9))
    assert entry(channel, aapl)["q"] == 1
    assert not channel.is_newer(int(aapl.number), 1)


async def test_a_book_keeps_nothing_of_the_others_that_came_with_it(offline: Offline, channel: DepthChannel) -> None:
    instruments = await offline.enlist(*(f"S{at}" for at in range(100)))
    await channel.watch(instruments)
    await offline.depth(*(two_sided(each, 1) for each in instruments))
    channel.take_changes()
    held = [channel._shown[int(each.number)] for each in instruments]
    assert not any(np.shares_memory(one.base, other.base) for one, other in pairwise(held))


async def test_watching_asks_the_feed_and_where_it_has_no_book_there_is_none(
    offline: Offline, channel: DepthChannel
) -> None:
    full, bare, mute = await offline.enlist("FULL", "BARE", "MUTE")
    offline.answers(state(full, 7), two_sided(full, 6))
    offline.answers(state(bare, 7))
    await channel.watch([full, bare, mute])
    assert offline.connection.subscribed == {"depth.XNAS.FULL", "depth.XNAS.BARE", "depth.XNAS.MUTE"}
    assert changed(channel) == {full.number: (BOTH, 6)}
    assert [channel.is_covered(int(each.number), 0) for each in (full, bare, mute)] == [True, False, False]
    assert entry(channel, mute) == {"s": "XNAS:MUTE", "q": 0, "t": 0, "r": 0, "bids": [], "asks": []}
    assert channel.positions(places(full.number, mute.number)).tolist() == [6, 0]


async def test_a_second_watcher_is_asked_for_only_where_nothing_is_known(
    offline: Offline, channel: DepthChannel
) -> None:
    full, mute = await offline.enlist("FULL", "MUTE")
    offline.answers(state(full, 7), two_sided(full, 6))
    await channel.watch([full, mute])
    offline.connection.asked.clear()
    await channel.watch([full, mute])
    assert offline.connection.asked == ["snapshot.XNAS.MUTE"]


async def test_an_answer_that_is_older_than_what_came_meanwhile_is_not_taken(
    offline: Offline, channel: DepthChannel, aapl: Instrument
) -> None:
    await offline.depth(two_sided(aapl, 9))
    offline.answers(state(aapl, 8), two_sided(aapl, 8, bid=1))
    await channel.refresh()
    assert changed(channel) == {aapl.number: (BOTH, 9)}
    offline.answers(state(aapl, 12), two_sided(aapl, 12, bid=2))
    await channel.refresh()
    assert changed(channel) == {aapl.number: (BIDS, 12)}


async def test_newer_is_by_sequence_or_by_time(offline: Offline, channel: DepthChannel, aapl: Instrument) -> None:
    number = int(aapl.number)
    assert not channel.is_newer(number, 0)
    await offline.depth(two_sided(aapl, 5))
    channel.take_changes()
    assert [channel.is_newer(number, seen) for seen in (0, 4, 5, 6)] == [True, True, False, False]
    assert [channel.is_newer(number, iso(at_ns(seen)) or "") for seen in (4, 5, 6)] == [True, False, False]
    with pytest.raises(ValueError, match="YYYY"):
        channel.is_newer(number, "now")
    assert (channel.resume_since(number, 3), channel.snapshot_since(places(number)).tolist()) == (0, [0])


async def test_what_nobody_watches_is_let_go_with_all_that_is_known_of_it(
    offline: Offline, channel: DepthChannel, aapl: Instrument
) -> None:
    await offline.depth(two_sided(aapl, 5))
    channel.unwatch([int(aapl.number)])
    channel.sweep(1e18)
    assert offline.connection.subscribed == set()
    assert changed(channel) == {}
    assert channel.positions(places(aapl.number)).tolist() == [0]
    await channel.watch([aapl])
    assert entry(channel, aapl)["bids"] == []


async def test_a_payload_that_is_no_book_is_left_out(offline: Offline, channel: DepthChannel, aapl: Instrument) -> None:
    await offline.depth(two_sided(aapl, 5)[:LEVELS])
    assert changed(channel) == {}
