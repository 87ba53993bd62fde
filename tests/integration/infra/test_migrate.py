from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from yoyo import get_backend, read_migrations

from infra.local.servers import running_postgres
from infra.migrate import MIGRATIONS, migrate


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    (tmp_path / "0001.users.sql").write_text("CREATE TABLE users (id int)")
    (tmp_path / "0002.orders.sql").write_text("-- depends: 0001.users\nCREATE TABLE orders (id int)")
    return tmp_path


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {name for (name,) in rows if not name.startswith(("_yoyo", "yoyo"))}


def test_migrations_are_applied_once_and_in_order(postgres_url: str, migrations: Path) -> None:
    assert migrate(postgres_url, migrations) == ["0001.users", "0002.orders"]
    assert tables(postgres_url) == {"users", "orders"}
    assert migrate(postgres_url, migrations) == []
    (migrations / "0003.alerts.sql").write_text("CREATE TABLE alerts (id int)")
    assert migrate(postgres_url, migrations) == ["0003.alerts"]


def test_failed_migration_is_rolled_back_and_can_be_mended(postgres_url: str, migrations: Path) -> None:
    bad = migrations / "0003.bad.sql"
    bad.write_text("CREATE TABLE half (id int); SELECT * FROM nowhere")
    with pytest.raises(psycopg.errors.UndefinedTable, match="nowhere"):
        migrate(postgres_url, migrations)
    assert tables(postgres_url) == {"users", "orders"}
    bad.write_text("CREATE TABLE half (id int)")
    assert migrate(postgres_url, migrations) == ["0003.bad"]


async def test_two_at_once_apply_each_migration_once(postgres_url: str, migrations: Path) -> None:
    applied = await asyncio.gather(*(asyncio.to_thread(migrate, postgres_url, migrations) for _ in range(3)))
    assert sorted(map(len, applied)) == [0, 0, 2]


def kinds_of_candle_tables(url: str) -> dict[str, str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT relname, relkind::text FROM pg_class WHERE relname LIKE 'candles\\_%' AND relkind <> 'i'"
        )
        return {name: kind for name, kind in rows if not name.endswith("_pkey")}


def test_candles_of_a_plain_postgres_are_partitioned_by_time(postgres_url: str) -> None:
    assert sorted(migrate(postgres_url)) == [
        "0001_accounts",
        "0002_candles",
        "0003_candle_tables_plain",
        "0004_portfolios",
        "0005_alerts",
        "0006_channel_errors",
        "0007_notifications_done",
        "0008_alert_changes",
    ]
    names = ("1m", "5m", "15m", "1h", "1d", "1w", "1mo")
    expected = {f"candles_{name}": "p" if name in names[:4] else "r" for name in names}
    assert {name: kind for name, kind in kinds_of_candle_tables(postgres_url).items() if kind in "pr"} == expected
    with psycopg.connect(postgres_url) as connection:
        columns = """
            SELECT array_agg((attname, atttypid, attnotnull) ORDER BY attnum) FROM pg_attribute
             WHERE attrelid = %s::regclass AND attnum > 0"""
        shapes = {str(connection.execute(columns, [name]).fetchone()) for name in ("candle_shape", *expected)}
        assert len(shapes) == 1, "every table has the columns of candle_shape"


def test_every_migration_can_be_taken_back_and_made_again(postgres_url: str) -> None:
    sources = [str(MIGRATIONS), str(MIGRATIONS / "plain")]
    applied = migrate(postgres_url)
    backend = get_backend(postgres_url.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        backend.rollback_migrations(backend.to_rollback(read_migrations(*sources)))
    finally:
        backend.connection.close()
    assert tables(postgres_url) == set()
    assert migrate(postgres_url) == applied


def test_tables_that_are_there_decide_how_candles_are_kept(postgres_url: str, tmp_path: Path) -> None:
    """To the catalogue a hypertable is an ordinary table: such a database keeps its folder, as a plain one does."""
    for folder in ("plain", "timescale"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"0002.{folder}.sql").write_text(f"CREATE TABLE made_for_{folder} (id int)")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE candles_1m (id int)")
        assert migrate(postgres_url, tmp_path) == ["0002.timescale"]
        connection.execute("DROP TABLE candles_1m")
        connection.execute("CREATE TABLE candles_1m (id int) PARTITION BY RANGE (id)")
        assert migrate(postgres_url, tmp_path) == ["0002.plain"]


async def test_platforms_own_migrations_apply_twice(postgres_url: str) -> None:
    command = [sys.executable, "-m", "infra.migrate"]
    environment = {**os.environ, "TICKMESH_POSTGRES_DSN": postgres_url}
    for _ in range(2):
        done = await asyncio.to_thread(
            subprocess.run, command, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing, the schema is current" in done.stdout


def test_missing_address_is_named() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TICKMESH_POSTGRES_DSN"}
    command = [sys.executable, "-m", "infra.migrate"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "TICKMESH_POSTGRES_DSN must name the database" in done.stdout


async def test_database_that_starts_late_is_waited_for(open_folder: Path, migrations: Path) -> None:
    folder = open_folder / "late"
    folder.mkdir(mode=0o711)
    async with running_postgres(folder) as server:
        await server.stop()
        migrating = asyncio.create_task(asyncio.to_thread(migrate, server.url, migrations))
        await server.restart()
        assert await migrating == ["0001.users", "0002.orders"]
