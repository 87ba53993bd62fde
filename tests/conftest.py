"""Real servers for the tests, each on a free port with data of its own; see infra/local/servers.py."""

from __future__ import annotations

import functools
import itertools
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from infra.local.servers import (
    NatsServer,
    PostgresServer,
    ValkeyServer,
    running_nats,
    running_postgres,
    running_valkey,
)

COST = "cost"

_database_numbers = itertools.count(1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the faults cost."""
    calls = (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed"))
    lines = [str(text) for each in calls for name, text in each.user_properties if name == COST]
    if lines:
        terminalreporter.section("faults")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def report(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say what a fault cost; the lines are printed after the run."""
    return functools.partial(record_property, COST)


@pytest_asyncio.fixture
async def nats_server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """Run a nats-server of the test's own: it may be killed and restarted."""
    async with running_nats(tmp_path) as server:
        yield server


@pytest_asyncio.fixture
async def valkey_server(tmp_path: Path) -> AsyncIterator[ValkeyServer]:
    """Run a cache of the test's own: it may be killed and restarted."""
    async with running_valkey(tmp_path) as server:
        yield server


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """Give a folder that every account can enter: root's Postgres runs as another one, and pytest's are private."""
    with tempfile.TemporaryDirectory(prefix="tickmesh-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_server(open_folder: Path) -> AsyncIterator[PostgresServer]:
    """Run one Postgres for all tests; whoever kills it must `restart()` it."""
    async with running_postgres(open_folder) as server:
        yield server


@pytest_asyncio.fixture
async def postgres_url(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """Make an empty database of the test's own on the common server, and give its address."""
    name = f"test_{next(_database_numbers)}"
    admin = await asyncpg.connect(postgres_server.admin_url, ssl=False)
    try:
        await admin.execute(f"CREATE DATABASE {name} OWNER tickmesh")
        yield postgres_server.url.rpartition("/")[0] + f"/{name}"
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()
