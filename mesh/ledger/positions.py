"""Portfolios as they are valued, read from the tables: heads and what is held, in integers of 1e-8."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import numpy.typing as npt

from market.portfolio.valuation import Head
from mesh.ledger.rows import Found
from mesh.pool import Pool

CONNECTIONS = 4
WITHIN_S = 5.0
SCAN_WITHIN_S = 600.0
_SCANNED_AT_ONCE = 1000

_UNITS = "({} * 100000000)::bigint"
_SELECT = f"""
    SELECT p.id, p.user_id, p.name, p.currency, p.created_at, p.revision,
    {", ".join(f"{_UNITS.format(f'p.{name}')} AS {name}" for name in ("cash", "realized", "deposited"))},
    held.symbols, held.quantities, held.costs
    FROM portfolios p CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(h.symbol ORDER BY h.symbol), '{{}}') AS symbols,
        coalesce(array_agg({_UNITS.format("h.quantity")} ORDER BY h.symbol), '{{}}') AS quantities,
        coalesce(array_agg({_UNITS.format("h.cost")} ORDER BY h.symbol), '{{}}') AS costs
        FROM holdings h WHERE h.portfolio_id = p.id AND h.quantity > 0
    ) held
    WHERE p.deleted_at IS NULL
"""  # noqa: S608  # no value is in it
_OF_PARTITION = f"{_SELECT} AND p.partition = $1"
_OF_USER = f"{_SELECT} AND p.user_id = $1 ORDER BY p.created_at, p.id"
_ONE = f"{_SELECT} AND p.id = $1"

I8 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Whole:
    """A portfolio with what it holds now: quantity and cost i8[n], units of 1e-8, in the order of the symbols."""

    user: UUID
    head: Head
    symbols: Sequence[str]
    quantity: I8
    cost: I8


class PositionReader:
    """Every read is one statement, so of one moment; raises PostgresAway where Postgres does not answer in time."""

    def __init__(self, dsn: str, connections: int = CONNECTIONS) -> None:
        self._pool = Pool(dsn, connections, "tickmesh-positions", default_transaction_read_only="on")

    async def close(self) -> None:
        """Give back the connections."""
        await self._pool.close()

    async def portfolio(self, portfolio: UUID) -> Whole | None:
        """Read one portfolio; None where it is not open."""
        found = await self._wholes(_ONE, portfolio)
        return found[0] if found else None

    async def portfolios(self, user: UUID) -> list[Whole]:
        """Read a user's portfolios in the order in which they were opened."""
        return await self._wholes(_OF_USER, user)

    async def of_partition(self, partition: int) -> AsyncIterator[list[Whole]]:
        """Read all open portfolios of a partition, some at a time, as of one moment."""
        async with self._pool.lend(SCAN_WITHIN_S) as connection, connection.transaction(readonly=True):
            cursor = await connection.cursor(_OF_PARTITION, partition)
            while rows := await cursor.fetch(_SCANNED_AT_ONCE):
                yield [_whole_of(row) for row in rows]

    async def _wholes(self, statement: str, value: UUID) -> list[Whole]:
        async with self._pool.lend(WITHIN_S) as connection:
            return [_whole_of(row) for row in await connection.fetch(statement, value)]


def _whole_of(row: Found) -> Whole:
    names = ("id", "name", "currency", "created_at", "revision", "cash", "realized", "deposited")
    return Whole(
        row["user_id"],
        Head(*(row[name] for name in names)),
        row["symbols"],
        np.array(row["quantities"], np.int64),
        np.array(row["costs"], np.int64),
    )
