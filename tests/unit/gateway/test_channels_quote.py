import json

import msgpack
import numpy as np
import pytest

from gateway.images import iso
from gateway.live.channels.quote import FIELDS, QuoteChannel
from gateway.live.wire import JSON, MSGPACK, Wire
from market.row_type import Rows
from mesh.bulk_client import TooManySubscriptionsError
from tests.unit.gateway.offline import NOON_NS, NOON_US, SECOND_NS, Offline, state
from tests.unit.gateway.tiny_market import longs, masks, places

ALL_NAMES = {"s", "q", "t", "r", *FIELDS}
BITS = {name: 1 << place for place, name in enumerate(FIELDS)}


@pytest.fixture
def offline() -> Offline:
    return Offline()


@pytest.fixture
def channel(offline: Offline) -> QuoteChannel:
    return QuoteChannel(offline.upstream, offline.changed)


async def watching(offline: Offline, channel: QuoteChannel, *symbols: str) -> list[int]:
    instruments = await offline.enlist(*symbols)
    await channel.watch(instruments)
    return [int(each.number) for each in instruments]


def entry(channel: QuoteChannel, number: int, mask: int = -1, wire: Wire = JSON) -> dict[str, object]:
    mask = channel.full_mask if mask < 0 else mask
    (data,) = channel.entries(wire, places(number), masks(mask), longs(0)).split()
    found: dict[str, object] = json.loads(data) if wire.is_text else msgpack.unpackb(data)
    return found


def changed(channel: QuoteChannel) -> dict[int, tuple[set[str], int]]:
    """Take the changes: names of fields and position, by number."""
    change = channel.take_changes()
    if change is None:
        return {}
    return {
        number: ({name for name in FIELDS if mask & BITS[name]}, position)
        for number, mask, position in zip(
            change.numbers.tolist(), change.masks.tolist(), change.positions.tolist(), strict=True
        )
    }


def named(offline: Offline, symbol: str, sequence: int, **fields: float) -> Rows:
    (instrument,) = offline.directory.with_symbol(symbol)
    return state(instrument, sequence, **fields)


async def test_what_changed_is_told_by_field(offline: Offline, channel: QuoteChannel) -> None:
    (number,) = await watching(offline, channel, "AAPL")
    assert channel.take_changes() is None
    await offline.quote(named(offline, "AAPL", 1, bid=10.0, bid_size=5))
    assert changed(channel) == {number: ({"b", "bz"}, 1)}
    assert channel.take_changes() is None
    await offline.quote(named(offline, "AAPL", 2, bid=10.0, bid_size=6, flags=2))
    assert changed(channel) == {number: ({"bz", "f"}, 2)}
    await offline.quote(named(offline, "AAPL", 3, bid=np.nan, bid_size=6, flags=0, last=-0.0))
    assert changed(channel) == {number: ({"b", "f", "l"}, 3)}
    assert offline.changes == 3


@pytest.mark.parametrize("name", FIELDS)
async def test_every_field_is_told(offline: Offline, channel: QuoteChannel, name: str) -> None:
    (number,) = await watching(offline, channel, "AAPL")
    await offline.quote(named(offline, "AAPL", 1, **{FIELDS[name]: 3}))
    assert changed(channel) == {number: ({name}, 1)}
    assert entry(channel, number, BITS[name]) == {
        "s": "XNAS:AAPL", "q": 1, "t": NOON_US + 1_000_000, "r": NOON_US + 1_000_000, name: 3,
    }  # fmt: skip


async def test_of_several_states_between_two_looks_only_the_difference_is_told(
    offline: Offline, channel: QuoteChannel
) -> None:
    (number,) = await watching(offline, channel, "AAPL")
    await offline.quote(named(offline, "AAPL", 1, bid=10.0, ask=11.0))
    channel.take_changes()
    for sequence in range(2, 6):
        await offline.quote(named(offline, "AAPL", sequence, bid=10.0 + sequence % 2, ask=12.0))
    await offline.quote(named(offline, "AAPL", 6, bid=10.0, ask=12.0))
    assert changed(channel) == {number: ({"a"}, 6)}


async def test_a_state_that_differs_in_nothing_told_is_no_change(offline: Offline, channel: QuoteChannel) -> None:
    (number,) = await watching(offline, channel, "AAPL")
    await offline.quote(named(offline, "AAPL", 1, bid=10.0))
    channel.take_changes()
    await offline.quote(named(offline, "AAPL", 2, bid=10.0))
    assert changed(channel) == {}
    assert channel.positions(places(number)).tolist() == [2], "it is shown all the same"


@pytest.mark.parametrize("wire", [JSON, MSGPACK], ids=["json", "msgpack"])
async def test_a_whole_entry_has_every_field_and_unknown_prices_are_null(
    offline: Offline, channel: QuoteChannel, wire: Wire
) -> None:
    (number,) = await watching(offline, channel, "日経")
    times = {"ts_event": NOON_NS + 999, "ts_recv": NOON_NS + 1999}
    await offline.quote(named(offline, "日経", 2**52, bid=0.1 + 0.2, volume=2**40, flags=3, **times))
    channel.take_changes()
    assert entry(channel, number, wire=wire) == {
        "s": "XNAS:日経", "q": 2**52, "t": NOON_US, "r": NOON_US + 1, "b": 0.1 + 0.2, "bz": 0, "a": None, "az": 0,
        "l": None, "lz": 0, "o": None, "hi": None, "lo": None, "v": 2**40, "pc": None, "f": 3,
    }  # fmt: skip


