"""Postgres as owners of partitions and their readers need it: a bound on every wait, one error that means "later"."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias, TypeVar

import asyncpg  # type: ignore[import-untyped]  # it ships no annotations

from mesh import postgres

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

_logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

CONNECT_WITHIN_S = 5.0
CLOSE_WITHIN_S = 1.0
_FIRST_RETRY_S, _MAX_RETRY_S = 0.05, 1.0

# Away, or tired of a transaction that waited.
AWAY = (*postgres.AWAY, asyncpg.TransactionRollbackError, asyncpg.IdleInTransactionSessionTimeoutError)

# What Postgres says of a value that it cannot hold.
VALUE_ERRORS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)


class PostgresAway(Exception):  # noqa: N818  # says what is the case
    """Postgres cannot be reached or does not answer; trying again helps. What was to be committed may be, or not."""


class Patience:
    """Asks until Postgres answers, for as many at a time as there are."""

    def __init__(self) -> None:
        self._away_since_s: float | None = None

    @property
    def away_s(self) -> float:
        """For how long Postgres has been away."""
        return 0.0 if self._away_since_s is None else time.monotonic() - self._away_since_s

    async def ask(self, what: Callable[[], Awaitable[Answer]]) -> Answer:
        """Give the answer, whenever it comes."""
        retry_s = _FIRST_RETRY_S
        while True:
            try:
                answer = await what()
            except PostgresAway as error:
                if self._away_since_s is None:
                    _logger.warning("Postgres is away: %s", error)
                    self._away_since_s = time.monotonic()
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, _MAX_RETRY_S)
            else:
                if self._away_since_s is not None:
                    _logger.info("Postgres is back after %.1f s", self.away_s)
                    self._away_since_s = None
                return answer


class Pool:
    """Connections, made as they are needed; one that failed in any way is cut off and never used again."""

    def __init__(self, dsn: str, connections: int, name: str, **settings: str) -> None:
        self._dsn = dsn
        self._connections = connections
        self._settings = {"application_name": name, **settings}
        self._opened: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def lend(self, within_s: float) -> AsyncIterator[Connection]:
        """Lend a connection for so long; raises PostgresAway for what the borrower meets with, too."""
        try:
            async with asyncio.timeout(within_s):
                pool = await self._pool()
                connection = await pool.acquire()
                try:
                    yield connection
                except BaseException:
                    with suppress(asyncpg.InterfaceError):  # the server cut it off itself
                        connection.terminate()  # the server gives up what was begun; asking it to could wait for ever
                    raise
                finally:
                    await pool.release(connection)
        except AWAY as error:
            raise PostgresAway(str(error).strip() or type(error).__name__) from error

    async def close(self) -> None:
        """Close what is open, asked nicely first; a server that hangs is left alone."""
        if self._opened is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_WITHIN_S):
                    await self._opened.close()

    async def _pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        async with self._opening:
            if self._opened is None:
                self._opened = await asyncpg.create_pool(
                    self._dsn,
                    min_size=0,
                    max_size=self._connections,
                    timeout=CONNECT_WITHIN_S,
                    server_settings=self._settings,
                    reset=_nothing,  # transactions end before a connection is given back, and nothing else is set
                )
            return self._opened


async def _nothing(connection: Connection) -> None:
    pass
