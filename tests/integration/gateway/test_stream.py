"""The live stream's protocol: commands, snapshots, updates and errors, in both encodings."""

import pytest

from market.state import EPOCH_SHIFT
from tests.integration.gateway.live_client import ALL_FIELDS, CHANNELS, live, unproven
from tests.integration.gateway.running import Gateway, Market, token, until
from tests.integration.gateway.tiny_venue import TinyVenue


@pytest.mark.parametrize("packed", [False, True], ids=["json", "msgpack"])
async def test_subscribing_gives_one_snapshot_each_and_then_updates(gateway: Gateway, packed: bool) -> None:
    async with live(gateway, packed=packed) as client:
        welcome = client.passed[0]
        assert set(welcome) == {"type", "protocol", "connection", "epoch", "rate", "channels", "server_timestamp"}
        assert (welcome["protocol"], welcome["rate"], welcome["channels"]) == (2, 20, CHANNELS)
        assert await client.subscribe("AAPL", "XNYS:BRK.B", "SPY", "AAPL") == ["XNAS:AAPL", "XNYS:BRK.B", "ARCX:SPY"]
        await client.until("update")
        snapshots = client.entries("snapshot")
        await client.until_held(lambda held: held["XNAS:AAPL"]["q"] > snapshots[0]["q"])
        assert len(client.entries("snapshot")) == 3
        for snapshot in snapshots:
            assert set(snapshot) == ALL_FIELDS
            assert 0 < snapshot["b"] < snapshot["a"]
            assert snapshot["t"] > 10**15, "microseconds since 1970"
        updates = client.entries("update")
        assert all({"s", "q", "t", "r"} < set(update) <= ALL_FIELDS for update in updates)
        assert min(len(update) for update in updates) < len(ALL_FIELDS), "none tells only what changed"


async def test_both_encodings_carry_the_same_messages(gateway: Gateway, venue: TinyVenue) -> None:
    (name,) = await venue.enlist("日経.B", known_to=gateway)
    await venue.publish("日経.B", 1, bid=0.1 + 0.2, ask=1e9, volume=2**40)
    async with live(gateway) as text, live(gateway, packed=True) as packed:
        for client in (text, packed):
            assert await client.subscribe(name) == [name]
        for count in (2, 3, 4):
            await venue.publish("日経.B", count, bid=count / 3)
            for client in (text, packed):
                await client.until("update")
        await venue.publish("日経.B", 5, last=7.25)
        for client in (text, packed):
            await client.until_held(lambda held: held[name]["l"] == 7.25)
            await client.send("unsubscribe", symbols=["日経.B"])
            await client.until("unsubscribed")
            await client.send("subscribe", symbols=["no such"])
            await client.error()
        timeless = [
            [message for message in client.passed if message["type"] not in {"welcome", "heartbeat"}]
            for client in (text, packed)
        ]
    assert timeless[0] == timeless[1]


async def test_the_encoding_is_the_first_one_offered_and_json_by_default(gateway: Gateway) -> None:
    async with unproven(gateway, "tickmesh.msgpack", "tickmesh.json", f"bearer.{token()}") as client:
        assert client.socket.subprotocol == "tickmesh.msgpack"
        await client.until("welcome")
    for offered in ([f"bearer.{token()}"], ["graphql-ws", f"bearer.{token()}"]):
        async with unproven(gateway, *offered) as client:
            assert client.socket.subprotocol is None  # never one that was not offered
            await client.until("welcome")
    async with unproven(gateway) as client:
        assert client.socket.subprotocol is None
        await client.send("auth", token=token())
        await client.until("welcome")


async def test_heartbeats_tell_the_server_s_time(gateway: Gateway) -> None:
    async with live(gateway) as client:
        first, second = await client.until("heartbeat"), await client.until("heartbeat")
    assert first["server_timestamp"] < second["server_timestamp"]


