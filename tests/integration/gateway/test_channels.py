"""What comes on each channel from a real feed, held against what the feed itself says; and how often it comes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import msgspec
import nats
import numpy as np
from nats.aio.msg import Msg

from gateway.live.messages import Print
from market import rows
from market.codes import Kind
from market.state import EPOCH_SHIFT
from market.symbols import SymbolKey
from tests.integration.gateway.live_client import ALL_FIELDS, LiveClient, Message, live
from tests.integration.gateway.many_clients import listed_names
from tests.integration.gateway.running import SOON_S, Gateway, Market, until
from tests.integration.gateway.tiny_prints import tiny_prints
from tests.integration.gateway.tiny_venue import TinyVenue

HOT = ("SPY", "QQQ", "NVDA", "TSLA", "AAPL", "AMZN", "MSFT", "META")
HELD_PRINTS = 256
INTERVAL_S = 0.05
US_NS = 1000


def entries(client: LiveClient, channel: str, *kinds: str) -> list[Message]:
    """List what came on a channel, in order; in messages of those types, or any."""
    messages = [each for each in client.passed if not kinds or each["type"] in kinds]
    return [entry for message in messages for entry in message.get(channel, ())]


def books(client: LiveClient) -> dict[str, Message]:
    """Merge all that came on `depth`, as a client does; fail where a sequence does not rise."""
    held: dict[str, Message] = {}
    for entry in entries(client, "depth"):
        before = held.get(entry["s"], {"q": -1})
        assert entry["q"] > before["q"]
        held[entry["s"]] = before | entry
    return held


def printed(client: LiveClient, name: str) -> list[Message]:
    """List the prints of a symbol that came, in order."""
    return [each for entry in entries(client, "trades") if entry["s"] == name for each in entry["trades"]]


async def test_books_merge_to_what_the_feed_says(market: Market, gateway: Gateway) -> None:
    names = (await listed_names(market))[150:153]  # quiet ones: what is asked of the feed stays true a while
    async with live(gateway) as text, live(gateway, packed=True) as packed, gateway.http() as http:
        for client in (text, packed):
            await client.subscribe(*names, channel="depth")
            assert all(each.keys() == {"s", "q", "t", "r", "bids", "asks"} for each in books(client).values())
        for name in names:

            async def agrees(name: str = name) -> bool:
                depth = (await http.get(f"/quotes/{name}")).json()["depth"]
                for client in (text, packed):
                    await client.answers_ping()
                shown = [books(client)[name] for client in (text, packed)]
                return bool(depth["bids"]) and all(
                    [each["bids"], each["asks"]] == list(depth.values()) for each in shown
                )

            await until(agrees, f"both clients and the feed agree on the book of {name}")
        moved = books(text)
        for client in (text, packed):
            while any(books(client)[name]["q"] == moved[name]["q"] for name in names):
                await client.read()
            updates = entries(client, "depth", "update")
            assert all({"s", "q", "t", "r"} < each.keys() for each in updates)  # never without a side


@contextlib.asynccontextmanager
async def trade_subject(market: Market) -> AsyncIterator[dict[str, list[Message]]]:
    """Collect what is published on `trade.>`, by symbol, as the stream would show it."""
    shown: dict[str, list[Message]] = {}

    async def take(message: Msg) -> None:
        prints = shown.setdefault(str(SymbolKey.from_token(message.subject.removeprefix("trade."))), [])
        prints += [as_print(event) for event in rows.read_events(message.data)]

    client = await nats.connect(market.nats.url)
    try:
        await client.subscribe("trade.>", cb=take)
        await client.flush()
        yield shown
    finally:
        await client.close()


def as_print(event: np.void) -> Message:
    """Show one TRADE or CORRECTION row."""
    kind = Kind(int(event["kind"]))
    row = event.view(rows.EVENT_TYPES[kind].dtype)
    made = Print(
        q=int(row["sequence"]),
        t=int(row["ts_event"]) // US_NS,
        r=int(row["ts_recv"]) // US_NS,
        p=float(row["price"]),
        z=float(row["size"]),
        i=str(int(row["trade_id"])),
        k=int(row["conditions"]) if kind == Kind.TRADE else 0,
        f=int(row["flags"]),
        x=int(row["ts_trade"]) // US_NS if kind == Kind.CORRECTION else msgspec.UNSET,
    )
    shown: Message = msgspec.to_builtins(made)
    return shown


async def test_every_print_comes_once_and_in_order(market: Market, gateway: Gateway) -> None:
    async with (
        trade_subject(market) as published,
        live(gateway) as text,
        live(gateway, packed=True) as packed,
    ):
        for client in (text, packed):
            names = await client.subscribe(*HOT, channel="trades")
            while sum(len(each["trades"]) for each in entries(client, "trades", "update")) < 150:
                await client.read()
        for name in names:
            for client in (text, packed):
                received = printed(client, name)
                last = received[-1]["q"]

                async def is_published(name: str = name, last: int = last) -> bool:
                    return bool(published[name][-1]["q"] >= last)

                await until(is_published, "the subject is as far as the stream")
                first = max(received[0]["q"], published[name][0]["q"])
                expected = [each for each in published[name] if first <= each["q"] <= last]
                assert [each for each in received if each["q"] >= first] == expected
                assert not any("missed" in each for each in entries(client, "trades"))
                assert all(entry["q"] == entry["trades"][-1]["q"] for entry in entries(client, "trades", "update"))


async def test_who_gets_more_prints_at_once_than_are_held_is_told_how_many_it_missed(
    market: Market, gateway: Gateway, venue: TinyVenue
) -> None:
    (name,) = await venue.enlist("FLOOD", known_to=gateway)
    venue.hold("FLOOD", 1)
    count = HELD_PRINTS + 44
    async with tiny_prints(market, venue) as prints, live(gateway) as client, live(gateway) as fast:
        await client.subscribe(name, channel="trades", rate=1)
        await fast.subscribe(name, channel="trades")
        await prints.publish("FLOOD", 2)
        await client.until("update")
        await prints.publish("FLOOD", *range(3, 3 + count))  # while the first client's second is not over
        (entry,) = (await client.until("update"))["trades"]
        assert entry["missed"] == 44
        assert [each["p"] for each in entry["trades"]] == list(range(3 + 44, 3 + count))
        await prints.publish("FLOOD", 3 + count)
        (entry,) = (await client.until("update"))["trades"]
        assert ([each["p"] for each in entry["trades"]], "missed" in entry) == ([3 + count], False)


async def comes_every(
    interval_s: float, client: LiveClient, count: int, where: Callable[[Message], object] = lambda _: True
) -> None:
    """Show that updates never come closer than that, and hardly farther as soon as the machine has time for them."""
    async with asyncio.timeout(SOON_S):
        while (took_s := await timed_frames(client, count, where)) >= 2 * count * interval_s:
            client.passed.clear()
    assert took_s > count * interval_s - INTERVAL_S


async def timed_frames(client: LiveClient, count: int, where: Callable[[Message], object] = lambda _: True) -> float:
    """Give the seconds from one update to the `count`-th after it."""
    await client.until("update", where)
    began_s = time.monotonic()
    for _ in range(count):
        await client.until("update", where)
    return time.monotonic() - began_s


async def test_a_connection_gets_frames_at_its_rate_and_is_told_which(market: Market, gateway: Gateway) -> None:
    names = (await listed_names(market))[:100]  # there is always one of them that changed
    async with live(gateway) as client, live(gateway, packed=True) as slower:
        assert client.of("welcome")[0]["rate"] == 20.0
        for each in (client, slower):
            await each.subscribe(*names)
            assert each.of("subscribed")[0]["rate"] == 20.0
        for asked, told in ((15, 14.286), (100, 20.0), (0.1, 0.1), (4, 4.0)):
            await slower.send("rate", rate=asked)
            assert (await slower.until("rate"))["rate"] == told
        await asyncio.gather(comes_every(INTERVAL_S, client, 40), comes_every(0.25, slower, 8))
        await slower.subscribe("SPY", rate=10)
        assert slower.of("subscribed")[-1]["rate"] == 4.0  # no more than its connection


async def test_some_symbols_come_at_a_rate_of_their_own(gateway: Gateway) -> None:
    def has_slow(message: Message) -> bool:
        return any(entry["s"] == slow[0] for entry in message["quote"])

    async with live(gateway) as client:
        fast = await client.subscribe(*HOT[:4])
        slow = await client.subscribe("AAPL", "AMZN", rate=2.5)
        assert [each["rate"] for each in client.of("subscribed")] == [20.0, 2.5]
        await client.until("update", has_slow)
        client.passed.clear()
        await comes_every(0.4, client, 5, has_slow)
        updates = entries(client, "quote", "update")
        by_name = {name: sum(entry["s"] == name for entry in updates) for name in (*fast, *slow)}
        assert by_name[slow[0]] == 6  # one, and five after it
        assert by_name[slow[1]] <= 7
        assert min(by_name[name] for name in fast) > 10
        await client.subscribe("AAPL", "AMZN", rate=20)  # again, and as often as the others
        assert client.of("subscribed")[-1]["rate"] == 20.0
        assert await timed_frames(client, 5, has_slow) < 5 * 0.4


async def until_last(client: LiveClient, name: str, last: float) -> None:
    """Read on until that last price is held."""
    await client.until_held(lambda held: held[name]["l"] == last)


async def test_a_snapshot_on_demand_comes_once(market: Market, gateway: Gateway, venue: TinyVenue) -> None:
    names = await venue.enlist("ASKED", "OTHER", known_to=gateway)
    for symbol in ("ASKED", "OTHER"):
        await venue.publish(symbol, 1, last=1)
    async with live(gateway) as client, live(gateway) as watcher, tiny_prints(market, venue) as prints:
        await watcher.subscribe("ASKED")
        await watcher.subscribe("ASKED", channel="trades")
        await prints.publish("ASKED", 2)
        await watcher.until("update", lambda message: "trades" in message)
        for count in (3, 4):
            for symbol in ("ASKED", "OTHER"):
                await venue.publish(symbol, count, last=count)
            await until_last(watcher, names[0], count)
            await client.send("snapshot", symbols=names)
            shown = (await client.until("snapshot"))["quote"]
            assert [each["s"] for each in shown] == names
            assert all(each.keys() == ALL_FIELDS for each in shown)
            assert shown[0]["l"] == count
        await client.send("snapshot", symbols=names[:1], channel="trades")
        (entry,) = (await client.until("snapshot"))["trades"]
        assert [each["q"] for each in entry["trades"]] == [(1 << EPOCH_SHIFT) + 2]
        await client.send("snapshot", symbols=["SPY"], channel="depth")
        (entry,) = (await client.until("snapshot"))["depth"]
        assert len(entry["bids"]) == len(entry["asks"]) == 10
        await client.answers_ping()
        assert not client.of("update")
        assert not client.of("subscribed")


async def test_a_snapshot_of_what_is_watched_is_followed_by_updates_as_before(
    gateway: Gateway, venue: TinyVenue
) -> None:
    (name,) = await venue.enlist("BOTH", known_to=gateway)
    await venue.publish("BOTH", 1, last=1)
    async with live(gateway) as client:
        await client.subscribe(name)
        await venue.publish("BOTH", 2, last=2, bid=1.5)
        await client.until("update")
        await client.send("snapshot", symbols=[name])
        (entry,) = (await client.until("snapshot"))["quote"]
        assert (entry["l"], entry["b"]) == (2, 1.5)
        await venue.publish("BOTH", 3, last=3, bid=1.5)
        (entry,) = (await client.until("update"))["quote"]
        assert entry.keys() == {"s", "q", "t", "r", "l"}
