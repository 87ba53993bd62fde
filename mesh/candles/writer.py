"""Candles into their tables: a batch and how far it reaches, in one transaction, by the partition's owner alone.

Written again, a batch changes nothing: a candle gives way to a higher (revision, trades) only. So whoever lost the
answer writes again, and whoever lost its partition is refused by the fence before it can write at all.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import psycopg
from numpy.typing import NDArray

from market.candles.candles import Candles
from market.candles.timeframe import Timeframe
from mesh.candles import sql
from mesh.candles.copy_format import copy_blocks
from mesh.candles.instrument_ids import InstrumentIds, NameOf
from mesh.candles.postgres import CONNECT_WITHIN_S, Connection, answered_within, close, connect
from mesh.candles.stretches import RETENTION_YEARS, stretches

WORKER = "candle"
WRITE_WITHIN_S = 30.0
_S_PER_CANDLE = 0.001  # more than a slow disk takes: a large batch must not be given up for its size
RETENTION_WITHIN_S = 300.0
_SORT_MEMORY = "64MB"  # a batch is sorted before it is merged; Postgres' 4 MB would send 40,000 candles through files


class Fenced(Exception):  # noqa: N818  # says what is the case
    """Other owners have taken these partitions over; nothing was written, and trying again does not help."""

    def __init__(self, partitions: Sequence[int]) -> None:
        super().__init__(f"partitions {', '.join(map(str, partitions))} have other owners")
        self.partitions = tuple(partitions)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a partition is: the effects of its tape up to `sequence` are in the batch or before it."""

    partition: int
    fence: int
    sequence: int


Also = Callable[[Connection], Awaitable[None]]
"""What else belongs into a batch's transaction."""


class CandleWriter:
    """Writes through one connection, opened when it is needed. One write at a time."""

    def __init__(self, dsn: str, name_of: NameOf, write_within_s: float = WRITE_WITHIN_S) -> None:
        self._dsn = dsn
        self._ids = InstrumentIds(name_of)
        self._write_within_s = write_within_s
        self._rooms: set[tuple[Timeframe, datetime]] = set()
        self._connection: Connection | None = None

    async def write(self, candles: Candles, marks: Sequence[Mark] = (), also: Also | None = None) -> int:
        """Write candles, each at most once among them, with what `also` does; the answer is how many rows changed.

        Raises StoreAway (trying again helps) and Fenced (it does not); in both cases nothing was written, unless the
        answer to the commit was lost: then everything was.
        """
        connection = await self._connected()
        batches = {
            timeframe: candles.take(np.flatnonzero(candles.timeframe == timeframe))
            for timeframe in map(Timeframe, np.unique(candles.timeframe).tolist())
        }
        try:
            return await self._write(connection, batches, marks, also)
        except psycopg.errors.CheckViolation as error:
            if error.diag.constraint_name is not None:
                raise
        # Retention dropped a partition that we knew to be there.
        self._rooms.clear()
        return await self._write(connection, batches, marks, also)

    async def apply_retention(self, now: datetime) -> int:
        """Drop what is older than candles of its timeframe are kept; the answer is how many partitions went.

        0 with TimescaleDB, whose policies do it. Raises StoreAway.
        """
        connection = await self._connected()
        dropped = 0
        async with answered_within(connection, RETENTION_WITHIN_S):
            for timeframe, years in RETENTION_YEARS.items():
                keep_after = datetime(now.year - years, now.month, 1, tzinfo=UTC)
                cursor = await connection.execute(sql.RETENTION, {"table": timeframe.table, "keep_after": keep_after})
                (count,) = await cursor.fetchone() or (0,)
                dropped += int(str(count))
        self._rooms.clear()
        return dropped

    async def close(self) -> None:
        """Give back the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await close(connection)

    async def _write(
        self, connection: Connection, batches: dict[Timeframe, Candles], marks: Sequence[Mark], also: Also | None
    ) -> int:
        for timeframe, batch in batches.items():
            await self._make_room(connection, timeframe, batch)
        limit_s = self._write_within_s + _S_PER_CANDLE * sum(map(len, batches.values()))
        async with answered_within(connection, limit_s):
            ids = {timeframe: await self._ids.of(connection, batch.instrument) for timeframe, batch in batches.items()}
            changed = 0
            async with connection.transaction():
                await _mark(connection, marks)
                for timeframe, batch in batches.items():
                    changed += await _merge(connection, timeframe, batch, ids[timeframe])
                if also is not None:
                    await also(connection)
            return changed

    async def _make_room(self, connection: Connection, timeframe: Timeframe, batch: Candles) -> None:
        for starts, ends in stretches(timeframe, batch.start_ns):
            if (timeframe, starts) not in self._rooms:
                async with answered_within(connection, self._write_within_s):  # each: an import may need hundreds
                    await connection.execute(sql.ROOM, {"table": timeframe.table, "starts": starts, "ends": ends})
                self._rooms.add((timeframe, starts))

    async def _connected(self) -> Connection:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        # It may be another database now: restored, or made anew.
        self._ids.forget()
        self._rooms.clear()
        self._connection = None
        connection = await connect(self._dsn)
        self._connection = connection
        try:
            async with answered_within(connection, CONNECT_WITHIN_S):
                await connection.execute(f"SET work_mem = '{_SORT_MEMORY}'")
                for timeframe in Timeframe:
                    await connection.execute(sql.make_staging(timeframe))
        except BaseException:
            await self.close()  # half prepared is of no use
            raise
        return connection


async def _merge(connection: Connection, timeframe: Timeframe, batch: Candles, ids: NDArray[np.int32]) -> int:
    async with connection.cursor() as cursor:
        async with cursor.copy(sql.copy_in(timeframe)) as copy:
            for block in copy_blocks(batch, ids):
                await copy.write(block)
        await cursor.execute(sql.upsert(timeframe))
        return cursor.rowcount


async def _mark(connection: Connection, marks: Sequence[Mark]) -> None:
    """Note how far the partitions are; raises Fenced where another owner has done so with a higher fence."""
    if not marks:
        return
    values = {
        "worker": WORKER,
        "partitions": [mark.partition for mark in marks],
        "fences": [mark.fence for mark in marks],
        "sequences": [mark.sequence for mark in marks],
    }
    cursor = await connection.execute(sql.MARK, values)
    taken = {partition for (partition,) in await cursor.fetchall()}
    lost = [mark.partition for mark in marks if mark.partition not in taken]
    if lost:
        raise Fenced(lost)
