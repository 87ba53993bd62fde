"""One price touches more rules than a transaction takes; the worker dies between two of them: each fires once."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from infra.local.servers import PostgresServer, running_nats
from infra.migrate import migrate
from mesh.streams import FIRED
from tests.alert_worker import AlertWorker, alert_client
from tests.candle_tape import open_tape
from tests.faults.conftest import Report
from tests.integration.alerts.conftest import trades
from workers.alert.touches import MAX_TOUCHES

pytestmark = pytest.mark.timeout(180)

RULES, OF_A_USER = 5 * MAX_TOUCHES // 2, 5
_RULES = """
    WITH users AS (
        INSERT INTO alert_users SELECT gen_random_uuid() FROM generate_series(1, $1::int / $2::int) RETURNING user_id
    )
    INSERT INTO alerts (id, user_id, partition, instrument, symbol, condition, threshold, reference, reference_price,
        repeat, state, waiting_side, since, fired_day, cooldown_s, note, channels, created_at, updated_at, fired_count)
    SELECT gen_random_uuid(), user_id, 0, $3, $4, 'ABOVE', 100, 'created', 0,
        'once', 'armed', 0, 0, 0, 0, '', '{}', now(), now(), 0
    FROM users, generate_series(1, $2::int)
"""
_PROGRESS = "SELECT revision, published, tape_sequence FROM alert_progress"


async def until_progress(connection: asyncpg.Connection, column: str, least: int) -> int:
    """Wait until a column of the progress has come so far, and give it."""
    async with asyncio.timeout(60):
        while True:
            row = await connection.fetchrow(_PROGRESS)
            if row is not None and row[column] >= least:
                return int(row[column])
            await asyncio.sleep(0.005)


async def test_a_worker_that_dies_in_a_crash_goes_on_with_what_is_left_of_it(
    postgres_server: PostgresServer, database_url: str, tmp_path: Path, report: Report
) -> None:
    await asyncio.to_thread(migrate, database_url)
    connection = await asyncpg.connect(database_url)
    try:
        async with (
            running_nats(tmp_path) as nats,
            open_tape(nats.url, 1, 1) as tape,
            alert_client(nats.url, 1) as client,
        ):
            (instrument,) = tape.instruments
            await connection.execute(_RULES, RULES, OF_A_USER, int(instrument.number), str(instrument.key))
            worker = AlertWorker(tmp_path, nats.url, database_url, partitions=1)
            try:
                await worker.start()
                await tape.write(trades(instrument, 1 << 32, (99.0,)), 0.01)
                await until_progress(connection, "tape_sequence", 1)
                await tape.write(trades(instrument, (1 << 32) + 1, (101.0,)), 0.01)
                await until_progress(connection, "revision", 1)
                worker.kill()
                await worker.exited()
                before = await connection.fetchval("SELECT count(*) FROM alert_firings")
                await worker.start()
                await until_progress(connection, "tape_sequence", 2)
                last = await until_progress(connection, "revision", 0)
                await until_progress(connection, "published", last)
            finally:
                await worker.stop()
            told = (await client.js.stream_info(FIRED)).state.messages
            fired = await connection.fetchrow("SELECT count(*), count(DISTINCT alert_id) FROM alert_firings")
            once = await connection.fetchval("SELECT count(*) FROM alerts WHERE state = 'fired' AND fired_count = 1")
    finally:
        await connection.close()
    assert "Traceback" not in worker.said, worker.said[-5000:]
    report(f"alerts, killed in a crash of {RULES:,}: {before:,} had fired before, {told:,} messages")
    assert 0 < before < RULES
    assert (*fired, once, told) == (RULES,) * 4
