"""Clients that read slowly or not at all: they get less, in the end nothing, and the others do not notice."""

import asyncio
import contextlib
import itertools
import logging
import resource
import time
from collections.abc import AsyncIterator, Sequence

import msgspec
import numpy as np
import pytest_asyncio

from tests.integration.gateway.many_clients import (
    Ending,
    WireClient,
    listed_names,
    many_published,
    memory_bytes,
    opened,
    wired,
)
from tests.integration.gateway.running import Gateway, Market, token, until
from tests.integration.gateway.tiny_venue import TinyVenue

_logger = logging.getLogger(__name__)

CROWD = 1000
CROWD_SYMBOLS = 10
ROUNDS = 25
ROUND_S = 0.06  # a little more than the time between two frames
RECEIVE_BUFFER_BYTES = 4096
PAUSE_S = 0.05  # between two reads of so much
SLOW_TIMEOUT_S = 1.0
MIB = 1 << 20


class Entry(msgspec.Struct):
    """What these tests look at in an entry."""

    s: str
    q: int
    r: int


class Data(msgspec.Struct):
    """A message, and its quotes."""

    type: str
    quote: list[Entry] = []
    code: str = ""


read_json = msgspec.json.Decoder(Data).decode
read_packed = msgspec.msgpack.Decoder(Data).decode


