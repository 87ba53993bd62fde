"""How much a connection, a user and an address may have: the exact refusal, the close code, and room again after it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest_asyncio

from tests.integration.gateway.bad_messages import error
from tests.integration.gateway.live_client import LiveClient, Message, live, unproven
from tests.integration.gateway.many_clients import Ending, token_of, wired
from tests.integration.gateway.running import Gateway, Market, token, until

COMMANDS_PER_S = 5
BURST = 2 * COMMANDS_PER_S
REFUSED_COMMANDS = 200
OFFERED = "tickmesh.json"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def strict_gateway(market: Market) -> AsyncIterator[Gateway]:
    """Run a gateway that allows little."""
    async with market.another_gateway(
        commands_per_s=COMMANDS_PER_S,
        connections_per_user=2,
        connections_per_address=4,
        connections_unproven=2,
        symbols_per_user=5,
        auth_timeout_s=20,
        heartbeat_s=60,
    ) as gateway:
        yield gateway


@pytest_asyncio.fixture
async def strict(strict_gateway: Gateway) -> Gateway:
    """Give that gateway, with nobody connected."""

    async def is_empty() -> bool:
        return not (await strict_gateway.figure("clients") or await strict_gateway.figure("unproven_connections"))

    await until(is_empty, "everybody is gone")
    return strict_gateway


async def refused_with(client: LiveClient, refusal: Message, code: int) -> Message:
    """Read a refusal to the end; its message is the close's reason too, as far as that has room."""
    assert await client.closed() == (code, refusal["message"])
    (told,) = client.passed
    assert told | refusal == told
    return told


async def test_too_many_commands_are_refused_with_the_time_to_wait(strict: Gateway) -> None:
    said = f"a client sends at most {COMMANDS_PER_S} commands a second; this one was not carried out"
    async with live(strict) as client, live(strict) as other:
        for _ in range(BURST + 1):
            await client.send("ping")
        assert [(await client.read())["type"] for _ in range(BURST)] == ["pong"] * BURST
        refused = await client.read()
        wait_ms = refused.pop("retry_after_ms")
        assert refused == error("too_many_commands", said)
        assert 0 < wait_ms <= 1000 / COMMANDS_PER_S + 1
        await other.answers_ping()  # each client has its own
        await asyncio.sleep(wait_ms / 1000)  # as it was told to
        await client.send("ping")
        assert (await client.read())["type"] == "pong"


async def test_who_never_stops_is_sent_away(strict: Gateway) -> None:
    answers: list[bytes] = []
    async with wired(strict, answers.append) as client, live(strict) as other:
        async with asyncio.timeout(20):
            while not client.ended.done():
                for _ in range(100):
                    client.command("ping")
                await asyncio.sleep(0)
        assert client.ended.result() == Ending(1008, "too many commands")
        codes = [json.loads(answer).get("code") for answer in answers]
        assert codes[-REFUSED_COMMANDS:] == ["too_many_commands"] * REFUSED_COMMANDS
        await other.answers_ping()


async def test_messages_that_are_no_commands_count_as_commands(strict: Gateway) -> None:
    async with live(strict) as client:
        for _ in range(BURST + 1):
            await client.socket.send("{")
        codes = [(await client.read())["code"] for _ in range(BURST + 1)]
        assert codes == ["malformed"] * BURST + ["too_many_commands"]


async def test_a_user_has_so_many_connections_and_room_again_when_one_ends(strict: Gateway) -> None:
    user = uuid4()
    said = "a user has at most 2 connections to a gateway process; close one first"
    async with live(strict, bearer=token_of(user)) as first, live(strict, bearer=token_of(user)) as second:
        async with unproven(strict, OFFERED, f"bearer.{token_of(user)}") as third:
            await refused_with(third, error("too_many_connections", said), 4429)
        async with unproven(strict, OFFERED) as third:
            await third.send("auth", token=token_of(user))
            await refused_with(third, error("too_many_connections", said), 4429)
        async with live(strict):  # another user's
            pass
        await first.socket.close()
        await until_let_in(strict, token_of(user))
        await second.answers_ping()


async def until_let_in(gateway: Gateway, bearer: str) -> None:
    async def is_let_in() -> bool:
        async with unproven(gateway, OFFERED, f"bearer.{bearer}") as client:
            return bool((await client.read())["type"] == "welcome")

    await until(is_let_in, "there is room again")


