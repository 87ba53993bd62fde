"""Who may listen, how they say so, and until when."""

import asyncio
import signal
from uuid import uuid4

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.integration.gateway.live_client import live, unproven
from tests.integration.gateway.running import Gateway, Market, token, until

BAD_TOKENS = [
    ("nonsense", "token_malformed"),
    (token(secret="another key that is also 32 bytes long"), "token_signature"),
    (token(issued_ago_s=3600), "token_expired"),
    ("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30.", "token_algorithm"),
]


async def test_a_token_among_the_subprotocols_lets_in_and_is_never_sent_back(gateway: Gateway) -> None:
    async with live(gateway) as client:
        assert client.socket.subprotocol == "tickmesh.json"
        assert "bearer" not in str(client.socket.response.headers)


async def test_a_token_in_the_first_message_lets_in(gateway: Gateway) -> None:
    for wire in ("tickmesh.json", "tickmesh.msgpack"):
        async with unproven(gateway, wire) as client:
            await client.send("auth", token=token())
            assert (await client.read())["type"] == "welcome"
            assert await client.subscribe("AAPL") == ["XNAS:AAPL"]


@pytest.mark.parametrize(("bad", "code"), BAD_TOKENS)
async def test_a_bad_token_is_told_why_and_shown_out(gateway: Gateway, bad: str, code: str) -> None:
    async with unproven(gateway, "tickmesh.json", f"bearer.{bad}") as client:
        assert await client.closed() == (4401, code)
        assert [(each["type"], each["code"]) for each in client.passed] == [("error", code)]
    async with unproven(gateway) as client:
        await client.send("auth", token=bad)
        assert await client.closed() == (4401, code)
        assert [(each["type"], each["code"]) for each in client.passed] == [("error", code)]


@pytest.mark.parametrize("name", ["token", "access_token", "bearer"])
async def test_a_token_in_the_query_string_is_not_looked_at(gateway: Gateway, name: str) -> None:
    async with unproven(gateway, query=f"?{name}={token()}") as client:
        await client.send("subscribe", symbols=["AAPL"])
        assert (await client.error())[0] == "unauthenticated"
        assert not client.of("welcome")


async def test_whoever_says_nothing_is_shown_out_in_time(gateway: Gateway) -> None:
    before = await gateway.figure("clients")
    async with unproven(gateway) as silent, unproven(gateway) as talking:
        for _ in range(5):
            await talking.send("subscribe", symbols=["AAPL"])
            assert (await talking.error())[0] == "unauthenticated"
        assert await gateway.figure("clients") == before  # nobody is a client before it is known
        assert (await silent.closed())[0] == 4408
        assert silent.passed == []  # no heartbeat, no status: nothing is told to a stranger
        assert (await talking.closed())[0] == 4408
        assert {message["type"] for message in talking.passed} == {"error"}


async def test_a_token_that_runs_out_ends_the_stream_with_the_reason(gateway: Gateway) -> None:
    async with live(gateway, bearer=token(lifetime_s=2)) as client:
        await client.subscribe("SPY")
        assert await client.closed() == (4401, "token_expired")
        assert client.passed[-1]["type"] == "error"
        assert client.passed[-1]["code"] == "token_expired"
        assert client.of("update")


async def test_a_renewed_token_carries_the_stream_on(gateway: Gateway) -> None:
    user = uuid4()
    short = token(lifetime_s=2, user=user)
    async with live(gateway, bearer=short) as client, live(gateway, bearer=short) as other:
        await client.subscribe("SPY")
        await client.send("auth", token=token(user=user))
        await client.until("authenticated")
        assert (await other.closed())[0] == 4401  # by now the first token of both has run out
        before = client.held["ARCX:SPY"]["q"]
        await client.answers_ping()
        await client.until_held(lambda held: held["ARCX:SPY"]["q"] > before)


async def test_a_bad_renewal_changes_nothing(gateway: Gateway) -> None:
    async with live(gateway) as client:
        await client.subscribe("SPY")
        for bad, code in BAD_TOKENS:
            await client.send("auth", token=bad)
            assert (await client.error())[0] == code
        await client.until("update")
        await client.answers_ping()


async def test_a_handshake_that_is_none_is_refused(gateway: Gateway) -> None:
    async with gateway.http() as http:
        assert (await http.get("/stream")).status_code in {400, 404, 405, 426}
    with pytest.raises(InvalidStatus):
        async with connect(gateway.stream_url.replace("/stream", "/streams"), proxy=None):
            pass


async def test_a_gateway_that_stops_says_come_again(market: Market) -> None:
    async with market.another_gateway(cache_url="") as gateway:
        async with live(gateway) as client:
            await client.subscribe("SPY")
            (code, _), exit_code = await asyncio.gather(client.closed(), gateway.stop())
            assert code == 1012
            assert exit_code in {0, -signal.SIGTERM}  # in order, then as uvicorn ends: by the signal it was sent

        async def is_silent() -> bool:
            return not await market.gateway_subjects()

        await until(is_silent, "its subscriptions are gone")
