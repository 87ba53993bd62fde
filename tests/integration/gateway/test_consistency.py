"""Between snapshot and stream nothing is lost and nothing goes back, whatever the feed does meanwhile.

`LiveClient` itself fails on any sequence that does not rise; the tests add what must have arrived in the end.
"""

import asyncio

import nats
import pytest

from market import rows
from market.state import EPOCH_SHIFT
from mesh.quote_cache import QuoteCache
from tests.integration.gateway.live_client import LiveClient, live
from tests.integration.gateway.running import Gateway, Market, until
from tests.integration.gateway.tiny_venue import TinyVenue

FIELDS = {"b": "bid", "bz": "bid_size", "a": "ask", "az": "ask_size", "v": "volume"}
HOT = ("SPY", "QQQ", "NVDA", "TSLA", "AAPL", "AMZN", "MSFT", "META")
FIRST = 1 << EPOCH_SHIFT


async def test_every_cycle_of_subscribing_to_a_hot_feed_goes_only_forward(gateway: Gateway) -> None:
    async def cycle(client: LiveClient, symbols: tuple[str, ...]) -> None:
        for at in range(60):
            names = await client.subscribe(*symbols[at % 3 :])
            if at % 4 == 0:
                await client.until("update")
            await client.unsubscribe(*symbols[at % 3 : at % 5 + 1], names[-1])

    async with live(gateway) as one, live(gateway, packed=True) as two, live(gateway) as three:
        await asyncio.gather(cycle(one, HOT), cycle(two, HOT[::-1]), cycle(three, HOT[:4]))
        assert all(len(client.entries("snapshot")) > 150 for client in (one, two, three))
        assert all(client.of("update") for client in (one, two, three))


async def test_every_change_arrives_whichever_moment_the_client_subscribes_at(
    gateway: Gateway, venue: TinyVenue
) -> None:
    """A feed that publishes without a pause, unconflated, and stops: each round ends with its very last state."""
    (name,) = await venue.enlist("RUSH", known_to=gateway)
    count = 0
    async with live(gateway) as client:
        for at in range(25):

            async def rush(rounds: int = at) -> None:
                nonlocal count
                for _ in range(40 + rounds):
                    count += 1
                    await venue.publish("RUSH", count, last=count)

            rushing = asyncio.create_task(rush())
            await client.subscribe("RUSH")
            await rushing
            await client.until_held(lambda held: held[name]["q"] == FIRST + count and held[name]["l"] == count)
            await client.unsubscribe("RUSH")


async def test_what_a_client_holds_in_the_end_is_what_the_snapshot_service_says(
    market: Market, gateway: Gateway
) -> None:
    asker = await nats.connect(market.nats.url)
    try:
        async with live(gateway) as client:
            (name,) = await client.subscribe("XNYS:BF.A")  # a quiet one: what is asked of the feed stays true a while

            async def agrees() -> bool:
                answer = await asker.request("snapshot.XNYS.BF=2EA", timeout=5)
                row = rows.STATE.read(answer.data[: rows.STATE.width_bytes])[0]
                await client.answers_ping()
                held = client.held[name]
                return all(
                    (
                        held["q"] == int(row["sequence"]),
                        *(held[name] == row[field] for name, field in FIELDS.items()),
                    )
                )

            for _ in range(3):
                await until(agrees, "client and feed agree on BF.A")
    finally:
        await asker.close()


async def test_states_that_come_late_twice_or_for_another_instrument_are_not_passed_on(
    gateway: Gateway, venue: TinyVenue
) -> None:
    name, other = await venue.enlist("ODD", "OTHER", known_to=gateway)
    await venue.publish("ODD", 5, last=5)
    async with live(gateway) as client:
        await client.subscribe(name)
        for late in (5, 4, 1):
            await venue.publish("ODD", late, last=-1)
        strange = venue.state("OTHER", 99, last=-1)
        await venue.publish_as("ODD", strange)
        await venue.publish_as("ODD", strange[:0])
        await venue.publish("ODD", 6, last=6)
        await client.until_held(lambda held: held[name]["l"] == 6)
        assert [update["l"] for update in client.entries("update")] == [6]
        assert other not in client.held


