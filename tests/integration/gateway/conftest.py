"""One whole market for all tests of this folder, and clients of it."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest_asyncio

from infra.local.servers import PostgresServer
from tests.alert_worker import AlertWorker
from tests.integration.gateway.running import Gateway, Market, running_market, until
from tests.integration.gateway.tiny_venue import TinyVenue, tiny_venue

FEED = "sim:rate=3000,seed=7,profile=flat,depth_ms=500,slice_ms=20"
CHANNELS = {
    "notify_kinds": "email,webhook,webpush",
    "notify_private_addresses": "true",
    "vapid_public_key": "BPublic",
}
MAX_ALERTS = 5
CREATED = 201
STARTED_WITHIN_S = 60.0


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
    settings = {"linger_s": 0.5, "auth_timeout_s": 2, "heartbeat_s": 1, "tape_linger_ms": 100, **CHANNELS}
    async with running_market(folder, postgres_server, dsn, FEED, **settings) as running:
        yield running


@pytest_asyncio.fixture
async def gateway(market: Market) -> Gateway:
    """Give the common market's gateway."""
    return market.gateway


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def alert_worker(market: Market) -> AsyncIterator[AlertWorker]:
    """Run an alert worker beside the market, while a module needs it: it takes a quarter of a core."""
    dsn = market.environment["TICKMESH_POSTGRES_DSN"]
    worker = AlertWorker(market.folder, market.nats.url, dsn, alert_max_per_user=MAX_ALERTS)
    await worker.start()
    key = {"Idempotency-Key": str(uuid4())}
    try:
        async with market.gateway.http() as http:

            async def answers() -> bool:
                asked = {"symbol": "AAPL", "condition": "ABOVE", "threshold": 1e6}
                answer = await http.post("/alerts", json=asked, headers=key)
                return answer.status_code == CREATED

            await until(answers, "an alert is made", STARTED_WITHIN_S)
        yield worker
    finally:
        await worker.stop()
    assert "Traceback" not in worker.said, worker.said[-5000:]


@pytest_asyncio.fixture
async def venue(market: Market) -> AsyncIterator[TinyVenue]:
    """Run a venue of the test's own."""
    async with tiny_venue(market) as made:
        yield made