class Holder:
    """Holds the newest sequence of each symbol, and fails on any that goes back; counts what came."""

    def __init__(self) -> None:
        self.highest: dict[str, int] = {}
        self.updates = self.frames = 0
        self.newest_us = 0
        self.told: list[Data] = []

    def take(self, message: bytes) -> None:
        data = read_json(message)
        if data.type not in {"snapshot", "update"}:
            self.told.append(data)
            return
        self.frames += data.type == "update"
        self.updates += len(data.quote)
        for entry in data.quote:
            assert entry.q >= self.highest.get(entry.s, 0), f"{entry.s} goes back"
            self.highest[entry.s] = entry.q
            self.newest_us = max(self.newest_us, entry.r)

    async def has(self, wanted: dict[str, int], within_s: float = 20.0) -> None:
        """Wait until all that is wanted, or newer, is held."""

        async def is_held() -> bool:
            return all(self.highest.get(name, -1) >= sequence for name, sequence in wanted.items())

        await until(is_held, "it has caught up", within_s)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(market: Market) -> AsyncIterator[Gateway]:
    """Run a gateway that soon sends slow clients away, and takes a crowd."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * CROWD + 1000)), hard))
    async with market.another_gateway(
        slow_timeout_s=SLOW_TIMEOUT_S,
        connections_per_user=2 * CROWD,
        connections_per_address=2 * CROWD,
        accepts_per_s=10_000,
        symbols_per_user=100_000,
        symbols_per_connection=2000,
        drain_s=0,
    ) as running:
        yield running


async def slow_clients(gateway: Gateway, count: int) -> None:
    """Wait until the gateway has found so many of its clients slow."""

    async def are_slow() -> bool:
        return await gateway.figure("slow_clients") == count

    await until(are_slow, f"{count} are slow")


class Crowd:
    """Many clients that all watch the same; `ages_ms` of what they were sent, when they read it."""

    def __init__(self) -> None:
        self.clients: list[WireClient] = []
        self.ages_ms: list[float] = []
        self._has: list[dict[str, int]] = []

    async def join(self, gateway: Gateway, bearer: str, names: Sequence[str]) -> None:
        """Add a client."""
        has: dict[str, int] = dict.fromkeys(names, 0)
        self._has.append(has)

        def take(message: bytes) -> None:
            data = read_packed(message)
            if data.quote:
                self.ages_ms.append(time.time() * 1e3 - data.quote[-1].r / 1e3)
                for entry in data.quote:
                    has[entry.s] = entry.q

        client = await opened(gateway, take, packed=True, bearer=bearer)
        client.command("subscribe", symbols=names)
        self.clients.append(client)

    def leave(self) -> None:
        """Cut all connections."""
        for client in self.clients:
            client.transport.abort()

    async def all_have(self, sequence: int) -> None:
        """Wait until every client has that sequence of every symbol."""

        async def has() -> bool:
            return all(min(has.values()) >= sequence for has in self._has)

        await until(has, f"everybody has {sequence}")

    def take_p99_ms(self) -> float:
        """Give the age that 99 of 100 entries since the last call were below."""
        p99 = float(np.percentile(self.ages_ms, 99))
        self.ages_ms.clear()
        return p99


async def test_one_that_is_stuck_among_a_thousand_is_sent_away_and_the_others_get_everything(
    market: Market, gateway: Gateway, venue: TinyVenue
) -> None:
    codes = [f"C{number}" for number in range(CROWD_SYMBOLS)]
    names = await venue.enlist(*codes, known_to=gateway)
    counts = itertools.count(1)

    async def rounds(at_least: int) -> None:
        for _ in range(at_least):
            began_s = time.monotonic()
            await crowd.all_have(await publish(codes, next(counts)))
            await asyncio.sleep(max(0.0, began_s + ROUND_S - time.monotonic()))  # the venue's own pace

    crowd, holder, busy = Crowd(), Holder(), (await listed_names(market))[:500]
    bearer = token()
    async with many_published(market, venue) as publish, contextlib.AsyncExitStack() as stack:
        stack.callback(crowd.leave)
        await publish(codes, next(counts))
        for _ in range(CROWD):
            await crowd.join(gateway, bearer, names)
        await rounds(5)
        crowd.take_p99_ms()
        await rounds(ROUNDS)
        p99_before_ms = crowd.take_p99_ms()
        async with wired(gateway, holder.take, receive_buffer_bytes=RECEIVE_BUFFER_BYTES) as stuck:
            stuck.command("subscribe", symbols=busy)
            await holder.has(dict.fromkeys(busy, 0))
            memory_before, skipped_before = memory_bytes(gateway), await gateway.figure("frames_skipped_total")
            stuck.transport.pause_reading()
            await slow_clients(gateway, 1)
            grown = memory_bytes(gateway) - memory_before
            while await gateway.figure("clients") > CROWD:
                await rounds(1)
                grown = max(grown, memory_bytes(gateway) - memory_before)
            p99_ms = crowd.take_p99_ms()
        _logger.info("p99 age %.1f ms, %.1f ms beside a stuck client; %d KiB", p99_before_ms, p99_ms, grown >> 10)
        assert await gateway.figure("frames_skipped_total") > skipped_before
        assert grown < 3 * MIB  # a third of it bounds what waits for one client, the rest is what any process varies by
        assert not any(client.ended.done() for client in crowd.clients)


class Sleeper:
    """A client that watches much and stops reading for a while."""

    def __init__(self, client: WireClient, holder: Holder) -> None:
        self.client = client
        self.holder = holder

    async def outcome(self, at_s: float) -> str:
        """Read on at that time; say what came of it."""
        await asyncio.sleep(at_s - time.monotonic())  # how long a client sleeps is what the test varies
        self.client.transport.resume_reading()
        woken_us = time.time() * 1e6

        async def is_known() -> bool:
            return self.client.ended.done() or self.holder.newest_us > woken_us

        await until(is_known, "it goes on or has ended")
        if not self.client.ended.done():
            return "goes on"
        closings = [each.code for each in self.holder.told if each.type == "closing"]
        ending = self.client.ended.result()
        if closings == ["slow"] and ending == Ending(1013, "the client does not read"):
            return "told"
        return "cut off" if not closings and ending.code == 0 else f"{closings} {ending}"


async def test_who_reads_again_goes_on_is_told_or_is_cut_off_by_how_late_it_is(
    market: Market, gateway: Gateway
) -> None:
    names = (await listed_names(market))[:500]
    async with contextlib.AsyncExitStack() as stack:
        sleepers = []
        for _ in range(11):
            holder = Holder()
            client = await stack.enter_async_context(
                wired(gateway, holder.take, receive_buffer_bytes=RECEIVE_BUFFER_BYTES)
            )
            client.command("subscribe", symbols=names)
            sleepers.append(Sleeper(client, holder))
        for sleeper in sleepers:
            await sleeper.holder.has(dict.fromkeys(names, 0))
        for sleeper in sleepers:
            sleeper.client.transport.pause_reading()
        await slow_clients(gateway, len(sleepers))
        # Sent away after 1 s to 2 s, which it has 2 s to read of: from 4 s on it is too late.
        began_s = time.monotonic()
        outcomes = await asyncio.gather(
            *(sleeper.outcome(began_s + 0.45 * place) for place, sleeper in enumerate(sleepers))
        )
        assert [each for each, _ in itertools.groupby(outcomes)] == ["goes on", "told", "cut off"], outcomes


async def test_who_reads_again_in_time_gets_the_latest_and_no_backlog(market: Market, gateway: Gateway) -> None:
    names = (await listed_names(market))[:250]
    fast, slow = Holder(), Holder()
    async with (
        wired(gateway, fast.take) as reader,
        wired(gateway, slow.take, receive_buffer_bytes=RECEIVE_BUFFER_BYTES) as client,
    ):
        for each in (reader, client):
            each.command("subscribe", symbols=names)
        for holder in (fast, slow):
            await holder.has(dict.fromkeys(names, 0))
        client.transport.pause_reading()
        await slow_clients(gateway, 1)
        updates_before = fast.updates

        async def has_missed_much() -> bool:
            return fast.updates - updates_before > 300

        await until(has_missed_much, "much has happened", SLOW_TIMEOUT_S)
        missed, received_before = slow.updates, client.received_bytes
        target = dict(fast.highest)
        client.transport.resume_reading()
        await slow.has(target)
        assert client.received_bytes - received_before < 100_000  # what the kernel held, and one of each symbol
        assert slow.updates - missed < fast.updates - updates_before + len(names)
        assert not client.ended.done()


async def test_who_reads_slowly_but_steadily_stays_and_no_symbol_is_left_behind(
    market: Market, gateway: Gateway, venue: TinyVenue
) -> None:
    """All of its many symbols change all the time: one look at them is several frames, more than its socket holds."""
    codes = [f"S{number}" for number in range(800)]
    names = await venue.enlist(*codes, known_to=gateway)
    fast, slow = Holder(), Holder()
    async with (
        many_published(market, venue) as publish,
        wired(gateway, fast.take) as reader,
        wired(gateway, slow.take, receive_buffer_bytes=RECEIVE_BUFFER_BYTES) as client,
    ):
        first = await publish(codes, 1)
        for each, holder in ((reader, fast), (client, slow)):
            each.command("subscribe", symbols=names)
            await holder.has(dict.fromkeys(names, 0))
        client.pause_s = PAUSE_S
        began_s, fast_before, slow_before = time.monotonic(), fast.updates, slow.updates
        count = 1
        while time.monotonic() - began_s < 5 * SLOW_TIMEOUT_S:
            count += 1
            sequence = await publish(codes, count)
            await fast.has(dict.fromkeys(names, sequence))
        assert not client.ended.done(), client.ended.result()
        fast_updates, slow_updates = fast.updates - fast_before, slow.updates - slow_before
        _logger.info("%d updates, %d to the slow one, %d states published", fast_updates, slow_updates, count)
        assert 0 < slow_updates < fast_updates / 2
        left_behind = [name for name in names if slow.highest[name] == first]
        assert not left_behind, f"{len(left_behind)} symbols were never sent"
        await slow.has(dict.fromkeys(names, sequence))
        assert not client.ended.done(), client.ended.result()
