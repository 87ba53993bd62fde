"""Two notify workers on a work queue and a database; most tests share them, each with users of its own."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from infra.local.ports import any_free
from infra.local.servers import NatsServer, PostgresServer, running_nats
from mesh.connection import connect
from mesh.settings import MeshSettings
from mesh.streams import declared, ensure
from tests.databases import new_database
from tests.notify_worker import Desk, NotifyWorker
from workers.notify.vapid import new_keys

Until = Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Stack:
    """Where everything is."""

    folder: Path
    nats: NatsServer
    dsn: str
    mail_port: int
    sms_port: int

    def worker(self, name: str, dsn: str = "", **settings: object) -> NotifyWorker:
        """Make a worker that offers everything; it does not run yet."""
        keys = new_keys()
        offered = {
            "notify_kinds": "email,webpush,webhook,sms,apprise",
            "smtp_url": f"smtp://127.0.0.1:{self.mail_port}",
            "smtp_from": "Tickmesh <alerts@tickmesh.test>",
            "vapid_private_key": keys.private,
            "vapid_public_key": keys.public,
            "sms_url": f"json://127.0.0.1:{self.sms_port}/{{number}}",
            "apprise_schemes": "json",
        }
        return NotifyWorker(self.folder, self.nats.url, dsn or self.dsn, name, **(offered | settings))


@contextlib.asynccontextmanager
async def opened_desk(nats_url: str, dsn: str) -> AsyncIterator[Desk]:
    """Connect a desk; the streams are there afterwards."""
    client = await connect(MeshSettings(nats_url=nats_url), "notify-test")
    connection = await asyncpg.connect(dsn, ssl=False)
    try:
        await ensure(client.jetstream(), declared(MeshSettings(nats_url="unused")))
        yield Desk(connection, client.jetstream())
    finally:
        await connection.close()
        await client.close()


@contextlib.asynccontextmanager
async def at_work(*workers: NotifyWorker) -> AsyncIterator[None]:
    """Run workers; they must not have met with an error they did not expect."""
    for worker in workers:
        await worker.start()
    try:
        yield
    finally:
        for worker in workers:
            await worker.stop()
    for worker in workers:
        assert "Traceback" not in worker.said, worker.said[-5000:]
        assert "http" not in worker.said, "addresses of users are logged"


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def stack(postgres_server: PostgresServer, open_folder: Path) -> AsyncIterator[Stack]:
    """Run two workers for all tests of the folder."""
    folder = open_folder / "notify"
    folder.mkdir()
    dsn = await new_database(postgres_server)
    async with running_nats(folder) as nats:
        stack = Stack(folder, nats, dsn, any_free(), any_free())
        async with at_work(stack.worker("one"), stack.worker("two")):
            yield stack


@dataclass(frozen=True)
class Alone:
    """A queue and tables of a test's own, without a worker."""

    stack: Stack
    desk: Desk


@pytest_asyncio.fixture
async def alone(tmp_path: Path, postgres_server: PostgresServer) -> AsyncIterator[Alone]:
    """Give a test what it may hurt."""
    dsn = await new_database(postgres_server)
    async with running_nats(tmp_path) as nats, opened_desk(nats.url, dsn) as desk:
        yield Alone(Stack(tmp_path, nats, dsn, any_free(), any_free()), desk)


@pytest_asyncio.fixture
async def desk(stack: Stack) -> AsyncIterator[Desk]:
    """Give the test a desk of its own."""
    async with opened_desk(stack.nats.url, stack.dsn) as desk:
        yield desk


@pytest.fixture
def until() -> Until:
    """Wait for a condition, or fail; a notification needs some attempts at most."""

    async def wait(condition: Callable[[], Awaitable[object]], within_s: float = 120.0) -> None:
        async with asyncio.timeout(within_s):
            while not await condition():  # noqa: ASYNC110  # it is in another process
                await asyncio.sleep(0.02)

    return wait
