"""A worker on a database and a stream of the test's own."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from infra.local.servers import NatsServer
from infra.migrate import migrate
from mesh.ledger.store import LedgerStore
from mesh.settings import MeshSettings
from mesh.streams import declared, ensure
from tests.portfolio_worker import LedgerClient, PortfolioWorker, ledger_client

PARTITIONS = 2


@pytest_asyncio.fixture
async def ledger(nats_server: NatsServer) -> AsyncIterator[LedgerClient]:
    async with ledger_client(nats_server.url, PARTITIONS) as client:
        await ensure(client.js, declared(MeshSettings(nats_url="unused")))
        yield client


@pytest_asyncio.fixture
async def worker(
    tmp_path: Path, nats_server: NatsServer, postgres_url: str, ledger: LedgerClient
) -> AsyncIterator[PortfolioWorker]:
    await asyncio.to_thread(migrate, postgres_url)
    process = PortfolioWorker(tmp_path, nats_server.url, postgres_url, partitions=PARTITIONS)
    await process.start()
    yield process
    await process.stop()
    assert "Traceback" not in process.said, process.said[-5000:]


@pytest_asyncio.fixture
async def store(postgres_url: str, worker: PortfolioWorker) -> AsyncIterator[LedgerStore]:
    reader = LedgerStore(postgres_url)
    yield reader
    await reader.close()
