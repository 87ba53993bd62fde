"""What a chart does without its tables: a store at a port where nobody listens, and a real cache."""

import time
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from gateway.candle_source import CandleSource
from gateway.charts.query import ChartQuery, read_query
from gateway.charts.reader import ChartReader
from gateway.problems import Problem
from infra.local.ports import any_free
from infra.local.servers import NatsServer, ValkeyServer
from market.candles.candles import Candles, to_rows
from market.candles.timeframe import Timeframe
from market.instrument import Instrument, InstrumentId, Listing
from market.symbols import SymbolKey
from mesh.calendars import Calendars
from mesh.candles.cache import CandleCache
from mesh.candles.store import CandleStore
from mesh.connection import Connection, connect
from mesh.settings import MeshSettings
from mesh.streams import declared, ensure

AAPL = Instrument(InstrumentId(3), Listing(SymbolKey("XNAS", "AAPL"), "Apple Inc."))
MINUTE_NS = 60_000_000_000


def query(**given: str) -> ChartQuery:
    texts = {"interval": "1m", "limit": "10", "indicators": "", "fill": "none", "session": "all"} | given
    times = {name: given.get(name) for name in ("start", "end")}
    return read_query(**(texts | times), now_ns=time.time_ns())  # type: ignore[arg-type]  # by name


@pytest_asyncio.fixture
async def connection(nats_server: NatsServer) -> AsyncIterator[Connection]:
    settings = MeshSettings(nats_url=nats_server.url)
    connection = await connect(settings, "test")
    await ensure(connection.jetstream(), declared(settings))
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def reader(connection: Connection, valkey_server: ValkeyServer) -> AsyncIterator[ChartReader]:
    """Have a chart whose tables are away and whose cache has the last 30 minutes of AAPL."""
    store = CandleStore(f"postgresql://nobody@127.0.0.1:{any_free()}/none", lambda _: AAPL.key)
    cache = CandleCache(valkey_server.url)
    now_ns = time.time_ns() // MINUTE_NS * MINUTE_NS
    close = np.arange(30) + 10.0
    made = Candles.of(
        30,
        instrument=3,
        timeframe=int(Timeframe.M1),
        start_ns=now_ns - MINUTE_NS * np.arange(30)[::-1],
        trades=1,
        close=close,
        volume_whole=2,
        flags=1,
    )
    assert await cache.write([AAPL.key] * 30, to_rows(made))
    source = CandleSource(connection, store, cache, 16)
    yield ChartReader(source, await Calendars.open(connection.jetstream()))
    await store.close()
    await cache.close()


async def test_the_cache_answers_as_far_as_it_reaches_back(reader: ChartReader) -> None:
    found = await reader.read(AAPL, query())
    assert found.candles.close[found.first :].tolist() == [30.0 + at for at in range(10)]
    start_s = int(found.candles.start_ns[found.first]) // 10**9
    found = await reader.read(AAPL, query(start=str(start_s), limit="3"))
    assert found.candles.close[found.first :].tolist() == [30.0, 31.0, 32.0]


@pytest.mark.parametrize(
    "given", [{"limit": "100"}, {"indicators": "ema:20"}, {"start": "1000000000"}, {"end": "1000000000"}]
)
async def test_beyond_that_it_says_that_trying_again_helps(reader: ChartReader, given: dict[str, str]) -> None:
    with pytest.raises(Problem) as refused:
        await reader.read(AAPL, query(**given))
    assert (refused.value.status, refused.value.code) == (503, "candles_unavailable")
    assert refused.value.headers["Retry-After"] == "2"


async def test_a_day_that_the_cache_does_not_begin_is_no_average_price(reader: ChartReader) -> None:
    with pytest.raises(Problem, match="candles_unavailable"):
        await reader.read(AAPL, query(indicators="vwap"))
