"""Postgres as the tables of candles need it: a bound on every wait, and one error that means "later".

psycopg waits for a server that hangs for as long as it hangs. Here the socket is shut down when time is up, which ends
the wait at once with the error of a lost connection.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

import psycopg

Connection: TypeAlias = psycopg.AsyncConnection[tuple[object, ...]]

CONNECT_WITHIN_S = 5


class StoreAway(Exception):  # noqa: N818  # says what is the case
    """Postgres cannot be reached, hangs, or is about to stop; trying again helps once it is back."""


# Lost, starting, stopping, out of connections or of disk, cancelled, chosen to break a deadlock; or only a replica.
AWAY = (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction, OSError, TimeoutError)


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
