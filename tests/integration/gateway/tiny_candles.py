"""A candle worker of a test's own: it stores what it is given, publishes it, and answers for what is open."""

import contextlib
from collections.abc import AsyncIterator

import nats
import numpy as np
from nats.aio.client import Client
from nats.aio.msg import Msg

from market import subjects
from market.candles.candles import Candles, to_rows
from market.candles.timeframe import Timeframe
from market.symbols import SymbolKey
from mesh.candles.cache import CandleCache
from mesh.candles.writer import CandleWriter
from tests.integration.gateway.running import Market
from tests.integration.gateway.tiny_venue import TinyVenue

MINUTE_NS = 60_000_000_000


class TinyCandles:
    """Candles of a tiny venue's instruments."""

    def __init__(self, client: Client, venue: TinyVenue, writer: CandleWriter, cache: CandleCache) -> None:
        self.answers = True
        self.asked = 0
        self._client = client
        self._venue = venue
        self._writer = writer
        self._cache = cache
        self._now: dict[str, Candles] = {}

    def number(self, symbol: str) -> int:
        """Give an instrument's number."""
        return int(self._venue.instruments[symbol].number)

    async def store(self, candles: Candles) -> int:
        """Put candles into the tables."""
        return await self._writer.write(candles.sorted_newest())

    async def put_into_cache(self, symbol: str, candles: Candles) -> None:
        """Put candles of one symbol into the cache."""
        key = self._venue.instruments[symbol].key
        assert await self._cache.write([key] * len(candles), to_rows(candles))

    def hold(self, symbol: str, candles: Candles) -> None:
        """Answer with these from now on."""
        self._now[symbol] = candles

    async def publish(self, symbol: str, candles: Candles) -> None:
        """Publish live candles, one message each, and answer with them from now on."""
        self.hold(symbol, candles)
        key = self._venue.instruments[symbol].key
        for row in to_rows(candles):
            subject = subjects.candle(Timeframe(int(row["timeframe"])).text, key)
            await self._client.publish(subject, row.tobytes())
        await self._client.flush()

    async def publish_bytes(self, symbol: str, *payloads: bytes) -> None:
        """Publish anything where the minutes of a symbol are published."""
        for payload in payloads:
            await self._client.publish(subjects.candle("1m", self._venue.instruments[symbol].key), payload)
        await self._client.flush()

    async def answer(self, request: Msg) -> None:
        """Answer for the newest candles of some instruments."""
        numbers = np.frombuffer(request.data, ">u4").tolist()
        ours = [symbol for symbol, each in self._venue.instruments.items() if each.number in numbers]
        if ours and self.answers:
            self.asked += 1
            held = [to_rows(self._now[symbol]).tobytes() for symbol in ours if symbol in self._now]
            await request.respond(b"".join(held))


def candles(number: int, timeframe: Timeframe, starts_s: list[int], closes: list[float], **columns: object) -> Candles:
    """Make closed candles, of 100 shares and 2 trades each unless told otherwise."""
    close = np.array(closes)
    turnover = np.nan_to_num(close) * 100
    whole = np.floor(turnover).astype(np.int64)
    made = {
        "instrument": number,
        "timeframe": int(timeframe),
        "start_ns": np.array(starts_s, np.int64) * 1_000_000_000,
        "end_ns": np.array(starts_s, np.int64) * 1_000_000_000 + MINUTE_NS,
        "trades": 2,
        "open": close - 0.25,
        "high": close + 0.5,
        "low": close - 0.5,
        "close": close,
        "volume_whole": 100,
        "turnover_whole": whole,
        "turnover_nano": np.rint((turnover - whole) * 1e9).astype(np.int64),
        "flags": 1,
    }
    return Candles.of(len(starts_s), **(made | columns))  # type: ignore[arg-type]  # by name


@contextlib.asynccontextmanager
async def tiny_candles(market: Market, venue: TinyVenue) -> AsyncIterator[TinyCandles]:
    """Run a candle worker of the test's own."""
    by_number: dict[int, SymbolKey] = {}

    def name_of(number: int) -> SymbolKey:
        by_number.update({int(each.number): each.key for each in venue.instruments.values()})
        return by_number[number]

    client = await nats.connect(market.nats.url)
    writer = CandleWriter(market.environment["TICKMESH_POSTGRES_DSN"], name_of)
    cache = CandleCache(market.cache.url)
    try:
        worker = TinyCandles(client, venue, writer, cache)
        await client.subscribe("candlenow.*", cb=worker.answer)
        await client.flush()
        yield worker
    finally:
        await client.close()
        await writer.close()
        await cache.close()
