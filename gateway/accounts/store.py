"""Users and refresh families in Postgres. Each call is one short transaction; when Postgres is away, each says so.

The pool opens connections as they are needed and replaces the broken ones, so the gateway starts without Postgres, and
goes on by itself once it is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]  # it ships no annotations

from gateway.accounts.refresh import Family
from gateway.accounts.settings import PoolSettings
from gateway.problems import Problem, retry_after
from mesh.postgres import AWAY

log = logging.getLogger(__name__)

MAX_FAMILIES_PER_USER = 50
RETRY_AFTER_S = 2
CLOSE_WITHIN_S = 1.0

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"


class AccountsUnavailable(Problem):
    """Postgres cannot be reached; a retry helps once it is back."""

    def __init__(self) -> None:
        super().__init__(
            503,
            "accounts_unavailable",
            "accounts cannot be reached just now; market data goes on with the token you have",
            headers=retry_after(RETRY_AFTER_S),
        )


class EmailTaken(Exception):  # noqa: N818  # says what is the case
    """An account with this address, however capitalised, exists."""


@dataclass(frozen=True, slots=True)
class User:
    """An account as it is stored."""

    user_id: UUID
    email: str
    password_hash: str


@asynccontextmanager
async def open_pool(settings: PoolSettings) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    """Make a pool without connecting yet, and close it at the end, waiting a bounded time for what runs."""
    pool = asyncpg.create_pool(
        settings.dsn,
        min_size=0,
        max_size=settings.max_connections,
        timeout=settings.connect_timeout_s,
        command_timeout=settings.command_timeout_s,
    )
    await pool
    try:
        yield pool
    finally:
        # Asked nicely first; a server that hangs is left alone (close() itself then cuts the connections).
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await pool.close()


class AccountsStore:
    """The two tables of infra/migrations/0001_accounts.sql. Every method raises AccountsUnavailable."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], acquire_timeout_s: float) -> None:
        self._pool = pool
        self._acquire_timeout_s = acquire_timeout_s
        self._away = False

    async def ping(self) -> None:
        """Return if Postgres answers."""
        async with self._connection() as connection:
            await connection.execute("SELECT 1")

    async def add_user(self, user: User, now_s: float) -> None:
        """Store a new account. Raises EmailTaken."""
        try:
            async with self._connection() as connection:
                await connection.execute(
                    "INSERT INTO users (id, email, password_hash, created_at) VALUES ($1, $2, $3, $4)",
                    user.user_id,
                    user.email,
                    user.password_hash,
                    _time(now_s),
                )
        except asyncpg.UniqueViolationError:
            raise EmailTaken(user.email) from None

    async def find_user(self, email: str) -> User | None:
        """Return the account with this address, however capitalised."""
        async with self._connection() as connection:
            row = await connection.fetchrow(
                "SELECT id, email, password_hash FROM users WHERE lower(email) = lower($1)", email
            )
        return User(*row) if row else None

    async def replace_password_hash(self, user: User, password_hash: str) -> None:
        """Store another hash of the same password, unless the password was changed meanwhile."""
        async with self._connection() as connection:
            await connection.execute(
                "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
                user.user_id,
                user.password_hash,
                password_hash,
            )

    async def add_family(self, family_id: UUID, family: Family) -> None:
        """Store a new login; forget the user's expired ones, and those least used beyond MAX_FAMILIES_PER_USER."""
        now = _time(family.rotated_at_s)
        async with self._connection() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO refresh_families (family, user_id, token_hash, issued_at, rotated_at, expires_at)"
                " VALUES ($1, $2, $3, $4, $4, $5)",
                family_id,
                family.user_id,
                family.token_hash,
                now,
                _time(family.expires_at_s),
            )
            await connection.execute(
                "DELETE FROM refresh_families WHERE user_id = $1 AND (expires_at <= $2 OR family IN"
                " (SELECT family FROM refresh_families WHERE user_id = $1 ORDER BY rotated_at DESC OFFSET $3))",
                family.user_id,
                now,
                MAX_FAMILIES_PER_USER,
            )

    @asynccontextmanager
    async def locked_family(self, family_id: UUID) -> AsyncIterator[LockedFamily | None]:
        """Hold a family's row (SELECT … FOR UPDATE) in a transaction that commits when the block ends."""
        async with self._connection() as connection, connection.transaction():
            row = await connection.fetchrow(
                "SELECT user_id, token_hash, rotated_at, expires_at, revoked_at FROM refresh_families"
                " WHERE family = $1 FOR UPDATE",
                family_id,
            )
            yield LockedFamily(connection, family_id, _family(row)) if row else None

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.acquire(timeout=self._acquire_timeout_s) as connection:
                yield connection
                self._seen(away=False)
        except AWAY as error:
            self._seen(away=True, why=error)
            raise AccountsUnavailable from error

    def _seen(self, away: bool, why: Exception | None = None) -> None:
        # Said when it changes, not at each of the thousands of requests that meet it.
        if away and not self._away:
            log.warning("Postgres is away: %s: %s", type(why).__name__, why)
        elif self._away and not away:
            log.warning("Postgres is back")
        self._away = away


class LockedFamily:
    """A family's row while its transaction holds it."""

    def __init__(self, connection: Connection, family_id: UUID, family: Family) -> None:
        self._connection = connection
        self._family_id = family_id
        self.family = family

    async def rotate(self, token_hash: bytes, now_s: float, expires_at_s: float) -> None:
        """Make another token the present one."""
        await self._connection.execute(
            "UPDATE refresh_families SET token_hash = $2, rotated_at = $3, expires_at = $4 WHERE family = $1",
            self._family_id,
            token_hash,
            _time(now_s),
            _time(expires_at_s),
        )

    async def revoke(self, now_s: float) -> None:
        """End the login: no token of the family is good for anything any more."""
        await self._connection.execute(
            "UPDATE refresh_families SET revoked_at = $2 WHERE family = $1 AND revoked_at IS NULL",
            self._family_id,
            _time(now_s),
        )


def _family(row: asyncpg.Record) -> Family:
    return Family(
        user_id=row["user_id"],
        token_hash=row["token_hash"],
        rotated_at_s=row["rotated_at"].timestamp(),
        expires_at_s=row["expires_at"].timestamp(),
        revoked=row["revoked_at"] is not None,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
