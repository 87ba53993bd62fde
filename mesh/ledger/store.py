"""The ledger as it is read: what the tables say now, for answers, exports, dry runs and whoever keeps it in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import TypeVar
from uuid import UUID

from market.answer import Answer
from market.ledger.account import Account
from market.ledger.commands import Command
from market.ledger.holding import Holding
from market.ledger.portfolio import Portfolio
from market.ledger.transaction import Transaction, effective
from market.portfolio.history import Day
from mesh.commands import MISMATCH, answer_of
from mesh.ledger.accounts import read_account
from mesh.ledger.rows import HOLDINGS, Found, holding_of, portfolio_of, transaction_of
from mesh.pool import Connection, Pool

CONNECTIONS = 4
WITHIN_S = 5.0
SCAN_WITHIN_S = 600.0
_SCANNED_AT_ONCE = 5000

_PORTFOLIOS = "SELECT * FROM portfolios WHERE user_id = $1 AND deleted_at IS NULL ORDER BY created_at, id"
_PORTFOLIO = "SELECT * FROM portfolios WHERE id = $1 AND user_id = $2 AND deleted_at IS NULL"
_HOLDINGS = "SELECT * FROM holdings WHERE portfolio_id = $1 ORDER BY symbol"
_EVERY = "SELECT * FROM transactions WHERE portfolio_id = $1"
_NEWEST = """
    SELECT * FROM transactions
    WHERE portfolio_id = $1 AND (executed_at, place_sequence, place_line, sequence) < ($2, $3, $4, $5)
    AND ($6::text IS NULL OR symbol = $6)
    ORDER BY executed_at DESC, place_sequence DESC, place_line DESC, sequence DESC
    LIMIT $7
"""
_COMMAND = "SELECT status, answer, digest FROM commands WHERE id = $1 AND user_id = $2"
_REACHED = "SELECT sequence FROM ledger_progress WHERE partition = $1"
_DAYS = "SELECT * FROM portfolio_days WHERE portfolio_id = $1 AND day BETWEEN $2 AND $3 ORDER BY day"
_OF_PARTITION = "SELECT * FROM portfolios WHERE partition = $1 AND deleted_at IS NULL ORDER BY id"
_HELD_IN_PARTITION = f"""
    SELECT {", ".join(f"h.{name}" for name in HOLDINGS)} FROM portfolios p JOIN holdings h ON h.portfolio_id = p.id
    WHERE p.partition = $1 AND p.deleted_at IS NULL ORDER BY p.id
"""  # noqa: S608  # no value is in it

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a portfolio's transactions, newest first; what is told next stands behind it."""

    executed_at: datetime
    place_sequence: int
    place_line: int
    sequence: int

    @classmethod
    def of(cls, transaction: Transaction) -> "Cursor":
        """Give the place of a transaction."""
        return cls(transaction.executed_at, transaction.place_sequence, transaction.place_line, transaction.sequence)


_END = Cursor(datetime(9999, 1, 1, tzinfo=UTC), 0, 0, 0)


