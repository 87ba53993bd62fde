"""Prints of a test's own venue, on the subject that trades come on."""

import contextlib
import time
from collections.abc import AsyncIterator

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from market import rows, subjects
from market.row_type import Rows
from market.state import EPOCH_SHIFT
from tests.integration.gateway.running import Market
from tests.integration.gateway.tiny_venue import TinyVenue


class TinyPrints:
    """Publishes trades of a venue's instruments; the venue's own state, which counts them too, goes on with them."""

    def __init__(self, client: Client, venue: TinyVenue) -> None:
        self._client = client
        self._venue = venue

    def sequence(self, count: int) -> int:
        """Give the sequence of an instrument's `count`-th event."""
        return (self._venue.epoch << EPOCH_SHIFT) + count

    async def publish(self, symbol: str, *counts: int) -> Rows:
        """Publish a trade for each of those events, in one message; return the venue's state after them."""
        instrument = self._venue.instruments[symbol]
        trades = rows.TRADE.blank(len(counts))
        trades["instrument"] = instrument.number
        trades["sequence"] = [self.sequence(count) for count in counts]
        trades["ts_event"] = trades["ts_recv"] = time.time_ns()
        trades["price"] = trades["trade_id"] = counts
        trades["size"] = 100
        await self._client.publish(subjects.trade(instrument.key), trades.tobytes())
        await self._client.flush()
        return self._venue.hold(symbol, max(counts), last=max(counts))

    @contextlib.asynccontextmanager
    async def published_when_asked(self, symbol: str, *counts: int) -> AsyncIterator[None]:
        """Publish those trades only when a gateway asks for the state, just before the answer: it is behind, then."""

        async def answer(request: Msg) -> None:
            state = await self.publish(symbol, *counts)
            await request.respond(state.tobytes())

        self._venue.answers = False
        asked = await self._client.subscribe(subjects.snapshots(self._venue.code), cb=answer)
        await self._client.flush()
        yield
        await asked.unsubscribe()
        self._venue.answers = True


@contextlib.asynccontextmanager
async def tiny_prints(market: Market, venue: TinyVenue) -> AsyncIterator[TinyPrints]:
    """Publish prints of a venue for the block."""
    client = await nats.connect(market.nats.url)
    try:
        yield TinyPrints(client, venue)
    finally:
        await client.close()