async def test_unsubscribing_stops_one_symbol_and_no_other(gateway: Gateway, venue: TinyVenue) -> None:
    gone, kept = await venue.enlist("GONE", "KEPT", known_to=gateway)
    for symbol in ("GONE", "KEPT"):
        await venue.publish(symbol, 1)
    async with live(gateway) as client:
        await client.subscribe("GONE", "KEPT")
        await client.unsubscribe("GONE")
        for count in range(2, 12):
            await venue.publish("GONE", count, last=count)
            await venue.publish("KEPT", count, last=count)
        await client.until_held(lambda held: held[kept]["q"] == (1 << EPOCH_SHIFT) + 11)
        assert gone not in client.held  # and the client itself fails on an update of what it does not watch
        await client.unsubscribe("GONE", "KEPT")  # again changes nothing
        assert await client.subscribe("GONE") == [gone]


async def test_subscribing_again_gives_a_fresh_snapshot(gateway: Gateway) -> None:
    async with live(gateway) as client:
        for _ in range(3):
            assert await client.subscribe("SPY") == ["ARCX:SPY"]
        assert len(client.entries("snapshot")) == 3


async def test_a_bare_symbol_means_the_venue_whose_feed_is_alive(
    market: Market, gateway: Gateway, venue: TinyVenue
) -> None:
    (name,) = await venue.enlist("AAPL", known_to=gateway)
    await venue.publish("AAPL", 1, last=1)
    async with live(gateway) as client:
        assert await client.subscribe("AAPL") == ["XNAS:AAPL"]
        assert await client.subscribe(name) == [name]
    await venue.enlist("TWICE", known_to=gateway)
    async with live(gateway) as client:
        await venue.publish("TWICE", 1)
        assert await client.subscribe("TWICE") == [f"{venue.code}:TWICE"]


async def test_after_a_reconnect_only_what_changed_is_sent(gateway: Gateway, venue: TinyVenue) -> None:
    await venue.enlist("STILL", "MOVED", "LATER", known_to=gateway)
    for symbol in ("STILL", "MOVED", "LATER"):
        await venue.publish(symbol, 1, last=1)
    async with live(gateway) as client:
        names = await client.subscribe("STILL", "MOVED", "LATER")
        seen = {name: client.held[name]["q"] for name in names}
    still, moved, later = names
    await venue.publish("MOVED", 2, last=2)
    async with live(gateway) as client:
        epoch = client.passed[0]["epoch"]
        resumed = await client.resume(seen, epoch=epoch)
        assert (resumed["changed"], resumed["unchanged"], resumed["lost"]) == ([moved], [still, later], [])
        assert client.held[moved]["l"] == 2
        await venue.publish("LATER", 2, last=3)  # what was unchanged is watched all the same
        await client.until_held(lambda held: held[later].get("l") == 3)
        assert [entry["s"] for entry in client.entries("snapshot")] == [moved]


async def test_a_reconnect_adds_to_what_is_watched(gateway: Gateway, venue: TinyVenue) -> None:
    one, two = await venue.enlist("ONE", "TWO", known_to=gateway)
    for symbol in ("ONE", "TWO"):
        await venue.publish(symbol, 1)
    async with live(gateway) as client:
        await client.subscribe("ONE")
        await client.resume({"TWO": "2020-01-01T00:00:00Z"})
        for symbol in ("ONE", "TWO"):
            await venue.publish(symbol, 2, last=2)
        await client.until_held(lambda held: held[one]["l"] == held[two]["l"] == 2)


async def test_one_instrument_under_two_names_is_resumed_and_let_go_once(
    market: Market, gateway: Gateway, venue: TinyVenue
) -> None:
    (name,) = await venue.enlist("TWICE2", known_to=gateway)
    await venue.publish("TWICE2", 1)
    async with live(gateway) as client:
        old, new = "2020-01-01T00:00:00.000Z", "2099-01-01T00:00:00.000Z"
        resumed = await client.resume({"TWICE2": new, name: old})
        assert (resumed["changed"], resumed["unchanged"]) == ([name], [])  # the older of two times is the safe one
    await until_let_go(market, f"quote.{venue.code}.TWICE2")


async def until_let_go(market: Market, subject: str) -> None:
    async def is_gone() -> bool:
        return subject not in await market.gateway_subjects()

    await until(is_gone, f"nobody is subscribed to {subject}")


