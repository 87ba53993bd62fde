"""Clients that read slowly or not at all for a while: they get less, and the latest; in the end they are sent away."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.integration.gateway.holder import RECEIVE_BUFFER_BYTES, SLOW_TIMEOUT_S, Holder, slow_clients
from tests.integration.gateway.many_clients import Ending, WireClient, listed_names, many_published, wired
from tests.integration.gateway.running import Gateway, Market, until
from tests.integration.gateway.tiny_venue import TinyVenue

_logger = logging.getLogger(__name__)

PAUSE_S = 0.05  # between two reads of what the socket holds


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(market: Market) -> AsyncIterator[Gateway]:
    """Run a gateway that soon sends slow clients away."""
    async with market.another_gateway(slow_timeout_s=SLOW_TIMEOUT_S) as running:
        yield running


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
        assert set(outcomes) == {"goes on", "told", "cut off"}
        assert (outcomes[0], outcomes[-1]) == ("goes on", "cut off")


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


async def test_a_stuck_client_that_leaves_by_itself_is_forgotten(market: Market, gateway: Gateway) -> None:
    names = (await listed_names(market))[:500]
    holder, witness = Holder(), Holder()
    async with wired(gateway, witness.take) as reader:
        async with wired(gateway, holder.take, receive_buffer_bytes=RECEIVE_BUFFER_BYTES) as stuck:
            stuck.command("subscribe", symbols=names)
            await holder.has(dict.fromkeys(names, 0))
            stuck.transport.pause_reading()
            await slow_clients(gateway, 1)
        await slow_clients(gateway, 0)
        heard_before = len(witness.told)

        async def would_be_sent_away() -> bool:
            return len(witness.told) - heard_before > SLOW_TIMEOUT_S + 1  # heartbeats, one a second

        await until(would_be_sent_away, "its time would be up")
        assert not reader.ended.done()
        assert await gateway.figure("clients") == 1


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
