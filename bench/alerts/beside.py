"""A market that goes on while one share crashes: its quotes at a gateway's reader, and how far its ticks are behind.

Two canaries are rules that fire every time a tick crosses their line: one on the tape's partition of the crash, one on
another. How long after its tick a canary's firing is decided is how far the worker is behind the tape.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncpg  # type: ignore[import-untyped]  # it ships no annotations
import numpy as np
import numpy.typing as npt

from bench import held_feed, market_reader
from bench.alerts.armed import PARTITIONS, VENUE, Market, seed, trades
from bench.end_to_end import Heartbeats
from bench.processes import Figures, Role, running
from bench.table import Line
from market import subjects
from mesh.tape_publisher import TapePublisher

RATE_PER_S, SYMBOLS = 20_000, 2_000
EVERY_S = 0.05
_WARM_S = 5.0
# Whatever it fires is within its cooldown: recorded, and not told.
_CANARY = """
    UPDATE alerts SET repeat = 'every_cross', cooldown_s = 604800, last_fired_at = now() + interval '1 hour'
    WHERE instrument = $1
"""
_FIRED = "SELECT fired_at, recorded_at - fired_at AS late FROM alert_firings WHERE symbol = $1 ORDER BY tape_sequence"

F8 = npt.NDArray[np.float64]


@contextlib.asynccontextmanager
async def going_on(market: Market, partition: int) -> AsyncIterator["Beside"]:
    """Run a feed and a reader of all its quotes, and arm a canary on a partition and one on another."""
    partitions = subjects.partitions_of(market.numbers, PARTITIONS)
    near = market.numbers[1:][partitions[1:] == partition][:1]
    far = market.numbers[partitions != partition][:1]
    for number in (near, far):
        await seed(market.postgres.url, int(subjects.partitions_of(number, PARTITIONS)[0]), 1, number, 100.0, 0.0)
    connection = await asyncpg.connect(market.postgres.url)
    spec = f"sim:rate={RATE_PER_S},profile=flat,symbols={SYMBOLS}"
    others, url = len(market.numbers), market.nats.url
    try:
        await connection.executemany(_CANARY, [(int(near[0]),), (int(far[0]),)])
        beats = Heartbeats()
        await market.client.subscribe("ops.feed.*", cb=beats.on_message)
        async with running(market.folder, held_feed.feed, nats_url=url, cache_url="", spec=spec) as feed:
            await feed.answer()
            async with running(
                market.folder, market_reader.read, nats_url=url, symbols=SYMBOLS, others=others
            ) as reader:
                await reader.answer()
                yield Beside(market, connection, feed, reader, beats, np.append(near, far))
    finally:
        await connection.close()


@dataclass(slots=True)
class Beside:
    """What goes on: quotes before the crash and while it is worked off, in ms; canaries in s."""

    market: Market
    connection: "asyncpg.Connection[asyncpg.Record]"
    feed: Role
    reader: Role
    beats: Heartbeats
    canaries: npt.NDArray[np.uint32]
    before: Figures = field(default_factory=dict)
    during: Figures = field(default_factory=dict)
    crashed_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _ticking: "asyncio.Task[None] | None" = None
    _late: list[list[tuple[float, float]]] = field(default_factory=list)

    async def begin(self, seconds: float) -> None:
        """Let the market begin, and look at it for so long; what comes then is during the crash."""
        self.feed.tell(start=True)
        self._ticking = asyncio.create_task(self._tick())
        await asyncio.sleep(_WARM_S)
        await self.reader.ask(do="begin")
        await asyncio.sleep(seconds)
        self.before = await self.reader.ask(do="end")
        await self.reader.ask(do="begin")
        self.crashed_at = datetime.now(UTC)

    async def end(self, seconds: float) -> None:
        """Look no more; canaries go on for so long."""
        self.during = await self.reader.ask(do="end")
        await asyncio.sleep(seconds)
        if self._ticking is not None:
            self._ticking.cancel()
        for number in self.canaries.tolist():
            rows = await self.connection.fetch(_FIRED, f"{VENUE}:B{number}")
            at = [(row["fired_at"] - self.crashed_at).total_seconds() for row in rows]
            self._late.append(list(zip(at, (row["late"].total_seconds() for row in rows), strict=True)))

    async def lost(self) -> int:
        """End the feed, and count the instruments that the reader has not as the feed has them, or that went back."""
        self.feed.tell(end=True)
        await self.beats.at_rest()
        compared = await self.reader.ask(do="compare", path=str(self.market.folder / "table.npy"))
        return int(compared["different"] + compared["stale"])

    def lines(self, times: float, lost: int) -> list[Line]:
        """Tell of quotes and of canaries."""
        before, during = self.before, self.during
        return [
            Line(
                "quotes while it is worked off",
                f"{_ages(during)}; before {_ages(before)}; {lost} instruments differ",
                f"p99 <= {times:g} x before, none lost",
                during["p99"] <= times * before["p99"] and not lost,
                notes=f"{RATE_PER_S:,} rows/s of {SYMBOLS:,} instruments, all watched by one gateway's reader; from "
                f"the feed's receipt, conflation window of 20 ms included; {during['updates']:,} updates, before "
                f"{before['updates']:,}. Feed, reader, worker and servers share the machine.",
            ),
            Line(
                "the tape while it is worked off",
                f"ticks of its partition are evaluated {self._told(0)}; of another one {self._told(1)}",
                notes="two rules that fire at every other tick of theirs, from the tick to its firing's decision.",
            ),
        ]

    def _told(self, canary: int) -> str:
        at, late = np.array(self._late[canary]).T
        usual = float(np.percentile(late[(at > -5) & (at < 0)], 99))
        behind = np.flatnonzero((at >= 0) & (late > 2 * usual))
        text = f"{1e3 * usual:.0f} ms behind (p99) before it"
        if not len(behind):
            return f"{text}, and no later than twice that"
        worst = behind[np.argmax(late[behind])]
        back = next((each for each in range(worst, len(at)) if late[each] <= 2 * usual), None)
        after = "not within" if back is None else f"after {at[back] + late[back]:.1f} s"
        return f"{text}, {late[worst]:.1f} s at most, within twice that again {after}"

    async def _tick(self) -> None:
        publisher = TapePublisher(self.market.client, "canaries", 1, PARTITIONS, time.monotonic)
        for sequence in itertools.count(1):
            prices = np.full(len(self.canaries), 101.0 if sequence % 2 else 99.0)
            publisher.append(trades(self.canaries, prices, sequence, time.time_ns()))
            publisher.flush()
            await asyncio.sleep(EVERY_S)


def _ages(figures: Figures) -> str:
    return f"p50 {figures['p50']:.1f}, p99 {figures['p99']:.1f}, max {figures['max']:.0f} ms"
