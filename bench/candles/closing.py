"""How soon the candles of a minute of a large market are in their table, once its last trade is followed by others."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it ships no annotations
import numpy as np

from bench.candles.ticks import NS, START_NS
from bench.stack import Stack, running_process, running_stack
from bench.table import Line
from market import rows
from market.instrument import Listing
from market.row_type import Rows
from market.symbols import SymbolKey
from mesh.connection import connect
from mesh.directory import Directory
from mesh.settings import MeshSettings
from mesh.streams import declared, ensure
from mesh.tape_publisher import TapePublisher

INSTRUMENTS = 100_000
MINUTES = 4
GOAL_S = 5.0
_WITHIN_S = 60.0
_ASK_S = 0.02

_COUNT = "SELECT count(*) FROM candles_1m WHERE starts_at = to_timestamp($1)"


async def measure(folder: Path) -> list[Line]:
    """Run the real worker on a market of which every instrument trades in every minute."""
    async with (
        running_stack(folder) as stack,
        _tape(stack) as tape,
        running_process(stack, "workers.candle"),
        asyncpg.create_pool(stack.environment["TICKMESH_POSTGRES_DSN"], ssl=False) as postgres,
    ):
        took_s = []
        for minute in range(MINUTES):
            if minute == 0:
                await _publish(tape, _trades(1, minute, second=30))
            # Two seconds after its end a minute is closed by the next trade, in each partition of the tape.
            began_s = time.perf_counter()
            for second in (2, 3):
                await _publish(tape, _trades(2 * minute + second, minute + 1, second))
            await _stored(postgres, minute, began_s + _WITHIN_S)
            took_s.append(time.perf_counter() - began_s)
    first_s, others_s = took_s[0], took_s[1:]
    return [
        Line(
            f"a minute of {INSTRUMENTS:,} instruments closes",
            f"{max(others_s):.2f} s until all its candles are read by SELECT",
            f"<= {GOAL_S:g} s",
            max(others_s) <= GOAL_S,
            notes=f"The worst of {len(others_s)} minutes, from the {2 * INSTRUMENTS:,} trades that close it; "
            f"the first took {first_s:.2f} s, with the worker's start, and its instruments new to the tables.",
        )
    ]


async def _publish(tape: TapePublisher, trades: Rows) -> None:
    tape.append(trades)
    tape.flush()
    await tape.settled()


@contextlib.asynccontextmanager
async def _tape(stack: Stack) -> AsyncIterator[TapePublisher]:
    settings = MeshSettings(nats_url=stack.nats_url)
    client = await connect(settings, "bench")
    try:
        await ensure(client.jetstream(), declared(settings))
        directory = await Directory.open(client.jetstream())
        keys = [SymbolKey("XSIM", f"S{at}") for at in range(INSTRUMENTS)]
        await directory.enlist([Listing(key, str(key)) for key in keys])
        tape = TapePublisher(client, "bench", 1, settings.partitions, time.monotonic)
        retries = asyncio.ensure_future(tape.retry_for_ever())
        try:
            yield tape
        finally:
            retries.cancel()
    finally:
        await client.close()


def _trades(count: int, minute: int, second: int) -> Rows:
    """Make one trade of each instrument, its `count`th, at one instant."""
    made = rows.TRADE.blank(INSTRUMENTS)
    made["instrument"] = np.arange(INSTRUMENTS)
    made["ts_event"] = START_NS + (minute * 60 + second) * NS
    made["ts_recv"] = made["ts_event"] + 1_000_000
    made["sequence"] = (1 << 32) + count
    made["price"], made["size"] = 100.25, 100
    return np.frombuffer(made.tobytes(), rows.EVENT_DTYPE)


async def _stored(postgres: asyncpg.Pool, minute: int, deadline_s: float) -> None:
    while await postgres.fetchval(_COUNT, START_NS / NS + minute * 60) < INSTRUMENTS:
        if time.perf_counter() > deadline_s:
            raise TimeoutError(f"minute {minute} is not in the table within {_WITHIN_S:g} s")
        await asyncio.sleep(_ASK_S)
