"""`python -m infra.migrate`: bring the database to the schema this version needs; doing it again changes nothing."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psycopg
from yoyo import get_backend, read_migrations  # type: ignore[import-untyped]  # it ships no annotations

MIGRATIONS = Path(__file__).parent / "migrations"
DATABASE_WITHIN_S = 30.0
LOCK_WITHIN = "60s"
LOCK_NUMBER = 0x7469636B  # "tick": any number, the same for every process that migrates


def migrate(dsn: str, folder: Path = MIGRATIONS) -> list[str]:
    """Apply the migrations that are still missing, in order of their names, and return those names.

    Those in `folder/timescale` are for a database that has TimescaleDB, those in `folder/plain` for one that has not.
    Waits up to 30 s for the database, and for another process that migrates. Raises psycopg.Error where the database
    does not answer or a migration fails; that one is rolled back, the ones before it stay.
    """
    with _connect(dsn) as guard:
        # Not yoyo's own lock, a row in a table: that one outlives a process that is killed.
        guard.execute(f"SET lock_timeout = '{LOCK_WITHIN}'")
        guard.execute("SELECT pg_advisory_lock(%s)", [LOCK_NUMBER])
        backend = get_backend(dsn.replace("postgresql://", "postgresql+psycopg://", 1))
        try:
            sources = (folder, folder / engine_of(guard))
            missing = backend.to_apply(read_migrations(*map(str, sources)))
            backend.apply_migrations(missing)
            return [migration.id for migration in missing]
        finally:
            backend.connection.close()


def engine_of(connection: psycopg.Connection) -> str:
    """Name the folder of what differs with the database: its tables decide where there are any, else what it offers.

    Tables made without the extension stay as they are when it is installed later: only a copy could change them.
    """
    found = connection.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass('candles_1m')").fetchone()
    if found is not None:
        return "plain" if found[0] else "timescale"
    offered = connection.execute("SELECT FROM pg_available_extensions WHERE name = 'timescaledb'").fetchone()
    return "plain" if offered is None else "timescale"


def _connect(dsn: str) -> psycopg.Connection:
    deadline = time.monotonic() + DATABASE_WITHIN_S
    while True:
        try:
            return psycopg.connect(dsn, autocommit=True, connect_timeout=5)
        except psycopg.OperationalError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)


def main() -> int:
    """Migrate the database that TICKMESH_POSTGRES_DSN names; return the exit code."""
    dsn = os.environ.get("TICKMESH_POSTGRES_DSN")
    if not dsn:
        print("TICKMESH_POSTGRES_DSN must name the database, as postgresql://user:password@host:port/name")  # noqa: T201  # a command's answer
        return 2
    try:
        applied = migrate(dsn)
    except psycopg.Error as error:
        print(f"migration failed: {error}")  # noqa: T201  # a command's answer
        return 1
    print(f"applied: {', '.join(applied) or 'nothing, the schema is current'}")  # noqa: T201  # a command's answer
    return 0


if __name__ == "__main__":
    sys.exit(main())
