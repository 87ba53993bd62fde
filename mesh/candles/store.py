"""Reading candles from their tables."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import LiteralString

import numpy as np
from numpy.typing import NDArray

from market.candles.candles import Candles
from market.candles.sessions import DAY_NS, MINUTE_NS, Segments
from market.candles.timeframe import Session, Timeframe
from mesh.candles import sql
from mesh.candles.copy_format import from_packed
from mesh.candles.instrument_ids import InstrumentIds, NameOf
from mesh.candles.postgres import Connection, Connections
from mesh.candles.writer import WORKER

READ_WITHIN_S = 5.0
ALL = (Session.REGULAR, Session.EXTENDED)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OLDEST_NS = -(2**61)  # 1896: before any candle
_DAY_S = 86_400
_LENGTH_S = {Timeframe.D1: _DAY_S, Timeframe.W1: 7 * _DAY_S, Timeframe.MO1: 31 * _DAY_S}


class CandleStore:
    """Reads through a few connections. Candles come oldest first, withdrawn ones and those without a price among them.

    Every read raises StoreAway where Postgres does not answer in time.
    """

    def __init__(self, dsn: str, name_of: NameOf, connections: int = 4, read_within_s: float = READ_WITHIN_S) -> None:
        self._ids = InstrumentIds(name_of)
        # A new connection may be to another database: restored, or made anew.
        self._connections = Connections(dsn, connections, read_within_s, self._ids.forget)

    async def close(self) -> None:
        """Give back the connections."""
        await self._connections.close()

    async def before(
        self, number: int, timeframe: Timeframe, end_ns: int, sessions: Sequence[Session], limit: int
    ) -> Candles:
        """Read the newest `limit` candles that start before `end_ns`.

        Looks at the time just before it first, then at ever more, so that the partitions of decades stay untouched.
        """
        first_span_s = max(5 * limit * (timeframe.minutes * 60 or _LENGTH_S[timeframe]), 5 * _DAY_S)  # a long week-end

        async def ask(connection: Connection) -> Candles:
            ids, numbers = await self._known(connection, [number])
            until_ns, span_ns, missing = end_ns, first_span_s * 10**9, limit
            parts: list[Candles] = []
            while missing > 0 and until_ns > _OLDEST_NS and len(ids):
                from_ns = max(until_ns - span_ns, _OLDEST_NS)
                values = _values(ids, _instant(from_ns), _instant(until_ns), sessions, missing)
                found = await _read(connection, sql.newest_between(timeframe), values, timeframe, ids, numbers)
                parts.append(found)
                missing -= len(found)
                until_ns, span_ns = from_ns, 8 * span_ns
            return Candles.concat(parts[::-1])

        return await self._connections.ask(ask)

    async def between(
        self,
        number: int,
        timeframe: Timeframe,
        start_ns: int,
        end_ns: int,
        sessions: Sequence[Session] = ALL,
        limit: int = 100_000,
    ) -> Candles:
        """Read the oldest `limit` candles that start in [start_ns, end_ns)."""

        async def ask(connection: Connection) -> Candles:
            ids, numbers = await self._known(connection, [number])
            if not len(ids):
                return Candles.of(0)
            values = _values(ids, _instant(start_ns), _instant(end_ns), sessions, limit)
            return await _read(connection, sql.oldest_between(timeframe), values, timeframe, ids, numbers)

        return await self._connections.ask(ask)

    async def of_many(self, numbers: NDArray[np.uint32], timeframe: Timeframe, start_ns: int, end_ns: int) -> Candles:
        """Read all candles of these instruments that start in [start_ns, end_ns), ordered by start and session."""

        async def ask(connection: Connection) -> Candles:
            ids, known = await self._known(connection, numbers)
            values = {"instruments": ids.tolist(), "starts": _instant(start_ns), "ends": _instant(end_ns)}
            return await _read(connection, sql.all_between(timeframe), values, timeframe, ids, known)

        return await self._connections.ask(ask)

    async def minutes_of_day(self, numbers: NDArray[np.uint32], session: Session, day: int, times: Segments) -> Candles:
        """Read the 1m candles of one session's trading day, in days since 1970, at a venue with these `times`."""
        start, end = times.span_of(day, session)
        return _of_session(await self.of_many(numbers, Timeframe.M1, start * MINUTE_NS, end * MINUTE_NS), session)

    async def days_between(
        self, numbers: NDArray[np.uint32], session: Session, first_day: int, last_day: int
    ) -> Candles:
        """Read the 1d candles of one session from one trading day to another, both included, in days since 1970."""
        found = await self.of_many(numbers, Timeframe.D1, first_day * DAY_NS, (last_day + 1) * DAY_NS)
        return _of_session(found, session)

    async def progress(self) -> dict[int, int]:
        """Tell how far the workers are: of each partition the last tape sequence whose candles are in the tables."""

        async def ask(connection: Connection) -> dict[int, int]:
            cursor = await connection.execute(sql.PROGRESS, {"worker": WORKER})
            return {int(str(partition)): int(str(sequence)) for partition, sequence in await cursor.fetchall()}

        return await self._connections.ask(ask)

    async def _known(
        self, connection: Connection, numbers: Sequence[int] | NDArray[np.uint32]
    ) -> tuple[NDArray[np.int32], NDArray[np.uint32]]:
        """Give the ids, ascending, and the numbers of those of the instruments that the tables know."""
        wanted = np.unique(np.asarray(numbers, np.uint32))
        ids = await self._ids.find(connection, wanted)
        order = np.argsort(ids)[np.count_nonzero(ids == 0) :]
        return ids[order], wanted[order]


def _of_session(candles: Candles, session: Session) -> Candles:
    return candles.take(candles.session == session)


def _values(
    ids: NDArray[np.int32], starts: datetime, ends: datetime, sessions: Sequence[Session], limit: int
) -> dict[str, object]:
    """Name the values of a question about one instrument."""
    return {
        "instrument": int(ids[0]),
        "starts": starts,
        "ends": ends,
        "sessions": [int(session) for session in sessions],
        "limit": limit,
    }


async def _read(
    connection: Connection,
    select: LiteralString,
    values: dict[str, object],
    timeframe: Timeframe,
    ids: NDArray[np.int32],
    numbers: NDArray[np.uint32],
) -> Candles:
    async with connection.cursor(binary=True) as cursor:
        # Never prepared: a plan for any time would look at every partition.
        await cursor.execute(sql.packed(select), values, prepare=False)
        (data,) = await cursor.fetchone() or (None,)
    return from_packed(data if isinstance(data, bytes) else b"", timeframe, ids, numbers)


def _instant(ns: int) -> datetime:
    """Give a time to the microsecond that a table keeps, never before `ns`."""
    return _EPOCH + timedelta(microseconds=-(-ns // 1000))
