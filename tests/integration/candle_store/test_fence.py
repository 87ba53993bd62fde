"""Progress and candles are one transaction, which only a partition's newest owner may make."""

from __future__ import annotations

import asyncio

import numpy as np
import psycopg
import pytest

from market.candles.candles import Candles
from market.candles.timeframe import Timeframe
from mesh.candles.postgres import Connection
from mesh.candles.store import CandleStore
from mesh.candles.writer import CandleWriter, Fenced, Mark
from tests.integration.candle_store.conftest import name_of

OPEN_NS = 1_780_320_600 * 10**9


def candle(trades: int = 1, numbers: tuple[int, ...] = (7,)) -> Candles:
    return Candles.of(len(numbers), instrument=numbers, timeframe=Timeframe.M1, start_ns=OPEN_NS, trades=trades)


async def stored_trades(store: CandleStore) -> list[int]:
    return (await store.between(7, Timeframe.M1, 0, 2 * OPEN_NS)).trades.tolist()


async def test_progress_rises_and_never_falls_under_one_fence(writer: CandleWriter, store: CandleStore) -> None:
    for sequence, expected in ((10, 10), (30, 30), (20, 30)):
        await writer.write(candle(), [Mark(3, fence=5, sequence=sequence), Mark(1, fence=5, sequence=1)])
        assert await store.progress() == {1: 1, 3: expected}


async def test_new_owner_sets_progress_back_and_the_old_one_writes_nothing_any_more(
    writer: CandleWriter, store: CandleStore
) -> None:
    await writer.write(candle(trades=1), [Mark(3, fence=5, sequence=30), Mark(4, fence=5, sequence=30)])
    await writer.write(candle(trades=2), [Mark(3, fence=6, sequence=12)])
    assert await store.progress() == {3: 12, 4: 30}
    with pytest.raises(Fenced) as refused:
        await writer.write(candle(trades=3), [Mark(3, fence=5, sequence=31), Mark(4, fence=5, sequence=31)])
    assert refused.value.partitions == (3,)
    assert await store.progress() == {3: 12, 4: 30}
    assert await stored_trades(store) == [2]
    assert await writer.write(candle(trades=3), [Mark(4, fence=5, sequence=31)]) == 1


async def test_what_belongs_to_a_batch_is_in_its_transaction(writer: CandleWriter, store: CandleStore) -> None:
    async def fails(connection: Connection) -> None:
        await connection.execute("INSERT INTO candle_progress VALUES ('import', 0, 0, 1)")
        raise RuntimeError("the importer")

    with pytest.raises(RuntimeError, match="the importer"):
        await writer.write(candle(), [Mark(3, fence=5, sequence=30)], fails)
    assert await store.progress() == {}
    assert await stored_trades(store) == []
    assert await writer.write(candle(), [Mark(3, fence=5, sequence=30)]) == 1


async def test_marks_without_candles_are_written(writer: CandleWriter, store: CandleStore) -> None:
    assert await writer.write(Candles.of(0), [Mark(3, fence=5, sequence=30)]) == 0
    assert await store.progress() == {3: 30}


async def test_writers_at_once_neither_wait_for_ever_nor_lose_a_candle(candles_url: str, store: CandleStore) -> None:
    """Same candles, same new instruments and same new partitions, from both ends: nobody is a deadlock's victim."""
    writers = [CandleWriter(candles_url, name_of) for _ in range(4)]
    numbers = np.arange(2000, dtype=np.uint32)

    async def write_all(writer: CandleWriter, mine: int) -> None:
        for start in range(0, 2000, 500):
            some = numbers[start : start + 500] if mine % 2 else numbers[::-1][start : start + 500]
            candles = [
                Candles.of(500, instrument=some, timeframe=timeframe, start_ns=OPEN_NS, trades=mine + 1)
                for timeframe in (Timeframe.H1, Timeframe.M1, Timeframe.D1)
            ]
            await writer.write(Candles.concat(candles), [Mark(mine, fence=1, sequence=start)])

    try:
        await asyncio.gather(*(write_all(writer, mine) for mine, writer in enumerate(writers)))
    finally:
        for writer in writers:
            await writer.close()
    for timeframe in (Timeframe.H1, Timeframe.M1, Timeframe.D1):
        found = await store.of_many(numbers, timeframe, 0, 2 * OPEN_NS)
        assert sorted(found.instrument.tolist()) == numbers.tolist()
        assert set(found.trades.tolist()) == {4}
    with psycopg.connect(candles_url) as connection:
        assert connection.execute("SELECT count(*) FROM candle_instruments").fetchone() == (2000,)
