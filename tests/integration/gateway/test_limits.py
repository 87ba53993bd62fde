"""Bounds: symbols per connection and per gateway, and clients that do not read."""

import asyncio
import socket
from pathlib import Path

from tests.integration.gateway.live_client import LiveClient, live
from tests.integration.gateway.running import Gateway, Market, until
from tests.integration.gateway.tiny_venue import TinyVenue

MIB = 1 << 20


async def test_a_connection_watches_as_many_symbols_as_it_may_and_no_more(market: Market) -> None:
    async with (
        market.another_gateway(symbols_per_connection=3) as gateway,
        live(gateway) as client,
        live(gateway) as other,
    ):
        await client.send("subscribe", symbols=["AAPL", "MSFT", "SPY", "QQQ", "NVDA", "AAPL"])
        refused = [await client.until("error") for _ in range(2)]
        assert [(each["code"], each["symbol"]) for each in refused] == [
            ("symbol_limit", "XNAS:QQQ"),
            ("symbol_limit", "XNAS:NVDA"),
        ]
        assert "3" in refused[0]["message"]
        assert (await client.until("subscribed"))["symbols"] == ["XNAS:AAPL", "XNAS:MSFT", "ARCX:SPY"]
        assert await client.subscribe("AAPL", "SPY") == ["XNAS:AAPL", "ARCX:SPY"]  # what it has it may ask for
        await client.send("reconnect", last_seen={"QQQ": "2020-01-01T00:00:00Z"})
        assert (await client.error())[0] == "symbol_limit"
        assert (await client.until("resumed"))["changed"] == []
        await client.unsubscribe("SPY")
        assert await client.subscribe("QQQ") == ["XNAS:QQQ"]
        assert await other.subscribe("NVDA", "TSLA", "AMZN") == ["XNAS:NVDA", "XNAS:TSLA", "XNAS:AMZN"]


async def test_a_gateway_that_is_full_says_so_and_has_room_again(market: Market, venue: TinyVenue) -> None:
    """More subscriptions than an account may have would cost the gateway its whole connection."""
    async with market.another_gateway(max_bulk_subscriptions=3, linger_s=0, cache_url="") as gateway:
        names = await venue.enlist("A", "B", "C", "D", known_to=gateway)
        for symbol in "ABCD":
            await venue.publish(symbol, 1)
        async with live(gateway) as first, live(gateway) as second:
            await first.subscribe(*names[:2])
            await second.send("subscribe", symbols=names[1:])
            full = [await second.until("error") for _ in range(2)]
            assert {each["code"] for each in full} == {"gateway_full"}
            await second.answers_ping()
            assert await second.subscribe(names[1]) == [names[1]]  # what is watched already costs nothing
            await first.unsubscribe(names[0], names[1])

            async def has_room() -> bool:
                return await gateway.figure("subscriptions") == 1

            await until(has_room, "the subscriptions nobody needs are gone")
            assert sorted(await second.subscribe(*names[2:])) == names[2:]
            await venue.publish("D", 2, last=2)
            await second.until_held(lambda held: held[names[3]]["l"] == 2)


async def test_a_client_that_stops_reading_costs_the_others_nothing_and_little_memory(
    market: Market, gateway: Gateway
) -> None:
    async with gateway.http() as http:
        found = await asyncio.gather(
            *(http.get("/symbols", params={"query": first, "limit": 100}) for first in "abcdefghimnpst")
        )
    names = sorted(
        {each["symbol"] for answer in found for each in answer.json()["symbols"] if each["venue"][:2] != "XT"}
    )
    async with live(gateway) as reader, live(gateway, max_queue=1, **small_buffers(gateway)) as stalled:
        await reader.subscribe(*names)
        await stalled.subscribe(*names)
        memory_before = memory_bytes(gateway)
        # From here on `stalled` reads nothing, and asks for more than fits into anybody's buffers.
        for _ in range(60):
            await stalled.send("subscribe", symbols=names)
        for _ in range(40):
            await reader.until("update", within_s=5)
        assert memory_bytes(gateway) - memory_before < 16 * MIB
        seen_by_reader = dict(reader.highest)

        # It reads again: all it asked for is there, in order, and no backlog of every change it slept through.
        await stalled.answers_ping()
        assert len(stalled.entries("snapshot")) == 61 * len(names)
        await stalled.until_held(lambda held: all(held[name]["q"] >= seen_by_reader[name] for name in names))
        received, changed = (len(client.entries("update")) for client in (stalled, reader))
        assert received < changed
        await is_alive(reader, stalled)


async def test_a_client_that_never_reads_at_all_does_not_hold_up_an_announcement(
    market: Market, venue: TinyVenue
) -> None:
    async with (
        market.another_gateway(heartbeat_s=0.01, cache_url="") as gateway,
        live(gateway, max_queue=1, **small_buffers(gateway)) as stalled,
        live(gateway) as reader,
    ):
        for _ in range(100):
            await reader.until("heartbeat", within_s=5)
        stalled.socket.transport.abort()


async def is_alive(*clients: LiveClient) -> None:
    for client in clients:
        await client.answers_ping()


def small_buffers(gateway: Gateway) -> dict[str, socket.socket]:
    """Connect with the smallest receive buffer, so that the gateway soon feels that nobody reads."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.connect(("127.0.0.1", gateway.port))
    plain.setblocking(False)
    return {"sock": plain}


def memory_bytes(gateway: Gateway) -> int:
    """Read what the gateway's process keeps in memory."""
    pages = int(Path(f"/proc/{gateway.pid}/statm").read_text().split()[1])
    return pages * 4096
