"""How fast candles get into their tables, beside psycopg's own way of writing many rows."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg

from bench.candles.ticks import START_NS
from bench.table import Line
from infra.local.servers import running_postgres
from infra.migrate import migrate
from market.candles.candles import Candles
from market.candles.timeframe import Timeframe
from market.symbols import SymbolKey
from mesh.candles import sql
from mesh.candles.copy_format import COLUMNS
from mesh.candles.writer import CandleWriter, Mark

INSTRUMENTS = 16_000
AMENDED = 4_000
BATCHES = 30
PEER_BATCHES = 1
GOAL_PER_S = 50_000
MINUTE_NS = 60_000_000_000


async def measure(folder: Path) -> list[Line]:
    """Write minutes of a market, each with amendments of the one before."""
    async with running_postgres(folder) as server:
        await asyncio.to_thread(migrate, server.url)
        writer = CandleWriter(server.url, lambda number: SymbolKey("XSIM", f"S{number}"))
        batches = _batches()
        try:
            await writer.write(next(batches))  # gives ids to the instruments
            began_s, began_cpu_s, written = time.perf_counter(), time.process_time(), 0
            for sequence in range(1, BATCHES + 1):
                written += await writer.write(next(batches), [Mark(0, 1, sequence)])
            took_s, took_cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
        finally:
            await writer.close()
        peer_per_s = await asyncio.to_thread(_peer, server.url, batches)
    per_s = written / took_s
    return [
        Line(
            "upserts of candles",
            f"{per_s:,.0f}/s ({took_cpu_s / written * 1e6:.1f} µs of ours each)",
            f">= {GOAL_PER_S:,}/s",
            per_s >= GOAL_PER_S,
            f"psycopg executemany: {peer_per_s:,.0f}/s ({per_s / peer_per_s:.0f}x)",
            f"{BATCHES} batches of {INSTRUMENTS + AMENDED:,}, 80 % new and 20 % amended, each a transaction with its "
            "mark; synchronous_commit on, server and writer on one machine.",
        )
    ]


def _batches() -> Iterator[Candles]:
    random, minute = np.random.default_rng(1), 0
    numbers = np.arange(INSTRUMENTS)
    while True:
        fresh = _minute(random, numbers, minute, revision=0)
        late = _minute(random, random.choice(INSTRUMENTS, AMENDED, replace=False), minute - 1, revision=1)
        yield Candles.concat([fresh, late]) if minute else fresh
        minute += 1


def _minute(random: np.random.Generator, numbers: np.ndarray, minute: int, revision: int) -> Candles:
    prices = np.round(random.normal(100, 1, (4, len(numbers))), 2)
    prices.sort(axis=0)
    return Candles.of(
        len(numbers),
        instrument=numbers,
        timeframe=Timeframe.M1,
        start_ns=START_NS + minute * MINUTE_NS,
        revision=revision,
        trades=random.integers(1, 500, len(numbers)),
        open=prices[1],
        high=prices[3],
        low=prices[0],
        close=prices[2],
        volume_whole=random.integers(1, 100_000, len(numbers)),
        turnover_whole=random.integers(1, 10_000_000, len(numbers)),
    )


def _peer(url: str, batches: Iterator[Candles]) -> float:
    """Write the same with one statement a row, as psycopg pipelines them; returns rows a second."""
    placeholders = ", ".join(f"%({name})s" for name in COLUMNS)
    statement = sql.upsert(Timeframe.M1).replace(_staged(), f"VALUES ({placeholders})")
    written, took_s = 0, 0.0
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for _ in range(PEER_BATCHES):
            rows = _as_rows(next(batches))
            began_s = time.perf_counter()
            cursor.executemany(statement, rows)
            connection.commit()
            took_s += time.perf_counter() - began_s
            written += len(rows)
    return written / took_s


def _staged() -> str:
    upsert = sql.upsert(Timeframe.M1)
    return upsert[upsert.index("SELECT") : upsert.index(" ON CONFLICT")]


def _as_rows(candles: Candles) -> list[dict[str, object]]:
    columns = {name: getattr(candles, name).tolist() for name in COLUMNS if name != "starts_at"}
    starts = candles.start_ns.astype("M8[ns]").astype("M8[us]").tolist()
    return [
        {"starts_at": f"{start.isoformat()}+00:00", **{name: values[i] for name, values in columns.items()}}
        for i, start in enumerate(starts)
    ]
