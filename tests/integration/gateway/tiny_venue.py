"""A feed of a test's own, on the same NATS: a few instruments that change only when the test says so."""

import contextlib
import itertools
import time
from collections.abc import AsyncIterator

import nats
import numpy as np
from nats.aio.client import Client
from nats.aio.msg import Msg

from market import rows, subjects
from market.codes import NO_INSTRUMENT, TradingState
from market.instrument import Instrument, Listing
from market.row_type import Rows
from market.state import EPOCH_SHIFT
from market.symbols import SymbolKey
from mesh.directory import Directory
from tests.integration.gateway.running import Gateway, Market, until

_codes = itertools.count(1)


class TinyVenue:
    """One venue: lists instruments, publishes states and answers for them while `answers` is true."""

    def __init__(self, client: Client, directory: Directory, epoch: int) -> None:
        self.code = f"XT{next(_codes):02d}"
        self.epoch = epoch
        self.answers = True
        self.asked = 0
        self.instruments: dict[str, Instrument] = {}
        self._client = client
        self._directory = directory
        self._states: dict[str, Rows] = {}

    async def enlist(self, *symbols: str, known_to: Gateway) -> list[str]:
        """List symbols, wait until the gateway knows them, return their full names."""
        listings = [Listing(SymbolKey(self.code, symbol), f"{symbol} of {self.code}", "EUR") for symbol in symbols]
        for symbol, instrument in zip(symbols, await self._directory.enlist(listings), strict=True):
            self.instruments[symbol] = instrument
        last = str(listings[-1].key)

        async def is_known() -> bool:
            async with known_to.http() as http:
                found = (await http.get("/symbols", params={"query": last})).json()["symbols"]
            return any(each["symbol"] == last for each in found)

        await until(is_known, f"{last} is found")
        return [str(each.key) for each in listings]

    def state(self, symbol: str, count: int, **fields: float) -> Rows:
        """Make the state after the instrument's `count`-th event; prices are unknown unless given."""
        row = rows.STATE.blank(1)
        for name in ("bid", "ask", "last", "open", "high", "low", "prev_close"):
            row[name] = np.nan
        row["instrument"] = self.instruments[symbol].number
        row["sequence"] = (self.epoch << EPOCH_SHIFT) + count
        row["ts_event"] = row["ts_recv"] = time.time_ns()
        for name, value in fields.items():
            row[name] = value
        return row

    async def publish(self, symbol: str, count: int, **fields: float) -> Rows:
        """Publish the state after the instrument's `count`-th event, and answer with it from now on."""
        row = self._states[symbol] = self.state(symbol, count, **fields)
        await self._client.publish(subjects.quote(self.instruments[symbol].key), row.tobytes())
        await self._client.flush()
        return row

    async def publish_as(self, symbol: str, states: Rows) -> None:
        """Publish any rows on an instrument's quote subject."""
        await self._client.publish(subjects.quote(self.instruments[symbol].key), states.tobytes())
        await self._client.flush()

    def hold(self, symbol: str, count: int, **fields: float) -> Rows:
        """Change a state and answer with it, without a word on the quote subject."""
        row = self._states[symbol] = self.state(symbol, count, **fields)
        return row

    async def say_alive(self) -> None:
        """Send the feed's heartbeat."""
        row = rows.STATUS.blank(1)
        row["instrument"], row["state"] = NO_INSTRUMENT, TradingState.FEED_ALIVE
        await self._client.publish(subjects.status(self.code), row.tobytes())
        await self._client.flush()

    async def answer_many(self, request: Msg) -> None:
        """Answer a request for the snapshots of several symbols."""
        symbols = [SymbolKey.from_token(f"{self.code}.{token}").symbol for token in request.data.decode().split()]
        self.asked += len(symbols)
        if self.answers:
            known = [self._states[symbol].tobytes() for symbol in symbols if symbol in self._states]
            await request.respond(b"".join(known))

    async def answer(self, request: Msg) -> None:
        """Answer a request for a snapshot."""
        self.asked += 1
        state = self._states.get(SymbolKey.from_token(request.subject.removeprefix("snapshot.")).symbol)
        if self.answers and state is not None:
            await request.respond(state.tobytes())


@contextlib.asynccontextmanager
async def tiny_venue(market: Market, epoch: int = 1) -> AsyncIterator[TinyVenue]:
    """Run a venue of the test's own."""
    client = await nats.connect(market.nats.url)
    try:
        venue = TinyVenue(client, await Directory.open(client.jetstream()), epoch)
        await client.subscribe(f"snapshot.{venue.code}.*", cb=venue.answer)
        await client.subscribe(f"snapshot.{venue.code}", cb=venue.answer_many)
        await client.flush()
        yield venue
    finally:
        await client.close()
