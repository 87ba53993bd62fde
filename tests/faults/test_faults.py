"""Each part of a running market is killed without warning and comes back. What that cost is counted."""

import json
import re

import msgpack
import nats
import pytest

from infra.local.servers import Server
from market.state import EPOCH_SHIFT
from market.symbols import SymbolKey
from mesh.quote_cache import QuoteCache
from tests.faults.conftest import Report
from tests.faults.tape import last_states, read_tape
from tests.faults.watcher import Watcher, watching
from tests.integration.gateway.live_client import live
from tests.integration.gateway.running import Gateway, Market, until
from tests.integration.gateway.tiny_venue import tiny_venue

pytestmark = pytest.mark.timeout(90)

ADA = {"email": "ada@example.com", "password": "correct horse battery"}


async def lose(server: Server) -> None:
    """Kill a process without warning."""
    server.kill()
    await server.exited()


async def until_ready(gateway: Gateway) -> float:
    async def is_ready() -> bool:
        return (await gateway.readiness())[0] == 200

    return await until(is_ready, "the gateway is ready")


async def until_missing(gateway: Gateway, *names: str) -> float:
    """Wait until /health/ready says 503 and names what is down; return the seconds that took."""

    async def is_missing() -> bool:
        status, dependencies = await gateway.readiness()
        return status == 503 and all(dependencies[name] == "down" for name in names)

    return await until(is_missing, f"{names} are missed")


async def test_nats_is_killed_and_comes_back_with_every_acknowledged_row(
    market: Market, watcher: Watcher, report: Report
) -> None:
    away_s, back_s, quotes_s = [], [], []
    for kills in (1, 2):
        await watcher.moved_on()
        before = watcher.highest
        await lose(market.nats)
        away_s.append(await watcher.told("reconnecting", kills))
        await until_missing(market.gateway, "nats")
        async with market.gateway.http() as http:
            assert (await http.get("/prices/SPY")).json()["price"] > 0  # of the cache
        async with live(market.gateway) as newcomer:
            assert (await newcomer.until("status"))["upstream"] == "reconnecting"
            assert (await newcomer.subscribe("SPY")) == ["ARCX:SPY"]
        await market.nats.start()
        back_s.append(await watcher.told("live", kills))
        quotes_s.append(await watcher.moved_on())
        await until_ready(market.gateway)
        assert all(watcher.highest[name] > before[name] for name in before)
    assert watcher.statuses == ["reconnecting", "live"] * 2
    assert watcher.connections == 1  # the client itself was never thrown out

    await listed_later_is_found(market)
    await market.feed.stop()
    tape = await read_tape(market.nats)
    report(
        f"nats killed twice: clients told after {max(away_s):.2f} s, live {max(back_s):.2f} s after its start, "
        f"quotes {max(quotes_s):.2f} s later; {tape}"
    )
    assert tape.is_whole, tape
    assert tape.last == await last_states(market.nats)  # to the last row the feed ever numbered
    assert len(tape.batches) == 1  # it is one and the same feed


async def listed_later_is_found(market: Market) -> None:
    """The directory is followed again: what is listed after the fault becomes known, subscribed and streamed."""
    async with tiny_venue(market) as venue, live(market.gateway) as client:
        (name,) = await venue.enlist("LATER", known_to=market.gateway)
        await venue.publish("LATER", 1, last=1)
        await client.subscribe(name)
        await venue.publish("LATER", 2, last=2)
        await client.until_held(lambda held: held[name]["l"] == 2)


async def test_the_feed_is_killed_and_goes_on_with_the_same_day(
    market: Market, watcher: Watcher, report: Report
) -> None:
    await watcher.moved_on()
    acked = await acknowledged_batches(market)
    before = watcher.held
    await lose(market.feed)
    missed_s = await until_missing(market.gateway, "feed")
    async with market.gateway.http() as http:
        quote = (await http.get("/quotes/SPY")).json()
        assert (quote["prev_close"], quote["depth"]) == (before["ARCX:SPY"]["pc"], {"bids": [], "asks": []})
    seen = watcher.highest
    stored = await read_tape(market.nats)
    assert stored.is_whole, stored
    assert stored.batches[1] >= acked

    await market.feed.start()
    quotes_s = await watcher.moved_on()
    ready_s = await until_ready(market.gateway)
    assert watcher.connections == 1
    assert {sequence >> EPOCH_SHIFT for sequence in watcher.highest.values()} == {2}
    for name, image in watcher.held.items():
        assert (image["o"], image["pc"]) == (before[name]["o"], before[name]["pc"])
        assert abs(image["l"] / before[name]["l"] - 1) < 0.05
        assert image["hi"] >= before[name]["hi"] or image["v"] > 0

    await market.feed.stop()
    tape = await read_tape(market.nats)
    unstored = sum(seen[name] > stored.last[number] for name, number in (await numbers(market, list(seen))).items())
    report(
        f"feed killed: missed after {missed_s:.2f} s, quotes {quotes_s:.2f} s after its start, ready {ready_s:.2f} s "
        f"later; {acked} batches were acknowledged, {stored.batches[1]} stored; {unstored} of {len(seen)} watched "
        f"symbols had shown a row that was not stored yet; {tape}"
    )
    assert tape.is_whole, tape
    assert sorted(tape.batches) == [1, 2]
    assert tape.skipped[2] == read_back(market.feed)  # so no row at the beginning of the new epoch is missing
    assert tape.last == await last_states(market.nats)


