"""A migrated database of the test's own, and candles to put into it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from infra.local.servers import PostgresServer
from infra.migrate import migrate
from market.symbols import SymbolKey
from mesh.candles.store import CandleStore
from mesh.candles.writer import CandleWriter

_numbers = itertools.count(1)


def name_of(number: int) -> SymbolKey:
    return SymbolKey("XNAS" if number % 2 else "XNYS", f"S{number}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated(postgres_server: PostgresServer) -> str:
    """Name a migrated database that others are copied from."""
    await execute(postgres_server, "CREATE DATABASE migrated OWNER tickmesh")
    await asyncio.to_thread(migrate, address(postgres_server, "migrated"))
    return "migrated"


@pytest_asyncio.fixture
async def candles_url(postgres_server: PostgresServer, migrated: str) -> AsyncIterator[str]:
    """Copy the migrated database for one test, and give the copy's address."""
    name = f"candles_{next(_numbers)}"
    await execute(postgres_server, f"CREATE DATABASE {name} TEMPLATE {migrated} OWNER tickmesh")
    yield address(postgres_server, name)
    await execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


def address(server: PostgresServer, database: str) -> str:
    return server.url.rpartition("/")[0] + f"/{database}"


async def execute(server: PostgresServer, statement: str) -> None:
    admin = await asyncpg.connect(server.admin_url, ssl=False)
    try:
        await admin.execute(statement)
    finally:
        await admin.close()


@pytest_asyncio.fixture
async def writer(candles_url: str) -> AsyncIterator[CandleWriter]:
    writer = CandleWriter(candles_url, name_of)
    yield writer
    await writer.close()


@pytest_asyncio.fixture
async def store(candles_url: str) -> AsyncIterator[CandleStore]:
    store = CandleStore(candles_url, name_of)
    yield store
    await store.close()
