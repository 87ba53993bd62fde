"""Messages that are no commands, and commands that ask for what is not there: the exact answer, and the stream goes on.

Floods of control frames, half-open handshakes and messages that break WebSocket's own rules are in
test_serving_protocols.py; what a connection, a user and an address may have is in test_bounds.py.
"""

import json

import msgpack
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.integration.gateway.bad_messages import MAX_BYTES, cases, error
from tests.integration.gateway.live_client import LiveClient, Message, live, unproven
from tests.integration.gateway.running import Gateway, Market, token
from tests.integration.gateway.tiny_venue import TinyVenue


@pytest.mark.parametrize(("message", "answer"), list(cases()))
async def test_what_is_no_command_is_answered_and_the_stream_goes_on(
    gateway: Gateway, message: str | bytes, answer: Message
) -> None:
    async with live(gateway, packed=isinstance(message, bytes)) as client:
        await client.socket.send(message)
        assert await answered(client) == answer
        await goes_on(client)


async def answered(client: LiveClient) -> Message:
    """Read what comes next, but for heartbeats."""
    while (message := await client.read())["type"] == "heartbeat":
        pass
    return message


async def goes_on(client: LiveClient) -> None:
    """Show that the connection still does all it is there for."""
    assert await client.subscribe("SPY") == ["ARCX:SPY"]
    await client.until("update")
    await client.answers_ping()


async def test_a_key_that_comes_twice_counts_as_its_last(gateway: Gateway) -> None:
    async with live(gateway) as client:
        await client.socket.send('{"action":"subscribe","symbols":["NOPE"],"symbols":["AAPL"]}')
        assert (await answered(client))["symbols"] == ["XNAS:AAPL"]


async def test_a_message_of_the_other_kind_is_refused(gateway: Gateway) -> None:
    async with live(gateway) as text, live(gateway, packed=True) as packed:
        await text.socket.send(msgpack.packb({"action": "ping"}))
        assert await answered(text) == error("wrong_frame", "tickmesh.json takes text messages, this one is binary")
        await packed.socket.send('{"action":"ping"}')
        assert await answered(packed) == error(
            "wrong_frame", "tickmesh.msgpack takes binary messages, this one is text"
        )
        await goes_on(text)
        await goes_on(packed)


async def test_a_message_in_fragments_is_a_message(gateway: Gateway) -> None:
    command = json.dumps({"action": "subscribe", "symbols": ["AAPL", "MSFT"]})
    packed_command = msgpack.packb({"action": "subscribe", "symbols": ["AAPL", "MSFT"]})
    async with live(gateway) as text, live(gateway, packed=True) as packed:
        await text.socket.send(list(command))
        await packed.socket.send([packed_command[at : at + 7] for at in range(0, len(packed_command), 7)])
        for client in (text, packed):
            assert (await client.until("subscribed"))["symbols"] == ["XNAS:AAPL", "XNAS:MSFT"]


async def test_a_message_over_64_kib_is_closed_with_its_code_and_reason(gateway: Gateway) -> None:
    async with live(gateway) as watcher, live(gateway) as client:
        await watcher.subscribe("SPY")
        await client.socket.send('{"action":"ping"' + " " * (MAX_BYTES - 17) + "}")  # the very limit is taken
        await client.until("pong")
        await client.socket.send(" " * (MAX_BYTES + 1))
        code, reason = await client.closed()
        assert code == 1009
        assert f"exceeds limit of {MAX_BYTES} bytes" in reason
        await goes_on(watcher)


@pytest.mark.parametrize("action", ["subscribe", "unsubscribe", "reconnect", "snapshot"])
async def test_wildcards_are_refused_whatever_is_asked(gateway: Gateway, action: str) -> None:
    said = "there are no wildcards here: name each symbol"
    symbols = ["*", ">", "XNAS:*", "XNAS:>"]
    async with live(gateway) as client:
        asked = {"last_seen": dict.fromkeys(symbols, 0)} if action == "reconnect" else {"symbols": symbols}
        await client.send(action, **asked)
        refused = [await answered(client) for _ in symbols]
        assert refused == [error("wildcard", said, symbol=each, channel="quote") for each in symbols]
        await client.answers_ping()
        await goes_on(client)