class LedgerStore:
    """Reads. Every method raises PostgresAway where Postgres does not answer in time."""

    def __init__(self, dsn: str, connections: int = CONNECTIONS) -> None:
        self._pool = Pool(dsn, connections, "tickmesh-ledger-reader", default_transaction_read_only="on")

    async def close(self) -> None:
        """Give back the connections."""
        await self._pool.close()

    async def portfolios(self, user: UUID) -> list[Portfolio]:
        """List a user's portfolios in the order in which they were opened."""
        return [portfolio_of(row) for row in await self._rows(_PORTFOLIOS, user)]

    async def head(self, portfolio: UUID, user: UUID) -> Portfolio | None:
        """Read one portfolio; None where it is not the user's, or not open."""
        rows = await self._rows(_PORTFOLIO, portfolio, user)
        return portfolio_of(rows[0]) if rows else None

    async def holdings(self, portfolio: UUID) -> dict[str, Holding]:
        """Read a portfolio's holdings by symbol, those sold out included."""
        return {row["symbol"]: holding_of(row) for row in await self._rows(_HOLDINGS, portfolio)}

    async def whole(self, portfolio: UUID, user: UUID) -> tuple[Portfolio, dict[str, Holding]] | None:
        """Read a portfolio and its holdings as of one moment; None where it is not the user's, or not open."""

        async def read(connection: Connection) -> tuple[Portfolio, dict[str, Holding]] | None:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                head = await connection.fetchrow(_PORTFOLIO, portfolio, user)
                if head is None:
                    return None
                held = await connection.fetch(_HOLDINGS, portfolio)
            return portfolio_of(head), {row["symbol"]: holding_of(row) for row in held}

        return await self._ask(read)

    async def transactions(
        self, portfolio: UUID, limit: int, before: Cursor | None = None, symbol: str | None = None
    ) -> list[Transaction]:
        """Read a page of a portfolio's transactions, newest first, corrected and voided ones included."""
        place = before or _END
        at = (place.executed_at, place.place_sequence, place.place_line, place.sequence)
        return [transaction_of(row) for row in await self._rows(_NEWEST, portfolio, *at, symbol, limit)]

    async def effective(self, portfolio: UUID) -> list[Transaction]:
        """Read the transactions of a portfolio that take effect, in their order."""
        return effective(transaction_of(row) for row in await self._rows(_EVERY, portfolio))

    async def account(self, command: Command) -> Account:
        """Read what a command needs to be decided as if it came next."""
        return await self._ask(lambda connection: read_account(connection, command))

    async def command(self, command_id: UUID, user: UUID) -> Answer | None:
        """Read the answer to a user's command; None where it was not decided yet, or is another's."""
        rows = await self._rows(_COMMAND, command_id, user)
        return answer_of(rows[0]) if rows else None

    async def answer_to(self, command_id: UUID, user: UUID, digest: bytes) -> Answer | None:
        """Read the answer to a command that may have been given before; None where it was not decided yet.

        `digest` tells its request from others under the same id, which get `MISMATCH`.
        """
        rows = await self._rows(_COMMAND, command_id, user)
        if not rows:
            return None
        return answer_of(rows[0]) if rows[0]["digest"] == digest else MISMATCH

    async def reached(self, partition: int) -> int:
        """Read LEDGER's sequence of the last command of a partition that was decided, 0 before any."""
        rows = await self._rows(_REACHED, partition)
        return int(rows[0]["sequence"]) if rows else 0

    async def days(self, portfolio: UUID, first: date, last: date) -> list[Day]:
        """Read a portfolio's closes of some days, both included."""
        return [_day_of(row) for row in await self._rows(_DAYS, portfolio, first, last)]

    def partition_portfolios(self, partition: int) -> AsyncIterator[list[Portfolio]]:
        """Read all open portfolios of a partition, some at a time."""
        return self._scanned(_OF_PARTITION, partition, portfolio_of)

    def partition_holdings(self, partition: int) -> AsyncIterator[list[tuple[UUID, str, Holding]]]:
        """Read all holdings of a partition's open portfolios, some at a time, those of one portfolio together."""
        return self._scanned(
            _HELD_IN_PARTITION, partition, lambda row: (row["portfolio_id"], row["symbol"], holding_of(row))
        )

    async def _scanned(
        self, statement: str, partition: int, read: Callable[[Found], Result]
    ) -> AsyncIterator[list[Result]]:
        async with self._pool.lend(SCAN_WITHIN_S) as connection, connection.transaction(readonly=True):
            cursor = await connection.cursor(statement, partition)
            while rows := await cursor.fetch(_SCANNED_AT_ONCE):
                yield [read(row) for row in rows]

    async def _rows(self, statement: str, *values: object) -> list[Found]:
        async def read(connection: Connection) -> list[Found]:
            return list(await connection.fetch(statement, *values))

        return await self._ask(read)

    async def _ask(self, read: Callable[[Connection], Awaitable[Result]]) -> Result:
        async with self._pool.lend(WITHIN_S) as connection:
            return await read(connection)


def _day_of(found: Found) -> Day:
    return Day(*(found[each.name] for each in fields(Day)))