async def test_what_cannot_be_resumed_is_said_for_each_symbol(gateway: Gateway) -> None:
    async with live(gateway) as client:
        await client.send(
            "reconnect",
            last_seen={
                "AAPL": "2020-01-01T00:00:00.000Z",
                "SPY": "yesterday",
                "MSFT": "2026-03-29T14:30:05",
                "NOSUCH": "2020-01-01T00:00:00Z",
                "A B": "2020-01-01T00:00:00Z",
                "XNAS:*": 0,
            },
        )
        resumed = await client.until("resumed")
        assert (resumed["changed"], resumed["unchanged"]) == (["XNAS:AAPL"], [])
        errors = {(error["symbol"], error["code"]) for error in client.of("error")}
    assert errors == {
        ("SPY", "invalid_time"),
        ("MSFT", "invalid_time"),
        ("NOSUCH", "unknown_symbol"),
        ("A B", "invalid_symbol"),
        ("XNAS:*", "wildcard"),
    }


async def test_many_commands_at_once_are_all_answered_in_order(gateway: Gateway) -> None:
    async with live(gateway) as client:
        unknown = [f"Z{at}" for at in range(1000)]
        for _ in range(8):
            await client.send("subscribe", symbols=unknown)
        await client.answers_ping()
        assert len(client.of("error")) == 8000
        assert [each["symbol"] for each in client.of("error")] == unknown * 8


async def test_a_thousand_symbols_in_one_command_get_a_thousand_snapshots(gateway: Gateway) -> None:
    async with gateway.http() as http:
        found = [
            each["symbol"]
            for first in "abcdefghijklmnopqrstuvwxyz"
            for each in (await http.get("/symbols", params={"query": first, "limit": 100})).json()["symbols"]
            if not each["venue"].startswith("XT")
        ]
    names = list(dict.fromkeys(found))
    assert len(names) > 400
    async with live(gateway) as client:
        assert sorted(await client.subscribe(*names)) == sorted(names)
        assert len(client.entries("snapshot")) == len(names)
        assert all(client.held[name]["q"] > 0 for name in names)
        await client.subscribe(*names)
        await client.subscribe(*names)


async def test_the_last_of_several_changes_is_not_left_waiting(market: Market, venue: TinyVenue) -> None:
    """With heartbeats far apart nothing else would wake a sender that went to sleep on an update."""
    async with market.another_gateway(heartbeat_s=60, frames_per_s=30, cache_url="") as gateway:
        (name,) = await venue.enlist("CALM", known_to=gateway)
        await venue.publish("CALM", 1)
        async with live(gateway) as client:
            await client.subscribe(name)
            for count in range(2, 42, 2):
                await venue.publish("CALM", count, last=count)
                await client.until("update", within_s=5)
                await venue.publish("CALM", count + 1, last=-1)  # within the interval: it must wait, and then go
                await client.until_held(lambda held, n=count: held[name]["q"] & 0xFFFF == n + 1, within_s=5)


async def test_a_connection_that_is_cut_leaves_nothing_behind(
    market: Market, gateway: Gateway, venue: TinyVenue
) -> None:
    (name,) = await venue.enlist("CUT", known_to=gateway)
    await venue.publish("CUT", 1)
    clients = await gateway.figure("clients")
    async with live(gateway) as client:
        await client.subscribe(name)
        client.socket.transport.abort()

    async def is_gone() -> bool:
        return await gateway.figure("clients") == clients

    await until(is_gone, "the client is gone")
    await until_let_go(market, f"quote.{venue.code}.CUT")


async def test_leaving_while_a_subscription_is_being_made_leaves_nothing_behind(
    market: Market, gateway: Gateway, venue: TinyVenue
) -> None:
    """The venue does not answer, so the gateway is still waiting for its snapshot when the client goes."""
    (name,) = await venue.enlist("SLOW", known_to=gateway)
    venue.hold("SLOW", 1)
    venue.answers = False
    async with live(gateway) as client:
        await client.send("subscribe", symbols=[name])

        async def is_asked() -> bool:
            return venue.asked > 0

        await until(is_asked, "the venue is asked")
        client.socket.transport.abort()
    await until_let_go(market, f"quote.{venue.code}.SLOW")
