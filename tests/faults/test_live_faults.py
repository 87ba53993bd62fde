"""What clients of the live stream see of a fault: full images after a gap, on every channel."""

import pytest

from tests.faults.conftest import Report
from tests.faults.watcher import SYMBOLS
from tests.integration.gateway.live_client import ALL_FIELDS, LiveClient, Message, live
from tests.integration.gateway.running import Market

pytestmark = pytest.mark.timeout(90)


def firsts(client: LiveClient, channel: str) -> dict[str, Message]:
    """Give the first entry of each symbol in the updates of a channel."""
    entries = [entry for message in client.of("update") for entry in message.get(channel, ())]
    return {entry["s"]: entry for entry in reversed(entries)}


async def test_after_nats_was_away_every_symbol_begins_with_a_full_image(market: Market, report: Report) -> None:
    async with live(market.gateway) as client, live(market.gateway, packed=True) as packed:
        for each in (client, packed):
            names = await each.subscribe(*SYMBOLS)
            for channel in ("depth", "trades"):
                await each.subscribe(*SYMBOLS, channel=channel)
        market.nats.kill()
        await market.nats.exited()
        for each in (client, packed):
            await each.until("status", lambda message: message["upstream"] == "reconnecting")
        await market.nats.start()
        for each in (client, packed):
            await each.until("status", lambda message: message["upstream"] == "live")
            each.passed.clear()
            while len(firsts(each, "quote")) < len(names) or len(firsts(each, "depth")) < len(names):
                await each.read()
            assert all(entry.keys() == ALL_FIELDS for entry in firsts(each, "quote").values())
            assert all({"bids", "asks"} <= entry.keys() for entry in firsts(each, "depth").values())
            await each.until("update", lambda message: "trades" in message)
    report(f"nats killed: {2 * len(names)} symbols and as many books began anew with a full image")
