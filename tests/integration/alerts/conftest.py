"""A worker on a tape and a database; most tests share one, each with users and instruments of its own."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest_asyncio

from infra.local.servers import NatsServer, PostgresServer, running_nats
from infra.migrate import migrate
from mesh.alerts.store import AlertStore
from tests.alert_worker import AlertClient, AlertWorker, alert_client
from tests.candle_tape import TapeWriter, open_tape

PARTITIONS = 2
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Stack:
    """Where everything is; `worker` is the only one."""

    folder: Path
    nats: NatsServer
    dsn: str
    worker: AlertWorker


async def new_database(server: PostgresServer) -> str:
    """Make a database with the schema; it goes with the server."""
    name = f"alerts_{next(_numbers)}"
    admin = await asyncpg.connect(server.admin_url, ssl=False)
    try:
        await admin.execute(f"CREATE DATABASE {name} OWNER tickmesh")
    finally:
        await admin.close()
    dsn = server.url.rpartition("/")[0] + f"/{name}"
    await asyncio.to_thread(migrate, dsn)
    return dsn


@pytest_asyncio.fixture
async def stack(postgres_server: PostgresServer, tmp_path: Path) -> AsyncIterator[Stack]:
    """Run a worker on streams and tables of the test's own."""
    dsn = await new_database(postgres_server)
    async with running_nats(tmp_path) as nats:
        worker = AlertWorker(tmp_path, nats.url, dsn, partitions=PARTITIONS)
        try:
            yield Stack(tmp_path, nats, dsn, worker)
        finally:
            await worker.stop()
    assert "Error" not in worker.said, worker.said[-5000:]


@pytest_asyncio.fixture
async def tape(stack: Stack) -> AsyncIterator[TapeWriter]:
    """Write on the tape, of four instruments."""
    async with open_tape(stack.nats.url, 4, PARTITIONS) as writer:
        yield writer


@pytest_asyncio.fixture
async def client(stack: Stack) -> AsyncIterator[AlertClient]:
    """Give the test a client of its own."""
    async with alert_client(stack.nats.url, PARTITIONS) as opened:
        yield opened


@pytest_asyncio.fixture
async def store(stack: Stack) -> AsyncIterator[AlertStore]:
    """Read the tables."""
    reader = AlertStore(stack.dsn)
    yield reader
    await reader.close()
