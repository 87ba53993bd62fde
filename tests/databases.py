"""Databases for tests on the common Postgres."""

import asyncio
import itertools

import asyncpg  # type: ignore[import-untyped]  # it ships no annotations

from infra.local.servers import PostgresServer
from infra.migrate import migrate

_numbers = itertools.count(1)


async def new_database(server: PostgresServer) -> str:
    """Make a database with the schema; it goes with the server."""
    name = f"with_schema_{next(_numbers)}"
    admin = await asyncpg.connect(server.admin_url, ssl=False)
    try:
        await admin.execute(f"CREATE DATABASE {name} OWNER tickmesh")
    finally:
        await admin.close()
    dsn = server.url.rpartition("/")[0] + f"/{name}"
    await asyncio.to_thread(migrate, dsn)
    return dsn