async def test_a_newer_epoch_goes_before_whatever_an_older_feed_still_says(gateway: Gateway, venue: TinyVenue) -> None:
    (name,) = await venue.enlist("TAKEN", known_to=gateway)
    await venue.publish("TAKEN", 1000, last=1)
    async with live(gateway) as client:
        await client.subscribe(name)
        venue.epoch = 2
        await venue.publish("TAKEN", 1, last=2)
        venue.epoch = 1
        await venue.publish("TAKEN", 2000, last=-1)
        venue.epoch = 2
        await venue.publish("TAKEN", 2, last=3)
        await client.until_held(lambda held: held[name]["l"] == 3)
        assert -1 not in [update["l"] for update in client.entries("update")]


async def test_a_symbol_watched_again_much_later_does_not_begin_with_an_old_price(
    market: Market, gateway: Gateway, venue: TinyVenue
) -> None:
    """While nobody watched it the gateway was told nothing; the cache was, and the feed knows better still."""
    (name,) = await venue.enlist("AGAIN", known_to=gateway)
    await venue.publish("AGAIN", 1, last=1)
    async with live(gateway) as client:
        await client.subscribe(name)
        await client.unsubscribe(name)

        async def is_let_go() -> bool:
            return f"quote.{venue.code}.AGAIN" not in await market.gateway_subjects()

        await until(is_let_go, "it is let go")
        cache = QuoteCache(market.cache.url)
        assert await cache.write([venue.instruments["AGAIN"].key], venue.state("AGAIN", 7, last=7))
        await cache.close()
        venue.hold("AGAIN", 9, last=9)
        await client.subscribe(name)
        assert client.entries("snapshot")[-1]["l"] in {7, 9}  # of the cache, or of the feed already
        await client.until_held(lambda held: held[name]["l"] == 9)


async def test_where_the_cache_is_empty_the_snapshot_is_the_feed_s_own(gateway: Gateway, venue: TinyVenue) -> None:
    (name,) = await venue.enlist("COLD", known_to=gateway)
    venue.hold("COLD", 3, last=3)
    async with live(gateway) as client:
        await client.subscribe(name)
        assert (client.held[name]["q"], client.held[name]["l"]) == (FIRST + 3, 3)
        assert venue.asked == 1


async def test_of_an_instrument_nobody_knows_a_price_of_the_snapshot_is_empty_and_updates_follow(
    gateway: Gateway, venue: TinyVenue
) -> None:
    (name,) = await venue.enlist("MUTE2", known_to=gateway)
    async with live(gateway) as client:
        await client.subscribe(name)
        snapshot = client.held[name]
        assert (snapshot["q"], snapshot["t"], snapshot["r"], snapshot["l"]) == (0, 0, 0, None)
        await venue.publish("MUTE2", 1, last=4)
        await client.until_held(lambda held: held[name]["l"] == 4)


@pytest.mark.parametrize("packed", [False, True], ids=["json", "msgpack"])
async def test_a_gateway_that_is_killed_and_started_again_goes_on_where_it_was(market: Market, packed: bool) -> None:
    async with market.another_gateway(cache_url="") as gateway:
        async with live(gateway, packed=packed) as client:
            names = await client.subscribe(*HOT)
            await client.until("update")
            gateway.kill()
            assert await client.closed() == (1006, "")
            seen = {name: client.held[name]["q"] for name in names}
            highest = client.highest
        await gateway.exited()
        await gateway.start()
        async with live(gateway, packed=packed) as client:
            client.highest |= highest
            resumed = await client.resume(seen)
            assert sorted(resumed["changed"] + resumed["unchanged"]) == sorted(names)
            await client.until_held(lambda held: all(held[name]["q"] > highest[name] for name in names[:3]))
