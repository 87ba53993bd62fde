"""A worker on a stream and a database; most tests share one, each with users of its own."""

import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest_asyncio

from infra.local.servers import NatsServer, PostgresServer, running_nats
from mesh.ledger.store import LedgerStore
from mesh.settings import MeshSettings
from mesh.streams import declared, ensure
from tests.databases import new_database
from tests.portfolio_worker import LedgerClient, PortfolioWorker, ledger_client

PARTITIONS = 2
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Stack:
    """Where everything is; `worker` is the only one."""

    folder: Path
    nats: NatsServer
    postgres: PostgresServer
    dsn: str
    worker: PortfolioWorker

    def another_worker(self, dsn: str) -> PortfolioWorker:
        """Make a worker for other tables of the same stream; it does not run yet."""
        return PortfolioWorker(self.folder, self.nats.url, dsn, f"another-{next(_numbers)}", partitions=PARTITIONS)


@contextlib.asynccontextmanager
async def stopped_in_the_end(worker: PortfolioWorker) -> AsyncIterator[PortfolioWorker]:
    """Run a worker; whatever was done to it, it must not have met with an error it did not expect."""
    await worker.start()
    try:
        yield worker
    finally:
        await worker.stop()
    assert "Error" not in worker.said, worker.said[-5000:]


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def stack(postgres_server: PostgresServer, open_folder: Path) -> AsyncIterator[Stack]:
    """Run one worker for all tests of the folder."""
    folder = open_folder / "portfolios"
    folder.mkdir()
    dsn = await new_database(postgres_server)
    async with running_nats(folder) as nats:
        async with ledger_client(nats.url, PARTITIONS) as client:
            await ensure(client.js, declared(MeshSettings(nats_url="unused")))
        worker = PortfolioWorker(folder, nats.url, dsn, partitions=PARTITIONS)
        await worker.start()
        try:
            yield Stack(folder, nats, postgres_server, dsn, worker)
        finally:
            await worker.stop()


@pytest_asyncio.fixture
async def ledger(stack: Stack) -> AsyncIterator[LedgerClient]:
    """Give the test a client of its own."""
    async with ledger_client(stack.nats.url, PARTITIONS) as client:
        yield client


@pytest_asyncio.fixture
async def store(stack: Stack) -> AsyncIterator[LedgerStore]:
    """Read the common worker's tables."""
    reader = LedgerStore(stack.dsn)
    yield reader
    await reader.close()
