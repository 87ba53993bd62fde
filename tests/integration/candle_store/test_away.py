"""Postgres that stops, hangs or loses everything: the writer says so, and goes on once it is back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from infra.local.servers import PostgresServer, running_postgres
from infra.migrate import migrate
from market.candles.candles import Candles
from market.candles.timeframe import Timeframe
from mesh.candles.postgres import StoreAway
from mesh.candles.store import ALL, CandleStore
from mesh.candles.writer import CandleWriter, Mark
from tests.integration.candle_store.conftest import name_of

OPEN_NS = 1_780_320_600 * 10**9


@pytest_asyncio.fixture
async def own_server(open_folder: Path, tmp_path: Path) -> AsyncIterator[PostgresServer]:
    """Run a Postgres of the test's own."""
    folder = open_folder / tmp_path.name
    folder.mkdir(mode=0o711)
    async with running_postgres(folder) as server:
        await asyncio.to_thread(migrate, server.url)
        yield server


def candle(trades: int, number: int = 7) -> Candles:
    return Candles.of(1, instrument=number, timeframe=Timeframe.M1, start_ns=OPEN_NS, trades=trades)


async def test_server_that_stops_and_comes_back(own_server: PostgresServer) -> None:
    writer, store = CandleWriter(own_server.url, name_of), CandleStore(own_server.url, name_of)
    try:
        assert await writer.write(candle(1), [Mark(0, 1, 1)]) == 1
        assert len(await store.before(7, Timeframe.M1, 2 * OPEN_NS, ALL, 5)) == 1
        await own_server.stop()
        for _ in range(2):
            with pytest.raises(StoreAway):
                await writer.write(candle(2), [Mark(0, 1, 2)])
            with pytest.raises(StoreAway):
                await store.before(7, Timeframe.M1, 2 * OPEN_NS, ALL, 5)
        await own_server.restart()
        assert await writer.write(candle(2), [Mark(0, 1, 2)]) == 1
        assert (await store.before(7, Timeframe.M1, 2 * OPEN_NS, ALL, 5)).trades.tolist() == [2]
    finally:
        await writer.close()
        await store.close()


async def test_server_that_hangs_is_not_waited_for(candles_url: str) -> None:
    writer = CandleWriter(candles_url, name_of, write_within_s=2.0)
    store = CandleStore(candles_url, name_of, read_within_s=2.0)
    try:
        await writer.write(candle(1))
        await store.between(7, Timeframe.M1, 0, 2 * OPEN_NS)
        backends = await backends_of(candles_url)
        for pid in backends:
            os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreAway):
                await writer.write(candle(2))
            with pytest.raises(StoreAway):
                await store.between(7, Timeframe.M1, 0, 2 * OPEN_NS)
        finally:
            for pid in backends:
                os.kill(pid, signal.SIGCONT)
        assert await writer.write(candle(3)) == 1
        assert (await store.between(7, Timeframe.M1, 0, 2 * OPEN_NS)).trades.tolist() == [3]
    finally:
        await writer.close()
        await store.close()


async def test_instruments_of_a_database_made_anew_get_its_ids(
    own_server: PostgresServer,
) -> None:
    """Ids of the old one would put candles under other instruments."""
    writer, store = CandleWriter(own_server.url, name_of), CandleStore(own_server.url, name_of)
    try:
        await writer.write(Candles.concat([candle(1, number) for number in range(10)]))
        assert len(await store.between(9, Timeframe.M1, 0, 2 * OPEN_NS)) == 1
        await make_anew(own_server)
        for number in reversed(range(10)):
            await written(writer, candle(100 + number, number))
        for number in range(10):
            assert (await found(store, number)).trades.tolist() == [100 + number]
    finally:
        await writer.close()
        await store.close()


async def written(writer: CandleWriter, candles: Candles) -> None:
    """Write as a worker does: again where the connection turns out to be lost."""
    try:
        await writer.write(candles)
    except StoreAway:
        await writer.write(candles)


async def found(store: CandleStore, number: int) -> Candles:
    try:
        return await store.between(number, Timeframe.M1, 0, 2 * OPEN_NS)
    except StoreAway:
        return await store.between(number, Timeframe.M1, 0, 2 * OPEN_NS)


async def make_anew(server: PostgresServer) -> None:
    name = server.url.rpartition("/")[2].partition("?")[0]
    admin = await asyncpg.connect(server.admin_url, ssl=False)
    try:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.execute(f"CREATE DATABASE {name} OWNER tickmesh")
    finally:
        await admin.close()
    await asyncio.to_thread(migrate, server.url)


async def backends_of(url: str) -> list[int]:
    connection = await asyncpg.connect(url, ssl=False)
    try:
        rows = await connection.fetch(
            "SELECT pid FROM pg_stat_activity"
            " WHERE application_name = 'tickmesh-candles' AND datname = current_database()"
        )
        return [row["pid"] for row in rows]
    finally:
        await connection.close()
