"""A client comes back, to the same gateway or to another: it gets what it missed, is told what is lost, and sees
nothing older than what it had.

`LiveClient` itself fails on any sequence that does not rise, also over its connections where `highest` is handed on.
"""

from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio

from market.state import EPOCH_SHIFT
from tests.integration.gateway.live_client import ALL_FIELDS, LiveClient, Message, live
from tests.integration.gateway.running import Gateway, Market, until
from tests.integration.gateway.tiny_prints import TinyPrints, tiny_prints
from tests.integration.gateway.tiny_venue import TinyVenue

HELD_PRINTS = 256
SNAPSHOT_PRINTS = 50

both_encodings = pytest.mark.parametrize("packed", [False, True], ids=["json", "msgpack"])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def other(market: Market) -> AsyncIterator[Gateway]:
    """Run another gateway, which knows only what it is told itself."""
    async with market.another_gateway(cache_url="", linger_s=0) as gateway:
        yield gateway


@pytest_asyncio.fixture
async def prints(market: Market, venue: TinyVenue) -> AsyncIterator[TinyPrints]:
    async with tiny_prints(market, venue) as made:
        yield made


def print_counts(client: LiveClient, name: str) -> list[int]:
    """List the prints of a symbol that came, by their event's count, which is their price here."""
    entries = [entry for message in client.passed for entry in message.get("trades", ()) if entry["s"] == name]
    return [int(each["p"]) for entry in entries for each in entry["trades"]]


async def until_printed(client: LiveClient, name: str, count: int) -> None:
    """Read on until that print came."""
    while count not in print_counts(client, name):
        await client.read()


@both_encodings
async def test_what_is_unchanged_gets_no_snapshot_whether_by_sequence_or_by_time(
    gateway: Gateway, venue: TinyVenue, packed: bool
) -> None:
    symbols = ["STILLQ", "STILLT", "MOVEDQ", "MOVEDT"]
    names = await venue.enlist(*symbols, known_to=gateway)
    for symbol in symbols:
        await venue.publish(symbol, 1, last=1)
    async with live(gateway, packed=packed) as client:
        await client.subscribe(*names)
        highest = client.highest
        async with gateway.http() as http:
            times = {name: (await http.get(f"/quotes/{name}")).json()["ts_event"] for name in names}
        epoch = client.of("welcome")[0]["epoch"]
    for symbol in symbols[2:]:
        await venue.publish(symbol, 2, last=2)
    seen = {name: highest[name] if name.endswith("Q") else times[name] for name in names}
    async with live(gateway, packed=packed) as client:
        client.highest |= highest
        assert await client.resume(seen, epoch=epoch, rate=10) == {
            "type": "resumed",
            "channel": "quote",
            "epoch": epoch,
            "covered": True,
            "changed": names[2:],
            "unchanged": names[:2],
            "lost": [],
            "rate": 10.0,
        }
        assert [entry["s"] for each in client.of("snapshot") for entry in each["quote"]] == names[2:]
        for symbol in symbols:  # all are watched again; the client has the rest of what did not change
            await venue.publish(symbol, 3, last=3)
        await client.until_held(lambda held: all(held[name].get("l") == 3 for name in names))
        updates = [entry for each in client.of("update") for entry in each["quote"]]
        assert all(entry.keys() == {"s", "q", "t", "r", "l"} for entry in updates)


async def test_sequences_of_another_epoch_are_void_and_everything_is_sent(gateway: Gateway, venue: TinyVenue) -> None:
    names = await venue.enlist("EPOCH", known_to=gateway)
    await venue.publish("EPOCH", 5, last=5)
    async with live(gateway) as client:
        resumed = await client.resume({names[0]: 1 << 60}, epoch="another")
        assert (resumed["covered"], resumed["lost"]) == (False, names)
        assert (resumed["changed"], resumed["unchanged"]) == ([], [])
        assert resumed["epoch"] == client.of("welcome")[0]["epoch"] != "another"
        assert client.held[names[0]]["l"] == 5
        await venue.publish("EPOCH", 6, last=6)  # far below what the other epoch had
        await client.until_held(lambda held: held[names[0]]["l"] == 6)


async def test_of_what_nobody_knows_it_cannot_be_said_what_was_missed(gateway: Gateway, venue: TinyVenue) -> None:
    names = await venue.enlist("UNKNOWN", known_to=gateway)
    async with live(gateway) as client:
        resumed = await client.resume({names[0]: "2026-03-29T14:30:05Z"})
        assert (resumed["covered"], resumed["lost"]) == (False, names)
        assert client.held[names[0]]["q"] == 0
        await venue.publish("UNKNOWN", 1, last=1)
        await client.until_held(lambda held: held[names[0]]["l"] == 1)