async def test_an_address_has_so_many_connections_and_room_again_when_one_ends(strict: Gateway) -> None:
    said = "an address has at most 4 connections to a gateway process; close one first"
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(live(strict)) for _ in range(4)]
        async with unproven(strict, OFFERED, f"bearer.{token()}") as fifth:
            await refused_with(fifth, error("too_many_connections", said), 4429)
        await clients[0].socket.close()
        await until_let_in(strict, token())
        for client in clients[1:]:
            await client.answers_ping()


async def test_so_many_may_be_unproven_and_room_again_when_one_has_authenticated(strict: Gateway) -> None:
    said = "the gateway is busy: at most 2 connections may be waiting to authenticate"
    async with unproven(strict, OFFERED) as first, unproven(strict, OFFERED) as second:
        async with unproven(strict, OFFERED, f"bearer.{token()}") as third:
            refused = await refused_with(third, error("busy", said), 1013)
            assert 1000 <= refused["retry_after_ms"] <= 3000
        await first.send("auth", token=token())
        assert (await first.read())["type"] == "welcome"
        async with live(strict):
            pass
        await second.send("auth", token=token())
        assert (await second.read())["type"] == "welcome"


async def test_a_user_watches_so_many_symbols_over_all_connections(strict: Gateway) -> None:
    user = uuid4()
    said = "a user watches at most 5 symbols at one gateway process"
    async with live(strict, bearer=token_of(user)) as first, live(strict, bearer=token_of(user)) as second:
        await first.subscribe("SPY", "QQQ", "AAPL")
        await second.send("subscribe", symbols=["SPY", "MSFT", "NVDA"])
        refused = error("user_symbol_limit", said, symbol="XNAS:NVDA", channel="quote")
        assert await second.until("error") == refused
        assert (await second.until("subscribed"))["symbols"] == ["ARCX:SPY", "XNAS:MSFT"]
        await second.send("subscribe", symbols=["SPY"], channel="depth")  # counts like a further symbol
        assert await second.until("error") == refused | {"symbol": "ARCX:SPY", "channel": "depth"}
        assert (await second.until("subscribed"))["symbols"] == []
        await first.unsubscribe("SPY")
        assert await second.subscribe("NVDA") == ["XNAS:NVDA"]
        async with live(strict) as other:
            assert len(await other.subscribe("SPY", "QQQ", "AAPL", "MSFT", "NVDA")) == 5


async def test_more_connections_a_second_than_allowed_wait_or_are_told_when_to_come(market: Market) -> None:
    said = "the gateway is busy: it takes 1 new connections a second, and 1 s of them wait already"
    async with market.another_gateway(accepts_per_s=1) as gateway, contextlib.AsyncExitStack() as stack:
        clients = [unproven(gateway, OFFERED, f"bearer.{token()}") for _ in range(4)]
        opened = await asyncio.gather(*map(stack.enter_async_context, clients))
        firsts = [await client.read() for client in opened]
        welcomed = [each for each in firsts if each["type"] == "welcome"]
        refused = [each for each in firsts if each["type"] == "error"]
        assert (len(welcomed), len(refused)) == (2, 2)
        for each in refused:
            wait_ms = each.pop("retry_after_ms")
            assert each == error("busy", said)
            assert 1000 <= wait_ms < 10_000
        closed = [await client.closed() for client in opened if client.passed[0] in refused]
        assert closed == [(1013, said)] * 2


async def test_who_watches_nothing_and_says_nothing_is_closed_after_a_while(market: Market) -> None:
    idle = "nothing was watched for 0.5 s"
    async with (
        market.another_gateway(idle_timeout_s=0.5, heartbeat_s=60) as gateway,
        live(gateway) as watcher,
        live(gateway) as talker,
        live(gateway) as silent,
    ):
        await watcher.subscribe("SPY")
        closing = asyncio.create_task(silent.closed())
        while not closing.done():
            await talker.answers_ping()
            await asyncio.sleep(0.1)  # the pace of a client that says something now and then
        assert await closing == (4409, idle)
        assert [each["type"] for each in silent.passed] == ["welcome"]
        await watcher.answers_ping()
        await watcher.unsubscribe("SPY")
        assert await watcher.closed() == (4409, idle)  # now it watches nothing either
