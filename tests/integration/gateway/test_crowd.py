"""A thousand clients, one of which is stuck: it is sent away, costs little memory, and the others get everything."""

import asyncio
import contextlib
import itertools
import logging
import resource
import time
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest_asyncio

from tests.integration.gateway.holder import RECEIVE_BUFFER_BYTES, SLOW_TIMEOUT_S, Holder, read_packed, slow_clients
from tests.integration.gateway.many_clients import (
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
MIB = 1 << 20


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(market: Market) -> AsyncIterator[Gateway]:
    """Run a gateway that takes a crowd, and soon sends slow clients away."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * CROWD + 1000)), hard))
    async with market.another_gateway(
        slow_timeout_s=SLOW_TIMEOUT_S,
        connections_per_user=2 * CROWD,
        connections_per_address=2 * CROWD,
        accepts_per_s=10_000,
        symbols_per_user=100_000,
    ) as running:
        yield running


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
