"""100,000 alerts on one instrument, touched by one tick: until all are recorded, published, and ticks go on."""

import asyncio
import time
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it ships no annotations
import numpy as np

from bench.alerts.armed import Market, open_market, seed, trades
from bench.processes import cpu_s
from bench.table import Line
from market import subjects
from mesh.streams import FIRED, NOTIFY

ALERTS = 100_000
GOAL_S = 5.0
_LOOK_S = 0.05
_LOOKS = 2000


async def measure(folder: Path) -> list[Line]:
    """Let one tick touch all."""
    async with open_market(folder, 64) as market:
        numbers = market.numbers[:1]
        partition = int(subjects.partitions_of(numbers)[0])
        await seed(market.postgres.url, partition, ALERTS, numbers, 100.0, 0.0, notified=True)
        worker = market.worker()
        await worker.start()
        try:
            await _write(market, 99.0, 1)
            await _until(market, "SELECT tape_sequence > 0 FROM alert_progress WHERE partition = $1", partition)
            before = cpu_s(worker.pid)
            began_s = time.monotonic()
            await _write(market, 101.0, 2)
            recorded = asyncio.create_task(_until(market, "SELECT count(*) = $1 FROM alert_firings", ALERTS))
            fired = asyncio.create_task(_stored(market, FIRED, ALERTS))
            notified = asyncio.create_task(_stored(market, NOTIFY, ALERTS // 5))
            await _write(market, 99.0, 3)
            behind = "SELECT tape_sequence >= 3 FROM alert_progress WHERE partition = $1"
            recovered = asyncio.create_task(_until(market, behind, partition))
            took = [each - began_s for each in await asyncio.gather(recorded, fired, notified, recovered)]
            worker_s = cpu_s(worker.pid) - before
        finally:
            await worker.stop()
    return [
        Line(
            f"a crash: {ALERTS:,} alerts at one price",
            f"recorded in {took[0]:.1f} s, on FIRED in {took[1]:.1f} s, on NOTIFY in {took[2]:.1f} s; the next tick is "
            f"evaluated after {took[3]:.1f} s",
            f"<= {GOAL_S:g} s",
            max(took) <= GOAL_S,
            notes=f"of {ALERTS // 5:,} users, a fifth with a channel; {1e6 * worker_s / ALERTS:.0f} us of the "
            "worker for each. Postgres with fsync and synchronous_commit; all share the machine.",
        )
    ]


async def _write(market: Market, price: float, sequence: int) -> None:
    market.publisher.append(trades(market.numbers[:1], np.array([price]), sequence, time.time_ns()))
    await market.publisher.settled()


async def _until(market: Market, question: str, *values: object) -> float:
    """Ask until it is so, and give the time."""
    connection = await asyncpg.connect(market.postgres.url)
    try:
        for _ in range(_LOOKS):
            if await connection.fetchval(question, *values):
                return time.monotonic()
            await asyncio.sleep(_LOOK_S)
    finally:
        await connection.close()
    raise TimeoutError(question)


async def _stored(market: Market, stream: str, count: int) -> float:
    js = market.client.jetstream()
    for _ in range(_LOOKS):
        if (await js.stream_info(stream)).state.messages >= count:
            return time.monotonic()
        await asyncio.sleep(_LOOK_S)
    raise TimeoutError(stream)
