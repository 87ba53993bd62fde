"""Trades of a test's own venue on the tape, where alerts see them."""

import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator

import nats
from nats.js import JetStreamContext

from market import rows, subjects
from market.state import EPOCH_SHIFT
from tests.integration.gateway.running import Market
from tests.integration.gateway.tiny_venue import TinyVenue

PARTITIONS = 16


class TinyTicks:
    """Puts trades of a venue's instruments on the tape; the venue answers with them, too."""

    def __init__(self, js: JetStreamContext, venue: TinyVenue) -> None:
        self._js = js
        self._venue = venue
        self._counts = Counter[str]()

    async def trade(self, symbol: str, *prices: float) -> None:
        """Put trades at these prices on the tape, in one message; it is stored when this returns."""
        number = int(self._venue.instruments[symbol].number)
        trades = rows.TRADE.blank(len(prices))
        trades["instrument"], trades["size"] = number, 1
        for at, price in enumerate(prices):
            self._counts[symbol] += 1
            trades["sequence"][at] = (self._venue.epoch << EPOCH_SHIFT) + self._counts[symbol]
            trades["price"][at] = price
        trades["ts_event"] = trades["ts_recv"] = time.time_ns()
        partition = int(subjects.partitions_of([number], PARTITIONS)[0])
        await self._js.publish(subjects.tape(partition), trades.view(rows.EVENT_DTYPE).tobytes())
        self._venue.hold(symbol, self._counts[symbol], last=prices[-1])


@contextlib.asynccontextmanager
async def tiny_ticks(market: Market, venue: TinyVenue) -> AsyncIterator[TinyTicks]:
    """Write to the tape for the block."""
    client = await nats.connect(market.nats.url)
    try:
        yield TinyTicks(client.jetstream(), venue)
    finally:
        await client.close()
