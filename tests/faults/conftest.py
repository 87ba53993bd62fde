"""A whole market for each test, to be broken; what was lost, duplicated and waited for is told after the run."""

import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest_asyncio

from infra.local.servers import PostgresServer
from tests.faults.watcher import Watcher, watching
from tests.integration.gateway.running import Market, running_market

FEED = "sim:rate=5000,seed=11,profile=flat,depth_ms=500,slice_ms=20"
Report = Callable[[str], None]

_numbers = itertools.count(1)


async def administer(server: PostgresServer, statement: str) -> None:
    """Run one statement on a connection of its own: none would outlive the faults."""
    admin = await asyncpg.connect(server.admin_url, ssl=False)
    try:
        await admin.execute(statement)
    finally:
        await admin.close()


@pytest_asyncio.fixture
async def database_url(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """Make a database for the test, on the common server: whoever kills that restarts it."""
    name = f"broken_market_{next(_numbers)}"
    await administer(postgres_server, f"CREATE DATABASE {name} OWNER tickmesh")
    yield postgres_server.url.rpartition("/")[0] + f"/{name}"
    await administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture
async def market(postgres_server: PostgresServer, database_url: str, tmp_path: Path) -> AsyncIterator[Market]:
    """Run a market of the test's own."""
    settings = {"heartbeat_s": 1, "checkpoint_interval_s": 1, "partitions": 4, "tape_linger_ms": 20}
    async with running_market(tmp_path, postgres_server, database_url, FEED, **settings) as running:
        yield running


@pytest_asyncio.fixture
async def watcher(market: Market) -> AsyncIterator[Watcher]:
    """Watch twenty symbols through whatever comes."""
    async with watching(market.gateway) as watching_on:
        yield watching_on
