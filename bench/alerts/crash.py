"""100,000 alerts on one instrument, touched by one tick: alone, beside a market that goes on, and among many others."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it ships no annotations
import numpy as np

from bench.alerts.armed import Market, at_rest, open_market, seed, trades
from bench.alerts.beside import RATE_PER_S, Beside, going_on
from bench.processes import cpu_s, family_cpu_s
from bench.table import Line
from infra.local.servers import Server
from market import subjects
from mesh.streams import FIRED, NOTIFY

ALERTS = 100_000
INSTRUMENTS = 64
AMONG = 10  # other instruments with as many alerts, whose rows and users lie between
GOAL_S = 5.0
BEFORE_S = 5.0
TIMES = 2.0  # as late as before a quote may be, and still count as undisturbed
_AFTER_S = 3.0
_LOOK_S = 0.02
_LOOKS = 5000
_EVALUATED = "SELECT tape_sequence >= $2 FROM alert_progress WHERE partition = $1"


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds from before the tick is published until all are recorded and told; processor time for each alert."""

    recorded_s: float
    fired_s: float
    notified_s: float
    worker_us: float
    postgres_us: float
    nats_us: float

    def line(self, what: str, users: int = ALERTS // 5) -> Line:
        """Hold it against the goal."""
        return Line(
            f"a crash: {ALERTS:,} alerts at one price, {what}",
            f"recorded in {self.recorded_s:.1f} s, on FIRED in {self.fired_s:.1f} s, on NOTIFY in "
            f"{self.notified_s:.1f} s",
            f"<= {GOAL_S:g} s",
            max(self.recorded_s, self.fired_s, self.notified_s) <= GOAL_S,
            notes=f"of {users:,} users, a fifth with a channel; for each alert {self.worker_us:.0f} us of the "
            f"worker, {self.postgres_us:.0f} of Postgres, {self.nats_us:.0f} of nats-server. Postgres with fsync and "
            "synchronous_commit; all share the machine.",
        )


async def measure(folder: Path) -> list[Line]:
    """Let one tick touch all, alone; then while 20,000 ticks a second of other instruments are on the same tape."""
    for name in ("alone", "beside", "among"):
        (folder / name).mkdir(mode=0o711)
    async with open_market(folder / "alone", INSTRUMENTS) as market:
        alone = await _alone(market)
    async with open_market(folder / "among", INSTRUMENTS) as market:
        among = await _alone(market, AMONG)
    async with open_market(folder / "beside", INSTRUMENTS) as market:
        took, beside, lost = await _beside_a_market(market)
    return [
        alone.line("alone"),
        among.line(f"each the {1 + AMONG}th in its table", ALERTS),
        took.line(f"beside {RATE_PER_S:,} ticks/s"),
        *beside.lines(TIMES, lost),
    ]


async def _alone(market: Market, others: int = 0) -> Took:
    partition = await _armed(market, others)
    worker = market.worker()
    await worker.start()
    try:
        await _ready(market, partition)
        return await _crash(market, worker, partition)
    finally:
        await worker.stop()


async def _beside_a_market(market: Market) -> tuple[Took, Beside, int]:
    partition = await _armed(market)
    worker = market.worker()
    async with going_on(market, partition) as beside:
        await worker.start()
        try:
            await _ready(market, partition)
            await beside.begin(BEFORE_S)
            took = await _crash(market, worker, partition)
            await beside.end(_AFTER_S)
        finally:
            await worker.stop()
        return took, beside, await beside.lost()


async def _armed(market: Market, others: int = 0) -> int:
    """Write the rules of the first instrument, with those of others between them, and give its partition.

    A user's five rules follow each other: between those of others each rule of the first is another user's.
    """
    numbers = market.numbers[: 1 + others]
    partition = int(subjects.partitions_of(numbers[:1])[0])
    await seed(market.postgres.url, partition, len(numbers) * ALERTS, numbers, 100.0, 0.0, notified=True)
    await at_rest(market)
    return partition


async def _ready(market: Market, partition: int) -> None:
    await _until(market, _EVALUATED, partition, await _write(market, 99.0, 1))


async def _crash(market: Market, worker: Server, partition: int) -> Took:
    def used_s() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([cpu_s(worker.pid), family_cpu_s(market.postgres.pid), cpu_s(market.nats.pid)])

    before_s, began_s = used_s(), time.monotonic()
    sequence = await _write(market, 101.0, 2)
    recorded = asyncio.create_task(
        _until(market, _EVALUATED, partition, sequence)
    )  # the last of its transactions says so
    fired = asyncio.create_task(_stored(market, FIRED, ALERTS))
    notified = asyncio.create_task(_stored(market, NOTIFY, ALERTS // 5))
    took_s = [each - began_s for each in await asyncio.gather(recorded, fired, notified)]
    took = Took(*took_s, *(1e6 * (used_s() - before_s) / ALERTS).tolist())
    await _until(market, "SELECT count(*) = $1 FROM alert_firings WHERE outcome = 'sent'", ALERTS)
    return took


async def _write(market: Market, price: float, sequence: int) -> int:
    """Write a tick, and give its place on the tape."""
    market.publisher.append(trades(market.numbers[:1], np.array([price]), sequence, time.time_ns()))
    await market.publisher.settled()
    return market.publisher.last_sequence


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