async def acknowledged_batches(market: Market) -> int:
    """Ask the feed's own heartbeat how many batches the server has acknowledged."""
    client = await nats.connect(market.nats.url)
    try:
        beats = await client.subscribe("ops.feed.*")
        figures = json.loads((await beats.next_msg(timeout=10)).data)
    finally:
        await client.close()
    assert figures["tape_acked_batches"] > 0
    acknowledged: int = figures["tape_acked_batches"]
    return acknowledged


async def numbers(market: Market, names: list[str]) -> dict[str, int]:
    """Look up the numbers of instruments in the directory."""
    client = await nats.connect(market.nats.url)
    try:
        bucket = await client.jetstream().key_value("INSTRUMENTS")
        found = {}
        for name in names:
            entry = await bucket.get(SymbolKey.parse(name).token)
            found[name] = int(msgpack.unpackb(entry.value or b"")["number"])
        return found
    finally:
        await client.close()


def read_back(feed: Server) -> int:
    """Read in the feed's log how many events it folded in from the tape when it last started."""
    return int(re.findall(r"and (\d+) events from the tape", feed.log.read_text())[-1])


async def test_without_postgres_quotes_and_tokens_go_on(market: Market, watcher: Watcher, report: Report) -> None:
    async with market.gateway.http("") as http:
        assert (await http.post("/auth/register", json=ADA)).status_code == 201
        tokens = (await http.post("/auth/login", json=ADA)).json()
        mine = {"Authorization": f"Bearer {tokens['access_token']}"}
        try:
            await lose(market.postgres)
            missed_s = await until_missing(market.gateway, "postgres")
            await watcher.moved_on()
            assert (await http.get("/quotes/SPY", headers=mine)).status_code == 200
            async with live(market.gateway, bearer=tokens["access_token"]) as client:
                await client.subscribe("SPY")
                await client.until("update")
            refused = await http.post("/auth/login", json=ADA)
            assert (refused.status_code, refused.json()["code"]) == (503, "accounts_unavailable")
        finally:
            await market.postgres.restart()
        ready_s = await until_ready(market.gateway)
        assert (await http.post("/auth/login", json=ADA)).status_code == 200
        refreshed = await http.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
        assert refreshed.status_code == 200
    await watcher.moved_on()
    assert (watcher.connections, watcher.statuses) == (1, [])
    await market.feed.stop()
    tape = await read_tape(market.nats)
    report(f"postgres killed: missed after {missed_s:.2f} s, ready {ready_s:.2f} s after its start; {tape}")
    assert tape.is_whole, tape


async def test_without_the_cache_everything_goes_on_and_it_fills_again(
    market: Market, watcher: Watcher, report: Report
) -> None:
    await lose(market.cache)
    await watcher.moved_on()
    status, dependencies = await market.gateway.readiness()
    assert (status, dependencies["cache"]) == (200, "down")
    async with market.gateway.http() as http:
        for path in ("/quotes/SPY", "/prices/SPY", "/quotes/BF.A", "/prices/BF.A"):
            assert (await http.get(path)).status_code == 200
    async with market.another_gateway() as newcomer, watching(newcomer) as another:  # it can even start without
        await another.moved_on()

    await market.cache.restart()
    cache = QuoteCache(market.cache.url)
    keys = [SymbolKey.parse(name) for name in watcher.highest]

    async def is_full() -> bool:
        return len(await cache.read(keys)) == len(keys)

    full_s = await until(is_full, "the cache holds every watched quote again")
    await cache.close()
    assert (await market.gateway.readiness())[1]["cache"] == "up"
    await watcher.moved_on()
    assert (watcher.connections, watcher.statuses) == (1, [])
    await market.feed.stop()
    tape = await read_tape(market.nats)
    report(f"cache killed: full again {full_s:.2f} s after its start; {tape}")
    assert tape.is_whole, tape


async def test_the_gateway_is_killed_and_clients_resume_without_a_step_back(
    market: Market, watcher: Watcher, report: Report
) -> None:
    async with watching(market.gateway) as another:
        for kills in (1, 2):
            await watcher.moved_on()
            before = watcher.highest
            await lose(market.gateway)
            await market.gateway.start()
            back_s = max(await watcher.moved_on(), await another.moved_on())
            assert watcher.connections == another.connections == 1 + kills
            assert all(watcher.highest[name] > before[name] for name in before)
        silence_s = max(watcher.longest_silence_s, another.longest_silence_s)
    assert sorted(await market.gateway_subjects()) == sorted(
        f"quote.{SymbolKey.parse(name).token}" for name in watcher.highest
    )
    await market.feed.stop()
    tape = await read_tape(market.nats)
    report(
        f"gateway killed twice: quotes {back_s:.2f} s after it was ready, {silence_s:.2f} s of silence at most; {tape}"
    )
    assert tape.is_whole, tape