@both_encodings
async def test_a_gateway_that_is_behind_sends_nothing_until_it_is_ahead(
    gateway: Gateway, other: Gateway, venue: TinyVenue, packed: bool
) -> None:
    (name,) = await venue.enlist("AHEAD", known_to=other)
    await venue.publish("AHEAD", 9, last=9, bid=8.5)
    async with live(gateway, packed=packed) as client:
        await client.subscribe(name)
        highest = client.highest
    venue.hold("AHEAD", 5, last=5, bid=4.5)  # what the other gateway is told when it asks
    async with live(other, packed=packed) as client, live(other) as beside:
        client.highest |= highest
        await beside.subscribe(name)
        assert beside.held[name]["l"] == 5
        resumed = await client.resume({name: highest[name]})
        assert (resumed["covered"], resumed["unchanged"]) == (True, [name])
        for count in (7, 9):
            await venue.publish_as("AHEAD", venue.state("AHEAD", count, last=count))
            await beside.until_held(partial(all_beyond, {name: (1 << EPOCH_SHIFT) + count - 1}))
            await client.answers_ping()
        assert not client.of("update")
        await venue.publish_as("AHEAD", venue.state("AHEAD", 10, last=10, bid=8.5))
        await client.until_held(lambda held: held[name].get("l") == 10)
        assert client.of("update")[0]["quote"][0].keys() == ALL_FIELDS  # deltas against 5 would mean nothing to it


async def test_between_two_gateways_a_busy_market_goes_only_forward(gateway: Gateway, other: Gateway) -> None:
    symbols = ("SPY", "QQQ", "NVDA", "TSLA", "AAPL")
    highest: dict[str, int] = {}
    for turn in range(12):
        async with live((gateway, other)[turn % 2], packed=turn % 3 == 0) as client:
            client.highest |= highest
            if turn:
                assert (await client.resume({**highest}))["covered"]
            else:
                highest = dict.fromkeys(await client.subscribe(*symbols), 0)
            await client.until_held(partial(all_beyond, highest))
            highest = client.highest


def all_beyond(sequences: dict[str, int], held: dict[str, Message]) -> bool:
    return all(held.get(name, {}).get("q", 0) > sequence for name, sequence in sequences.items())


async def test_prints_since_are_sent_where_the_gateway_has_them_all(
    gateway: Gateway, venue: TinyVenue, prints: TinyPrints
) -> None:
    (name,) = await venue.enlist("PRINTS", known_to=gateway)
    venue.hold("PRINTS", 1)
    async with live(gateway) as keeper:  # while it watches, the gateway keeps the prints
        await keeper.subscribe(name, channel="trades")
        async with live(gateway) as client:
            await client.subscribe(name, channel="trades")
            await prints.publish("PRINTS", 2, 3)
            await until_printed(client, name, 3)
        await prints.publish("PRINTS", 4)
        await prints.publish("PRINTS", 5, 7)
        await until_printed(keeper, name, 7)
        async with live(gateway) as client:
            resumed = await client.resume({name: prints.sequence(3)}, channel="trades")
            assert (resumed["covered"], resumed["changed"]) == (True, [name])
            assert print_counts(client, name) == [4, 5, 7]
            await prints.publish("PRINTS", 8)
            await until_printed(client, name, 8)
            assert print_counts(client, name) == [4, 5, 7, 8]
        async with live(gateway) as client:
            resumed = await client.resume({name: prints.sequence(8)}, channel="trades")
            assert (resumed["covered"], resumed["unchanged"]) == (True, [name])
            assert print_counts(client, name) == []


async def test_a_symbol_without_a_print_is_resumed_from_what_its_entry_said(
    gateway: Gateway, venue: TinyVenue, prints: TinyPrints
) -> None:
    (name,) = await venue.enlist("SILENT", known_to=gateway)
    venue.hold("SILENT", 4)
    async with live(gateway) as keeper:
        await keeper.subscribe(name, channel="trades")
        (entry,) = keeper.of("snapshot")[0]["trades"]
        assert entry == {"s": name, "q": prints.sequence(4), "trades": []}
        await prints.publish("SILENT", 5)
        await until_printed(keeper, name, 5)
        async with live(gateway) as client:
            resumed = await client.resume({name: entry["q"]}, channel="trades")
            assert (resumed["covered"], resumed["changed"]) == (True, [name])
            assert print_counts(client, name) == [5]


