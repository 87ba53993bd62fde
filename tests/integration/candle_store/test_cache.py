"""The cache of candles on a real Redis-compatible server, which may go and come back."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from infra.local.servers import ValkeyServer
from market.candles.candles import Candles, to_rows
from market.candles.timeframe import Session, Timeframe
from market.codes import CandleFlag
from market.symbols import SymbolKey
from mesh.candles.cache import CandleCache, cache_key

KEY = SymbolKey("XNAS", "BRK.B")
MINUTE_NS = 60 * 10**9
DAY_NS = 1440 * MINUTE_NS
OPEN_NS = 1_780_320_600 * 10**9  # 2026-06-01 13:30 UTC, a Monday


@pytest_asyncio.fixture
async def cache(valkey_server: ValkeyServer) -> AsyncIterator[CandleCache]:
    made = CandleCache(valkey_server.url)
    yield made
    await made.close()


def minutes(count: int, *, first_ns: int = OPEN_NS, timeframe: Timeframe = Timeframe.M1) -> Candles:
    place = np.arange(count)
    prices = dict.fromkeys(("open", "high", "low", "close"), 100.5 + place)
    return Candles.of(
        count,
        instrument=7,
        timeframe=timeframe,
        start_ns=first_ns + place * MINUTE_NS,
        end_ns=first_ns + (place + 1) * MINUTE_NS,
        trades=place + 1,
        volume_whole=place + 10,
        sequence=place + 1000,
        flags=CandleFlag.CLOSED,
        **prices,
    )


def changed(candles: Candles, **columns: object) -> Candles:
    blank = Candles.of(len(candles), **columns)  # type: ignore[arg-type]  # arrays and numbers
    return dataclasses.replace(candles, **{name: getattr(blank, name) for name in columns})


async def write(cache: CandleCache, candles: Candles) -> bool:
    return await cache.write([KEY] * len(candles), to_rows(candles))


async def test_every_row_written_is_read_back_whole_and_in_order(cache: CandleCache) -> None:
    written = minutes(2500, first_ns=OPEN_NS - 600 * MINUTE_NS)  # over two midnights
    assert await write(cache, written)
    end_ns = int(written.start_ns[-1]) + 1
    found = await cache.read(KEY, Timeframe.M1, int(written.start_ns[0]), end_ns)
    assert to_rows(found).tobytes() == to_rows(written).tobytes()
    assert len(await cache.read(KEY, Timeframe.M1, OPEN_NS, end_ns - MINUTE_NS)) == 2500 - 601
    assert len(await cache.read(KEY, Timeframe.M5, OPEN_NS, end_ns)) == 0


@pytest.mark.parametrize(
    ("timeframe", "days_before"),
    [(Timeframe.D1, 6), (Timeframe.W1, 7), (Timeframe.MO1, 31)],
)
async def test_long_candles_are_found_days_after_their_start(
    cache: CandleCache, timeframe: Timeframe, days_before: int
) -> None:
    now_ns = OPEN_NS // DAY_NS * DAY_NS
    await write(cache, minutes(1, first_ns=now_ns - days_before * DAY_NS, timeframe=timeframe))
    assert len(await cache.read(KEY, timeframe, 0, now_ns)) == 1


async def test_open_state_never_hides_a_closed_candle(cache: CandleCache) -> None:
    closed = minutes(2)
    await write(cache, closed)
    for trades in (1, 2):  # of the second minute: fewer than it closed with, and as many
        await write(cache, changed(closed.take(np.array([1])), flags=0, trades=trades))
    found = await cache.read(KEY, Timeframe.M1, OPEN_NS, OPEN_NS + DAY_NS)
    assert found.flags.tolist() == [CandleFlag.CLOSED, CandleFlag.CLOSED]
    assert found.trades.tolist() == [1, 2]


async def test_open_candle_of_each_session_is_found(cache: CandleCache) -> None:
    for flags, session in ((0, Session.REGULAR), (CandleFlag.EXTENDED, Session.EXTENDED)):
        await write(cache, changed(minutes(1), flags=int(flags), session=session))
    found = await cache.read(KEY, Timeframe.M1, OPEN_NS, OPEN_NS + DAY_NS)
    assert found.session.tolist() == [Session.REGULAR, Session.EXTENDED]


async def test_rows_go_a_day_after_they_came(cache: CandleCache, valkey_server: ValkeyServer) -> None:
    await write(cache, Candles.concat([minutes(1), minutes(1, timeframe=Timeframe.D1)]))
    async with Redis.from_url(valkey_server.url) as redis:
        for timeframe, kept_s in ((Timeframe.M1, 90_000), (Timeframe.D1, 8 * 86_400)):
            assert kept_s - 60 < await redis.ttl(cache_key(timeframe, KEY, OPEN_NS // DAY_NS)) <= kept_s


async def test_rows_of_another_version_are_passed_over(cache: CandleCache, valkey_server: ValkeyServer) -> None:
    await write(cache, minutes(2))
    async with Redis.from_url(valkey_server.url) as redis:
        name = cache_key(Timeframe.M1, KEY, OPEN_NS // DAY_NS)
        await redis.hset(name, mapping={"1.0": b"short"})
        assert len(await cache.read(KEY, Timeframe.M1, 0, 2 * OPEN_NS)) == 0  # long ago is not kept
        assert len(await cache.read(KEY, Timeframe.M1, OPEN_NS, OPEN_NS + DAY_NS)) == 2
        await redis.hset(name, mapping={"1.0": bytes(123)})
        assert len(await cache.read(KEY, Timeframe.M1, OPEN_NS, OPEN_NS + DAY_NS)) == 0


async def test_cache_that_is_away_is_an_empty_one_and_comes_back(
    cache: CandleCache, valkey_server: ValkeyServer
) -> None:
    assert await write(cache, minutes(1))
    valkey_server.kill()
    await valkey_server.exited()
    assert not await write(cache, minutes(1))
    assert len(await cache.read(KEY, Timeframe.M1, OPEN_NS, OPEN_NS + DAY_NS)) == 0
    assert not await cache.ping()
    await valkey_server.restart()
    assert await cache.ping()
    assert await write(cache, minutes(3))
    assert len(await cache.read(KEY, Timeframe.M1, OPEN_NS, OPEN_NS + DAY_NS)) == 3