async def test_ten_thousand_symbols_are_subscribed_up_to_the_limit_and_each_of_the_others_is_refused(
    market: Market, gateway: Gateway, venue: TinyVenue
) -> None:
    codes = [f"T{number}" for number in range(10_000)]
    names = await venue.enlist(*codes, known_to=gateway)
    for code in codes[:1000]:
        venue.hold(code, 1)
    said = "a connection watches at most 1000 symbols"
    async with live(gateway) as watcher, live(gateway) as client:
        await watcher.subscribe("SPY")
        for at in range(0, 10_000, 1000):
            await client.send("subscribe", symbols=names[at : at + 1000])
        assert (await client.until("subscribed"))["symbols"] == names[:1000]
        snapshot: list[str] = []
        while len(snapshot) < 1000:
            snapshot += [entry["s"] for entry in (await client.until("snapshot"))["quote"]]
        assert snapshot == names[:1000]
        for at in range(1000, 10_000, 1000):
            refused = [await answered(client) for _ in range(1000)]
            assert refused == [
                error("symbol_limit", said, symbol=name, channel="quote") for name in names[at : at + 1000]
            ]
            assert (await client.until("subscribed"))["symbols"] == []
        await venue.publish(codes[999], 2, last=2)
        await client.until_held(lambda held: held[names[999]]["l"] == 2)
        await watcher.until("update")
        assert await gateway.figure("client_subscriptions") == 1001


async def test_a_token_that_expires_mid_stream_ends_it_with_the_reason(gateway: Gateway) -> None:
    said = error("token_expired", "the access token has expired; get a new one and connect again")
    async with live(gateway, bearer=token(lifetime_s=2)) as client:
        await client.subscribe("SPY")
        assert await client.closed() == (4401, "token_expired")
        assert client.passed[-1] == said
        assert client.of("update")
    async with unproven(gateway, "tickmesh.json", f"bearer.{token(issued_ago_s=3600)}") as client:
        assert await client.closed() == (4401, "token_expired")
        assert [each["code"] for each in client.passed] == ["token_expired"]


async def test_a_token_of_another_user_is_not_taken_and_the_stream_goes_on(gateway: Gateway) -> None:
    async with live(gateway) as client:
        await client.send("auth", token=token())
        said = "this connection belongs to another user; open one of your own"
        assert await answered(client) == error("other_user", said)
        await goes_on(client)


def offering(gateway: Gateway, origin: str) -> connect:
    """Open a stream as a page of that origin does."""
    offered = [Subprotocol("tickmesh.json"), Subprotocol(f"bearer.{token()}")]
    return connect(gateway.stream_url, origin=Origin(origin), subprotocols=offered, proxy=None)


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "http://127.0.0.1:1", "null", "nonsense"])
async def test_a_page_of_another_origin_is_refused_before_the_handshake(gateway: Gateway, origin: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await offering(gateway, origin)
    assert caught.value.response.status_code == 403


async def test_the_gateway_s_own_page_and_those_allowed_are_let_in(market: Market, gateway: Gateway) -> None:
    async with offering(gateway, f"http://127.0.0.1:{gateway.port}") as socket:
        assert json.loads(await socket.recv())["type"] == "welcome"
    async with market.another_gateway(allowed_origins="https://app.example") as other:
        async with offering(other, "https://app.example") as socket:
            assert json.loads(await socket.recv())["type"] == "welcome"
        for origin in (f"http://127.0.0.1:{other.port}", "https://app.example:8443", "http://app.example"):
            with pytest.raises(InvalidStatus):
                await offering(other, origin)