async def test_what_nothing_is_known_of_has_an_empty_entry(offline: Offline, channel: QuoteChannel) -> None:
    (number,) = await watching(offline, channel, "MUTE")
    unknown = entry(channel, number)
    assert unknown.keys() == ALL_NAMES
    assert (unknown["q"], unknown["t"], unknown["r"]) == (0, 0, 0)
    assert [unknown[name] for name in ("b", "a", "l", "o", "hi", "lo", "pc")] == [None] * 7
    assert channel.positions(places(number)).tolist() == [0]
    assert not channel.is_covered(number, 0)


async def test_entries_come_in_the_order_asked_for_each_with_its_own_fields(
    offline: Offline, channel: QuoteChannel
) -> None:
    numbers = await watching(offline, channel, *"ABCDE")
    await offline.quote(*(named(offline, symbol, 7, bid=at, last=at) for at, symbol in enumerate("ABCDE")))
    channel.take_changes()
    wanted = places(*numbers[::-1], numbers[0])
    made = channel.entries(JSON, wanted, masks(1, 2, 16, 17, 0, 1), longs(*[0] * 6)).split()
    assert [{name: value for name, value in json.loads(each).items() if name not in "qtr"} for each in made] == [
        {"s": "XNAS:E", "b": 4},
        {"s": "XNAS:D", "bz": 0},
        {"s": "XNAS:C", "l": 2},
        {"s": "XNAS:B", "b": 1, "l": 1},
        {"s": "XNAS:A"},
        {"s": "XNAS:A", "b": 0},
    ]


async def test_entries_show_what_was_taken_and_not_what_came_since(offline: Offline, channel: QuoteChannel) -> None:
    (number,) = await watching(offline, channel, "AAPL")
    await offline.quote(named(offline, "AAPL", 1, bid=1))
    channel.take_changes()
    await offline.quote(named(offline, "AAPL", 2, bid=2))
    assert (entry(channel, number)["q"], entry(channel, number)["b"]) == (1, 1)
    assert not channel.is_newer(number, 1)


async def test_newer_is_by_sequence_or_by_time(offline: Offline, channel: QuoteChannel) -> None:
    (number,) = await watching(offline, channel, "AAPL")
    await offline.quote(named(offline, "AAPL", 5, bid=1))
    channel.take_changes()
    assert [channel.is_newer(number, seen) for seen in (0, 4, 5, 6, 2**62)] == [True, True, False, False, False]
    times = [iso(NOON_NS + seconds * SECOND_NS) or "" for seconds in (4, 5, 6)]
    assert [channel.is_newer(number, seen) for seen in times] == [True, False, False]
    assert channel.is_covered(number, 1)
    with pytest.raises(ValueError, match="YYYY"):
        channel.is_newer(number, "yesterday")
    assert (channel.resume_since(number, 3), channel.snapshot_since(places(number)).tolist()) == (0, [0])


async def test_of_an_instrument_never_seen_nothing_is_newer(offline: Offline, channel: QuoteChannel) -> None:
    """A client comes back to a gateway that has just started."""
    instruments = await offline.enlist(*"ABC")
    assert not channel.is_newer(int(instruments[-1].number), 17)
    assert not channel.is_newer(int(instruments[-1].number), "2026-03-29T14:30:05Z")


async def test_watching_asks_and_what_is_answered_is_the_first_change(offline: Offline, channel: QuoteChannel) -> None:
    one, two = await offline.enlist("ONE", "TWO")
    offline.answers(state(one, 3, last=9))
    await channel.watch([one, two])
    assert offline.connection.subscribed == {"quote.XNAS.ONE", "quote.XNAS.TWO"}
    assert changed(channel) == {one.number: ({"l"}, 3)}
    channel.unwatch([int(one.number), int(two.number)])
    channel.sweep(1e18)
    assert offline.connection.subscribed == set()


async def test_after_an_absence_everything_watched_is_asked_for(offline: Offline, channel: QuoteChannel) -> None:
    one, two = await offline.enlist("ONE", "TWO")
    await channel.watch([one])
    offline.answers(state(one, 30, last=9))
    offline.answers(state(two, 30, last=9))
    await channel.refresh()
    assert changed(channel) == {one.number: ({"l"}, 30)}


async def test_a_gateway_that_is_full_says_so(offline: Offline, channel: QuoteChannel) -> None:
    offline.connection._max_bulk_subscriptions = 1
    instruments = await offline.enlist("ONE", "TWO")
    with pytest.raises(TooManySubscriptionsError):
        await channel.watch(instruments)
    channel.unwatch([int(each.number) for each in instruments])
    await channel.watch(instruments[:1])


@pytest.mark.parametrize("wire", [JSON, MSGPACK], ids=["json", "msgpack"])
async def test_a_time_before_1970_and_a_very_large_number_are_told_as_they_are(
    offline: Offline, channel: QuoteChannel, wire: Wire
) -> None:
    (number,) = await watching(offline, channel, "AAPL")
    row = named(offline, "AAPL", 1, bid=1e300)
    row["ts_event"] = -5_000
    await offline.quote(row)
    channel.take_changes()
    told = entry(channel, number, wire=wire)
    assert (told["t"], told["b"], told["q"]) == (-5, 1e300, 1)
