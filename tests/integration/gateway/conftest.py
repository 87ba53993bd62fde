"""One whole market for all tests of this folder, and clients of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest_asyncio

from infra.local.servers import PostgresServer
from tests.integration.gateway.running import Gateway, Market, running_market
from tests.integration.gateway.tiny_venue import TinyVenue, tiny_venue

FEED = "sim:rate=3000,seed=7,profile=flat,depth_ms=500"


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def market(postgres_server: PostgresServer, open_folder: Path) -> AsyncIterator[Market]:
    """Run the whole market once; whoever kills a part of it belongs into the fault tests."""
    admin = await asyncpg.connect(postgres_server.admin_url, ssl=False)
    try:
        await admin.execute("CREATE DATABASE live_market OWNER tickmesh")
    finally:
        await admin.close()
    dsn = postgres_server.url.rpartition("/")[0] + "/live_market"
    folder = open_folder / "live_market"
    folder.mkdir()
    settings = {"linger_s": 0.5, "auth_timeout_s": 2, "heartbeat_s": 1}
    async with running_market(folder, postgres_server, dsn, FEED, **settings) as running:
        yield running


@pytest_asyncio.fixture
async def gateway(market: Market) -> Gateway:
    """Give the common market's gateway."""
    return market.gateway


@pytest_asyncio.fixture
async def venue(market: Market) -> AsyncIterator[TinyVenue]:
    """Run a venue of the test's own."""
    async with tiny_venue(market) as made:
        yield made
