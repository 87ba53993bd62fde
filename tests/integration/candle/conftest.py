"""NATS, an empty database with its tables, and whatever workers a test starts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest_asyncio
from nats.js import JetStreamContext

from infra.local.servers import NatsServer
from infra.migrate import migrate
from tests.candle_tape import TapeWriter, open_tape
from tests.candle_worker import CandleWorker

PARTITIONS = 2
INSTRUMENTS = 12


@pytest_asyncio.fixture
async def dsn(postgres_url: str) -> str:
    await asyncio.to_thread(migrate, postgres_url)
    return postgres_url


@pytest_asyncio.fixture
async def tape(nats_server: NatsServer) -> AsyncIterator[TapeWriter]:
    async with open_tape(nats_server.url, INSTRUMENTS, PARTITIONS) as writer:
        yield writer


@pytest_asyncio.fixture
async def js(nats_server: NatsServer) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(nats_server.url)
    yield client.jetstream()
    await client.close()


@pytest_asyncio.fixture
async def worker(nats_server: NatsServer, dsn: str, tmp_path: Path) -> AsyncIterator[CandleWorker]:
    """Run a worker; it must not have met with an error that it did not expect."""
    process = CandleWorker(tmp_path, nats_server.url, dsn, partitions=PARTITIONS)
    await process.start()
    yield process
    await process.stop()
    assert "Traceback" not in process.said, process.said[-5000:]
