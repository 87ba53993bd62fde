"""What the stream refuses: precisely, to that client alone, and with the connection up where it safely can be."""

import pytest

from tests.integration.gateway.live_client import live
from tests.integration.gateway.running import Gateway


@pytest.mark.parametrize(
    ("symbol", "code"),
    [
        ("NOSUCH", "unknown_symbol"),
        ("XLON:AAPL", "unknown_symbol"),
        ("*", "wildcard"),
        (">", "wildcard"),
        ("XNAS:*", "wildcard"),
        ("XNAS:>", "wildcard"),
        ("quote.>", "unknown_symbol"),
        ("", "invalid_symbol"),
        ("A B", "invalid_symbol"),
        ("A\r\nSUB x 1", "invalid_symbol"),
        ("XNAS:", "invalid_symbol"),
        ("X" * 33, "invalid_symbol"),
        ("X" * 60_000, "invalid_symbol"),
    ],
)
async def test_a_symbol_that_cannot_be_watched_is_an_error_and_the_others_are_served(
    gateway: Gateway, symbol: str, code: str
) -> None:
    async with live(gateway) as client:
        await client.send("subscribe", symbols=[symbol, "AAPL"])
        error = await client.until("error")
        assert (error["code"], error["symbol"], error["channel"]) == (code, symbol[:80], "quote")
        assert error["message"]
        assert len(str(error)) < 600
        assert (await client.until("subscribed"))["symbols"] == ["XNAS:AAPL"]
        await client.until("update")


async def test_messages_that_are_no_commands_hurt_nobody(gateway: Gateway) -> None:
    async with live(gateway) as watcher, live(gateway) as text, live(gateway, packed=True) as packed:
        await watcher.subscribe("SPY")
        for sent, code in (
            ("", "malformed"),
            ("{", "malformed"),
            ("[" * 60_000, "invalid_command"),
            ("null", "invalid_command"),
            ('{"action":"fly"}', "unknown_action"),
            ('{"action":"subscribe"}', "invalid_command"),
            ('{"action":"subscribe","symbols":"AAPL"}', "invalid_command"),
            ('{"action":"subscribe","symbols":[1]}', "invalid_command"),
            ('{"action":"subscribe","symbols":[]}', "invalid_command"),
            ('{"action":"subscribe","symbols":["A"],"also":1}', "invalid_command"),
            ('{"action":"subscribe","symbols":["A"],"rate":0}', "invalid_command"),
            ('{"action":"subscribe","symbols":["A"],"channel":"fly"}', "unknown_channel"),
            ('{"action":"unsubscribe","symbols":["A"],"channel":"fly"}', "unknown_channel"),
            ('{"action":"snapshot","symbols":["A"],"channel":"fly"}', "unknown_channel"),
            ('{"action":"reconnect","last_seen":{"A":1},"channel":"fly"}', "unknown_channel"),
            ('{"action":"rate","rate":101}', "invalid_command"),
            (
                f'{{"action":"subscribe","symbols":[{",".join(["1001"] * 1001)}]}}'.replace("1001", '"A"'),
                "invalid_command",
            ),
            (b"\x81\xa6action\xa4ping", "wrong_frame"),
        ):
            await text.socket.send(sent)
            assert (await text.error())[0] == code, sent[:60]
        for data, code in ((b"", "malformed"), (b"\xc1", "malformed"), (b"\x91" * 60_000, "invalid_command")):
            await packed.socket.send(data)
            assert (await packed.error())[0] == code
        await packed.socket.send('{"action":"ping"}')
        assert (await packed.error())[0] == "wrong_frame"
        for client in (text, packed):
            await client.answers_ping()
            assert await client.subscribe("AAPL") == ["XNAS:AAPL"]
        before = watcher.held["ARCX:SPY"]["q"]
        await watcher.until_held(lambda held: held["ARCX:SPY"]["q"] > before)
        assert not watcher.of("error")


@pytest.mark.parametrize("fragments", [1, 5], ids=["whole", "in fragments"])
async def test_a_message_over_64_kib_ends_its_own_connection_only(gateway: Gateway, fragments: int) -> None:
    async with live(gateway) as watcher, live(gateway) as client:
        await watcher.subscribe("SPY")
        large = "x" * (65_537 // fragments + 1)
        await client.socket.send(large if fragments == 1 else [large] * fragments)
        assert (await client.closed())[0] == 1009
        await watcher.until("update")
    async with live(gateway) as client:
        await client.socket.send('{"action":"ping"' + " " * (65_536 - 17) + "}")  # the very limit is taken
        await client.until("pong")


async def test_text_that_is_not_utf_8_ends_its_own_connection_only(gateway: Gateway) -> None:
    async with live(gateway) as client:
        await client.socket.send(b"\xff\xfe", text=True)
        assert (await client.closed())[0] == 1007
