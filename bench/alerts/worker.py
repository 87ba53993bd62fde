"""Ticks to firings through a real worker, and its rules out of Postgres."""

import asyncio
import time
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it ships no annotations
import msgspec
import numpy as np
from nats.aio.msg import Msg

from bench.alerts.armed import PARTITIONS, VENUE, Market, at_rest, open_market, seed, trades
from bench.processes import cpu_s
from bench.table import Line
from market import subjects
from market.alerts.columns import I4, I8, U4
from market.alerts.index import AlertIndex
from mesh.alerts.batch import SESSION
from mesh.alerts.loading import live_rules

INSTRUMENTS, RULES = 2_000, 1_000_000
TICKS_PER_S, BATCH_S, SECONDS = 200_000, 0.01, 10.0
TOUCHES = 2  # in each batch
FIRST, STEP, QUIET = 100.0, 0.01, 99.0
GOAL_MS, GOAL_LOAD_S, AIM = 20.0, 60.0, 10_000_000
_READY_S, _DRAIN_S = 60.0, 10.0


class Crossing:
    """Ticks of all instruments, a few of which touch their next rule; and how long it takes until that is told."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._generator = np.random.default_rng(11)
        self._level = np.zeros(INSTRUMENTS, np.int64)
        self._sequence = 0
        self._sent_s: dict[tuple[str, float], float] = {}
        self.took_ms: list[float] = []
        self.ticks = 0

    async def listen(self) -> None:
        """Hear what fires."""
        await self._market.client.subscribe("alert.fired.>", cb=self._fired)

    async def run(self, seconds: float) -> None:
        """Write ticks at their rate; late batches are not left out."""
        began_s = time.monotonic()
        for batch in range(int(seconds / BATCH_S)):
            await asyncio.sleep(max(0.0, began_s + batch * BATCH_S - time.monotonic()))
            self._write()
            await self._market.publisher.room()
        for _ in range(int(_DRAIN_S / BATCH_S)):
            if not self._sent_s:
                return
            self._market.publisher.flush()
            await asyncio.sleep(BATCH_S)

    def _write(self) -> None:
        self._sequence += 1
        prices = np.full(INSTRUMENTS, QUIET)
        touching = self._generator.choice(INSTRUMENTS, TOUCHES, replace=False)
        prices[touching] = FIRST + STEP * self._level[touching]
        self._level[touching] += 1
        now_s = time.monotonic()
        for place in touching.tolist():
            number = int(self._market.numbers[place])
            self._sent_s[f"{VENUE}:B{number}", round(float(prices[place]), 4)] = now_s
        self._market.publisher.append(trades(self._market.numbers, prices, self._sequence, time.time_ns()))
        self._market.publisher.flush()
        self.ticks += INSTRUMENTS

    async def _fired(self, message: Msg) -> None:
        told = msgspec.msgpack.decode(message.data)
        sent_s = self._sent_s.pop((told["symbol"], round(told["price"], 4)), None)
        if sent_s is not None:
            self.took_ms.append((time.monotonic() - sent_s) * 1e3)


async def measure(folder: Path) -> list[Line]:
    """Load rules, then let ticks touch some of them."""
    async with open_market(folder, INSTRUMENTS) as market:
        partitions = subjects.partitions_of(market.numbers, PARTITIONS)
        for partition in range(PARTITIONS):
            numbers = market.numbers[partitions == partition]
            count = RULES * len(numbers) // INSTRUMENTS
            await seed(market.postgres.url, partition, count, numbers, FIRST, STEP)
        load_s, load_cpu_s, loaded = await _load(market.postgres.url)
        await at_rest(market)
        worker = market.worker()
        await worker.start()
        try:
            await _ready(market)
            crossing = Crossing(market)
            await crossing.listen()
            await crossing.run(1.0)
            crossing.took_ms.clear()
            before_s, ticks = cpu_s(worker.pid), crossing.ticks
            await crossing.run(SECONDS)
            cpu_ns = 1e9 * (cpu_s(worker.pid) - before_s) / (crossing.ticks - ticks)
        finally:
            await worker.stop()
    p50, p99 = np.percentile(crossing.took_ms, [50, 99]).tolist()
    scaled_s = load_s * AIM / loaded
    return [
        Line(
            f"tick to alert fired, {TICKS_PER_S:,} ticks/s",
            f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {max(crossing.took_ms):.0f} ms; {cpu_ns:.0f} ns of the "
            "worker a tick",
            f"p99 <= {GOAL_MS:g} ms",
            p99 <= GOAL_MS,
            notes=f"from before the batch is published on the tape until its FIRED message is read; "
            f"{len(crossing.took_ms):,} firings among {loaded:,} rules on {INSTRUMENTS:,} instruments, "
            f"{TOUCHES / BATCH_S:.0f} a second. Postgres with fsync and synchronous_commit; all share the machine.",
        ),
        Line(
            f"rules from Postgres, {loaded:,}",
            f"{load_s:.1f} s, {load_cpu_s:.1f} s of them the worker's; {AIM:,} at that pace {scaled_s:.0f} s",
            f"{AIM:,} <= {GOAL_LOAD_S:g} s",
            scaled_s <= GOAL_LOAD_S,
            notes="binary COPY of one partition after the other into its index; each costs what its rows do.",
        ),
    ]


async def _load(dsn: str) -> tuple[float, float, int]:
    connection = await asyncpg.connect(dsn, server_settings=dict(SESSION))
    try:
        began_s, before_s, loaded = time.monotonic(), time.process_time(), 0
        for partition in range(PARTITIONS):
            index = AlertIndex(_no_days)
            index.load(await live_rules(connection, partition), 0)
            loaded += len(index)
        return time.monotonic() - began_s, time.process_time() - before_s, loaded
    finally:
        await connection.close()


def _no_days(instruments: U4, ts_ns: I8) -> I4:
    return np.zeros(len(instruments), np.int32)


async def _ready(market: Market) -> None:
    """Wait until every partition has an owner that evaluates."""
    market.publisher.append(trades(market.numbers, np.full(INSTRUMENTS, QUIET), 0, time.time_ns()))
    await market.publisher.settled()
    connection = await asyncpg.connect(market.postgres.url)
    try:
        for _ in range(int(_READY_S / 0.2)):
            if await connection.fetchval("SELECT count(*) FROM alert_progress WHERE tape_sequence > 0") == PARTITIONS:
                return
            await asyncio.sleep(0.2)
    finally:
        await connection.close()
    raise TimeoutError("the worker did not begin")
