"""Transactions of one owner of a partition: each happens once, however often Postgres goes away meanwhile."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg  # type: ignore[import-untyped]  # it ships no annotations

from mesh.actor.outbox import FencedError
from mesh.alerts.batch import progress_of
from mesh.alerts.writes import Mark
from mesh.pool import Connection, Patience, Pool

WITHIN_S = 60.0

Result = TypeVar("Result")


class Transactions:
    """Runs them on the connections of one pool."""

    def __init__(self, pool: Pool, patience: Patience) -> None:
        self._pool = pool
        self.patience = patience

    async def commit(self, mark: Mark, work: Callable[[Connection], Awaitable[Result]]) -> Result | None:
        """Run `work`, which brings a partition to a mark, in a transaction.

        Gives what it gave, once that lasts; None where an attempt whose answer was lost had been committed. Raises
        FencedError, and what `work` raises.
        """
        attempts = 0

        async def attempt() -> Result | None:
            nonlocal attempts
            attempts += 1
            async with self._pool.lend(WITHIN_S) as connection:
                await connection.execute("BEGIN")
                if attempts > 1:
                    progress = await progress_of(connection, mark.partition)
                    if progress is None or progress.fence != mark.fence:
                        raise FencedError(mark.partition)
                    if progress.revision == mark.revision:
                        await connection.execute("ROLLBACK")
                        return None
                result = await work(connection)
                await connection.execute("COMMIT")
                return result

        try:
            return await self.patience.ask(attempt)
        except asyncpg.IntegrityConstraintViolationError:
            # Another owner may have written the same, and this one may not know yet that it is none any more.
            progress = await self.ask(lambda connection: progress_of(connection, mark.partition))
            if progress is None or progress.fence != mark.fence:
                raise FencedError(mark.partition) from None
            raise

    async def ask(self, what: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Run a single statement, or several that only read, as often as it takes."""

        async def attempt() -> Result:
            async with self._pool.lend(WITHIN_S) as connection:
                return await what(connection)

        return await self.patience.ask(attempt)