async def test_prints_that_the_gateway_never_had_are_said_to_be_lost(
    gateway: Gateway, other: Gateway, venue: TinyVenue, prints: TinyPrints
) -> None:
    (name,) = await venue.enlist("LOSTP", known_to=other)
    venue.hold("LOSTP", 1)
    async with live(gateway) as client:
        await client.subscribe(name, channel="trades")
        await prints.publish("LOSTP", 2)
        await until_printed(client, name, 2)
    await prints.publish("LOSTP", 3)
    async with live(other) as client:  # which hears of the symbol only now
        resumed = await client.resume({name: prints.sequence(2)}, channel="trades")
        assert (resumed["covered"], resumed["lost"], resumed["changed"]) == (False, [name], [])
        assert print_counts(client, name) == []
        await prints.publish("LOSTP", 4)
        await until_printed(client, name, 4)
    async with live(gateway) as client:
        resumed = await client.resume({name: "2020-01-01T00:00:00Z"}, channel="trades")
        assert (resumed["covered"], resumed["lost"]) == (False, [name])


async def test_where_the_feed_does_not_answer_nothing_is_said_to_be_covered(
    other: Gateway, venue: TinyVenue, prints: TinyPrints
) -> None:
    (name,) = await venue.enlist("MUTEP", known_to=other)
    venue.answers = False
    async with live(other) as client:
        resumed = await client.resume({name: prints.sequence(2)}, channel="trades")
        assert (resumed["covered"], resumed["lost"]) == (False, [name])


async def test_who_is_further_behind_than_the_log_reaches_gets_what_it_has_as_lost(
    gateway: Gateway, venue: TinyVenue, prints: TinyPrints
) -> None:
    (name,) = await venue.enlist("LONGP", known_to=gateway)
    venue.hold("LONGP", 1)
    last = 2 * HELD_PRINTS
    async with live(gateway) as keeper:
        await keeper.subscribe(name, channel="trades")
        for count in range(2, last + 1):
            await prints.publish("LONGP", count)
            if count % SNAPSHOT_PRINTS == 0:
                await until_printed(keeper, name, count)
        await until_printed(keeper, name, last)
        assert print_counts(keeper, name) == list(range(2, last + 1))
        async with live(gateway) as client:
            resumed = await client.resume({name: prints.sequence(2)}, channel="trades")
            assert (resumed["covered"], resumed["lost"]) == (False, [name])
            assert print_counts(client, name) == list(range(last - HELD_PRINTS + 1, last + 1))
        async with live(gateway) as newcomer:
            await newcomer.subscribe(name, channel="trades")
            assert print_counts(newcomer, name) == list(range(last - SNAPSHOT_PRINTS + 1, last + 1))


async def test_prints_that_another_gateway_sent_already_are_not_sent_again(
    other: Gateway, venue: TinyVenue, prints: TinyPrints
) -> None:
    """The client was told of prints 3 and 4 a moment before this gateway hears of them."""
    (name,) = await venue.enlist("TWICEP", known_to=other)
    venue.hold("TWICEP", 1)
    async with live(other) as keeper, live(other) as client:
        await keeper.subscribe(name, channel="trades")
        await prints.publish("TWICEP", 2)
        await until_printed(keeper, name, 2)
        async with prints.published_when_asked("TWICEP", 3, 4):
            resumed = await client.resume({name: prints.sequence(4)}, channel="trades")
        assert (resumed["covered"], resumed["unchanged"]) == (True, [name])
        await prints.publish("TWICEP", 5)
        await until_printed(client, name, 5)
        assert print_counts(client, name) == [5]
        await until_printed(keeper, name, 5)
        assert print_counts(keeper, name) == [2, 3, 4, 5]


async def test_a_resumed_symbol_that_was_let_go_begins_with_what_the_feed_knows(
    market: Market, gateway: Gateway, venue: TinyVenue
) -> None:
    (name,) = await venue.enlist("LETGO", known_to=gateway)
    await venue.publish("LETGO", 1, last=1)
    async with live(gateway) as client:
        await client.subscribe(name)
        seen = client.highest

    async def is_let_go() -> bool:
        return f"quote.{venue.code}.LETGO" not in await market.gateway_subjects()

    await until(is_let_go, "it is let go")
    venue.hold("LETGO", 3, last=3)
    async with live(gateway) as client:
        client.highest |= seen
        resumed = await client.resume({**seen})
        assert (resumed["covered"], resumed["changed"]) == (True, [name])
        await client.until_held(lambda held: held[name]["l"] == 3)
