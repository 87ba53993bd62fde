"""A gateway that cannot keep up sends less, level by level, says so, and comes back; the lag is real: it is stopped."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.integration.gateway.live_client import ALL_FIELDS, CHANNELS, LiveClient, Message, live
from tests.integration.gateway.many_clients import listed_names
from tests.integration.gateway.running import Gateway, Market, until

LAG_LIMIT_MS = 100
STALL_S = 0.6  # far over the limit: each adds 0.8 of a level
MODES = ["full", "slower", "quotes_only", "most_watched", "poll"]
SPY, AAPL, QQQ = "ARCX:SPY", "XNAS:AAPL", "XNAS:QQQ"


@pytest_asyncio.fixture
async def gateway(market: Market) -> AsyncIterator[Gateway]:
    """Run a gateway that thinks two symbols are many."""
    async with market.another_gateway(overload_lag_ms=LAG_LIMIT_MS, most_watched=2, heartbeat_s=60) as running:
        yield running


def mode(level: int, **fields: object) -> Message:
    """Make what a client with nothing special is told at a level."""
    channels = CHANNELS if level < 2 else ["quote"] if level < 4 else []
    rate = 10.0 if level else 20.0
    return {"type": "mode", "level": level, "mode": MODES[level], "rate": rate, "channels": channels} | fields


async def stalled_to(level: int, gateway: Gateway, client: LiveClient) -> None:
    """Stop the gateway for moments until it says that it is at that level."""
    async with asyncio.timeout(20):
        while not any(each["level"] == level for each in client.of("mode")):
            lag_s = await gateway.figure("loop_lag_seconds_sum")
            gateway.kill(signal.SIGSTOP)
            await asyncio.sleep(STALL_S)  # the lag itself
            gateway.kill(signal.SIGCONT)

            async def is_noticed(before_s: float = lag_s) -> bool:
                return await gateway.figure("loop_lag_seconds_sum") > before_s + STALL_S / 2

            await until(is_noticed, "the gateway has measured it")
            await client.answers_ping()


async def heard(client: LiveClient, level: int) -> Message:
    """Wait until a client is told a level; return how."""
    found = [each for each in client.of("mode") if each["level"] == level]
    return found[0] if found else await client.until("mode", lambda each: each["level"] == level)


async def told(client: LiveClient, level: int) -> Message:
    """Wait until a client is told a level; return how, and forget what came before."""
    message = await heard(client, level)
    client.passed.clear()
    return message


def updated(client: LiveClient, channel: str) -> list[Message]:
    """List the entries of a channel's updates."""
    return [entry for message in client.of("update") for entry in message.get(channel, ())]


async def until_updated(client: LiveClient, channel: str, name: str) -> Message:
    """Read on until an update of a symbol comes on a channel; return the first."""
    while not (found := [entry for entry in updated(client, channel) if entry["s"] == name]):
        await client.read()
    return found[0]


@pytest.mark.timeout(90)
async def test_the_ladder_is_climbed_and_come_down_and_every_client_is_told_each_step(gateway: Gateway) -> None:
    async with live(gateway) as rich, live(gateway, packed=True) as plain, live(gateway) as slow:
        await rich.subscribe(SPY, AAPL, QQQ)
        for channel in ("depth", "trades"):
            await rich.subscribe(SPY, QQQ, channel=channel)
        await plain.subscribe(SPY, AAPL)
        await slow.subscribe(SPY)
        await slow.send("rate", rate=4)

        await stalled_to(1, gateway, rich)
        assert await told(rich, 1) == await told(plain, 1) == mode(1)
        assert await told(slow, 1) == mode(1, rate=4.0)
        await until_updated(rich, "depth", SPY)
        await until_updated(rich, "trades", SPY)
        await has_frames_a_tenth_apart(plain)

        await stalled_to(2, gateway, rich)
        assert await told(rich, 2) == await told(plain, 2) == mode(2)
        assert await told(slow, 2) == mode(2, rate=4.0)
        await until_updated(rich, "quote", QQQ)
        assert not updated(rich, "depth")
        assert not updated(rich, "trades")

        await stalled_to(3, gateway, rich)
        assert await told(rich, 3) == mode(3, on_demand=[QQQ])
        assert await told(plain, 3) == mode(3)
        assert await told(slow, 3) == mode(3, rate=4.0)
        assert await gateway.figure("overload_level") == 3
        await until_updated(rich, "quote", AAPL)
        await until_updated(rich, "quote", SPY)
        assert {entry["s"] for entry in updated(rich, "quote")} == {SPY, AAPL}
        await is_answered_on_demand(rich, QQQ)

        await stalled_to(4, gateway, rich)
        for client, rate in ((rich, 10.0), (plain, 10.0), (slow, 4.0)):
            message = await told(client, 4)
            assert 2000 <= message.pop("poll_after_ms") <= 3000
            assert message == mode(4, rate=rate)
        for name in (SPY, QQQ):
            await is_answered_on_demand(rich, name)
        assert not rich.of("update")
        assert not plain.of("update")

        await comes_down(gateway, rich, plain, slow)


async def has_frames_a_tenth_apart(client: LiveClient) -> None:
    """Show that a client of busy symbols gets no more than 10 frames a second."""
    await client.answers_ping()
    await client.until("update")
    began_s = time.monotonic()
    for _ in range(4):
        await client.until("update")
    assert time.monotonic() - began_s > 4 * 0.1 - 0.05


async def is_answered_on_demand(client: LiveClient, name: str) -> None:
    await client.send("snapshot", symbols=[name])
    (entry,) = (await client.until("snapshot"))["quote"]
    assert (entry["s"], entry.keys()) == (name, ALL_FIELDS)


async def comes_down(gateway: Gateway, rich: LiveClient, plain: LiveClient, slow: LiveClient) -> None:
    """Show that with time to spare all of it comes back, one level after the other, with full images.

    These may be on their way before `mode` is.
    """
    assert await heard(rich, 3) == mode(3, on_demand=[QQQ])
    assert (await until_updated(rich, "quote", SPY)).keys() == ALL_FIELDS
    assert await heard(rich, 2) == mode(2)
    assert (await until_updated(rich, "quote", QQQ)).keys() == ALL_FIELDS
    assert not updated(rich, "depth")
    assert await heard(rich, 1) == mode(1)
    assert {"bids", "asks"} <= (await until_updated(rich, "depth", SPY)).keys()
    await until_updated(rich, "trades", SPY)
    for client, rate in ((rich, 20.0), (plain, 20.0), (slow, 4.0)):
        assert await told(client, 0) == mode(0, rate=rate)
    assert await gateway.figure("overload_level") == 0


async def test_who_comes_while_clients_poll_is_told_at_once_and_again_for_what_it_subscribes(market: Market) -> None:
    """Here any lag at all is too much: the gateway climbs by itself under what a few clients ask of it."""
    names = (await listed_names(market))[:500]
    async with (
        market.another_gateway(overload_lag_ms=0.01, commands_per_s=10_000, heartbeat_s=60) as gateway,
        live(gateway) as busy,
    ):
        while not any(each["level"] == 4 for each in busy.of("mode")):
            await busy.subscribe(*names)
        async with live(gateway) as newcomer:
            first = await newcomer.read()
            assert (first["type"], first["level"], first["channels"]) == ("mode", 4, [])
            await newcomer.subscribe(SPY)
            second = await newcomer.read()
            assert (second["type"], second["mode"]) == ("mode", "poll")
            await is_answered_on_demand(newcomer, SPY)
            assert not newcomer.of("update")
