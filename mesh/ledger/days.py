"""The days of portfolios in their table: of which some are missing or were made of an older ledger, and making them."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from uuid import UUID

from market.portfolio.history import Day
from mesh.pool import Pool

WITHIN_S = 30.0

# A correction takes effect where it stands, and what it corrected no more where that stood.
_CHANGED = """
    SELECT min(least(t.executed_at, o.executed_at)) FROM transactions t LEFT JOIN transactions o ON o.id = t.corrects
    WHERE t.portfolio_id = p.id AND t.sequence > coalesce(c.revision, 0)
"""
_DUE = f"""
    SELECT * FROM (
        SELECT p.id, p.currency, p.revision, p.transactions, c.until,
        CASE WHEN p.revision > coalesce(c.revision, 0) THEN ({_CHANGED}) END AS since
        FROM portfolios p LEFT JOIN portfolio_closes c ON c.portfolio_id = p.id
        WHERE p.partition = $1 AND p.deleted_at IS NULL AND p.id > $3
    ) due
    WHERE until IS NULL AND since IS NOT NULL OR until < $2 OR since <= until
    ORDER BY id LIMIT $4
"""  # noqa: S608  # no value is in it
_COLUMNS = ("day", "total_value", "market_value", "cash", "cost", "realized", "net_flow", "priced_at")
_TYPES = ("date", *["numeric"] * 6, "timestamptz")
_ARRAYS = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_TYPES, 5))
_WRITE = f"""
    WITH noted AS (
        INSERT INTO portfolio_closes AS here (portfolio_id, revision, until) VALUES ($1, $2, $3)
        ON CONFLICT (portfolio_id) DO UPDATE SET revision = excluded.revision, until = excluded.until
        WHERE here.revision <= excluded.revision AND here.until <= excluded.until
        RETURNING portfolio_id
    ),
    gone AS (
        DELETE FROM portfolio_days d USING noted
        WHERE d.portfolio_id = noted.portfolio_id AND d.priced_at > $4 AND d.day <> ALL($5::date[])
    )
    INSERT INTO portfolio_days AS here (portfolio_id, {", ".join(_COLUMNS)})
    SELECT noted.portfolio_id, made.* FROM noted, unnest({_ARRAYS}) AS made
    ON CONFLICT (portfolio_id, day) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])}
    WHERE ({", ".join(f"here.{name}" for name in _COLUMNS)})
    IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in _COLUMNS)})
"""  # noqa: S608  # no value is in it


@dataclass(frozen=True, slots=True)
class Due:
    """A portfolio whose days have to be made.

    `revision` is the ledger's that is read now, or an older one; `entries` how many it has of the portfolio. `until` is
    up to when days were made, None where never; `since` when the first of what changed since then took or takes effect,
    None where nothing did.
    """

    portfolio: UUID
    currency: str
    revision: int
    entries: int
    until: datetime | None
    since: datetime | None


class DayStore:
    """Raises PostgresAway where Postgres does not answer in time."""

    def __init__(self, dsn: str) -> None:
        self._pool = Pool(dsn, 1, "tickmesh-portfolio-days")

    async def close(self) -> None:
        """Give back the connection."""
        await self._pool.close()

    async def due(self, partition: int, newest: datetime, after: UUID, limit: int) -> list[Due]:
        """List portfolios, by their ids behind one, with days to be made where `newest` is the last close of all."""
        async with self._pool.lend(WITHIN_S) as connection:
            return [Due(*row) for row in await connection.fetch(_DUE, partition, newest, after, limit)]

    async def write(self, due: Due, days: Sequence[Day], after: datetime, until: datetime) -> None:
        """Replace all days of a portfolio that closed behind `after`; nothing, where newer ones are there."""
        columns = [list(column) for column in zip(*map(astuple, days), strict=True)] or [[] for _ in _COLUMNS]
        async with self._pool.lend(WITHIN_S) as connection:
            await connection.execute(_WRITE, due.portfolio, due.revision, until, after, *columns)
