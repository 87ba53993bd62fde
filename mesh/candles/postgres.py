"""Postgres as the tables of candles need it: a bound on every wait, and one error that means "later".

psycopg waits for a server that hangs for as long as it hangs. Here the socket is shut down when time is up, which ends
the wait at once with the error of a lost connection.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

Connection: TypeAlias = psycopg.AsyncConnection[tuple[object, ...]]
Answer = TypeVar("Answer")

CONNECT_WITHIN_S = 5


class StoreAway(Exception):  # noqa: N818  # says what is the case
    """Postgres cannot be reached, hangs, or is about to stop; trying again helps once it is back."""


# Lost, starting, stopping, out of connections or of disk, cancelled, chosen to break a deadlock; or only a replica.
AWAY = (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction, OSError, TimeoutError)


async def connect(dsn: str) -> Connection:
    """Connect; every statement is a transaction of its own, unless one is opened. Raises StoreAway."""
    try:
        return await psycopg.AsyncConnection.connect(
            dsn, autocommit=True, connect_timeout=CONNECT_WITHIN_S, application_name="tickmesh-candles"
        )
    except AWAY as error:
        raise StoreAway(str(error).strip()) from error


async def close(connection: Connection) -> None:
    """Close, whatever the state."""
    with suppress(*AWAY):
        await connection.close()


@asynccontextmanager
async def answered_within(connection: Connection, limit_s: float) -> AsyncIterator[None]:
    """Do what is inside on `connection`; raises StoreAway, and after `limit_s` the connection is lost as well."""
    timer = asyncio.get_running_loop().call_later(limit_s, _hang_up, connection)
    try:
        yield
    except AWAY as error:
        raise StoreAway(str(error).strip() or type(error).__name__) from error
    finally:
        timer.cancel()


def _hang_up(connection: Connection) -> None:
    if connection.closed:
        return
    # A second descriptor of the same socket: libpq keeps its own, and finds the connection ended.
    line = socket.socket(fileno=os.dup(connection.fileno()))
    with line, suppress(OSError):  # the other side may have hung up meanwhile
        line.shutdown(socket.SHUT_RDWR)


class Connections:
    """A few connections for many readers, made as they are needed.

    Unlike psycopg's own pool, which goes on trying in the background while its callers wait, this one says at once that
    Postgres is away, and tries for the next caller.
    """

    def __init__(self, dsn: str, count: int, limit_s: float, on_connect: Callable[[], None]) -> None:
        self._dsn = dsn
        self._limit_s = limit_s
        self._on_connect = on_connect
        self._idle: list[Connection] = []
        self._turns = asyncio.Semaphore(count)

    async def ask(self, question: Callable[[Connection], Awaitable[Answer]]) -> Answer:
        """Do what only reads, on a connection of its own; again where the one it got was lost. Raises StoreAway."""
        deadline_s = asyncio.get_running_loop().time() + self._limit_s
        try:
            async with asyncio.timeout_at(deadline_s):
                await self._turns.acquire()
        except TimeoutError:
            raise StoreAway(f"all connections were busy for {self._limit_s:g} s") from None
        try:
            while self._idle:
                with suppress(_Lost):
                    return await self._ask(self._idle.pop(), question, deadline_s)
            connection = await connect(self._dsn)
            self._on_connect()
            return await self._ask(connection, question, deadline_s)
        finally:
            self._turns.release()

    async def close(self) -> None:
        """Close the connections."""
        while self._idle:
            await close(self._idle.pop())

    async def _ask(
        self, connection: Connection, question: Callable[[Connection], Awaitable[Answer]], deadline_s: float
    ) -> Answer:
        now_s = asyncio.get_running_loop().time
        try:
            async with answered_within(connection, deadline_s - now_s()):
                return await question(connection)
        except StoreAway as error:
            if connection.broken and now_s() < deadline_s:
                raise _Lost(*error.args) from error
            raise
        finally:
            if connection.info.transaction_status is TransactionStatus.IDLE:
                self._idle.append(connection)
            else:
                await close(connection)


class _Lost(StoreAway):
    """The connection was lost, perhaps while it was idle: another one may do."""
