"""The migration for TimescaleDB, and every statement on candles, on a Postgres that has it.

Only COPY is not run here, which ends this server: rows go into the staging table by INSERT.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
import pytest

from infra.migrate import MIGRATIONS, engine_of
from market.candles.timeframe import Timeframe
from mesh.candles import sql
from mesh.candles.copy_format import COLUMNS, from_packed
from mesh.candles.stretches import RETENTION_YEARS

BEGIN = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
WINDOW = {"instrument": 1, "starts": BEGIN, "ends": BEGIN + timedelta(days=1), "sessions": [0, 1], "limit": 5}

pytestmark = pytest.mark.timeout(150)  # the first one may install the packages

Row = tuple[object, ...]
timeframes = pytest.mark.parametrize("timeframe", Timeframe, ids=lambda timeframe: timeframe.text)


def row(minute: int, *, instrument: int = 1, session: int = 0, revision: int = 0, trades: int = 5) -> Row:
    prices = (100.0, 102.0, 99.0, 101.0 + revision)
    return (instrument, session, BEGIN + timedelta(minutes=minute), revision, trades, *prices, 1000, 5, 100_000, 6)


def write(connection: psycopg.Connection, timeframe: Timeframe, rows: Sequence[Row]) -> int:
    """Write a batch as the writer does, with INSERT for COPY; returns how many rows changed."""
    connection.execute(sql.make_staging(timeframe))
    places = ", ".join(["%s"] * len(COLUMNS))
    with connection.cursor() as cursor:
        for each in rows:
            cursor.execute(f"INSERT INTO {sql.staging(timeframe)} ({', '.join(COLUMNS)}) VALUES ({places})", each)  # noqa: S608
        changed = cursor.execute(sql.upsert(timeframe)).rowcount
        cursor.execute(f"DELETE FROM {sql.staging(timeframe)}")  # noqa: S608  # the test's commit, which never comes
    return changed


def read(connection: psycopg.Connection, select: str, values: dict[str, object]) -> list[Row]:
    return connection.execute(select, values).fetchall()


def test_this_database_takes_the_folder_for_timescale(timescale: psycopg.Connection) -> None:
    assert engine_of(timescale) == "timescale"
    names = timescale.execute("SELECT hypertable_name FROM timescaledb_information.hypertables").fetchall()
    assert {name for (name,) in names} == {timeframe.table for timeframe in Timeframe}


def test_policies_keep_candles_as_long_as_native_partitions_do(timescale: psycopg.Connection) -> None:
    found = timescale.execute(
        "SELECT hypertable_name, config->>'drop_after' FROM timescaledb_information.jobs"
        " WHERE proc_name = 'policy_retention'"
    ).fetchall()
    assert dict(found) == {timeframe.table: f"{years} years" for timeframe, years in RETENTION_YEARS.items()}


def test_migration_can_be_taken_back(timescale: psycopg.Connection) -> None:
    timescale.execute((MIGRATIONS / "timescale" / "0003_candle_tables_timescale.rollback.sql").read_text())
    timescale.execute((MIGRATIONS / "0002_candles.rollback.sql").read_text())
    assert timescale.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'candle%'").fetchone() == (0,)


@timeframes
def test_candles_give_way_to_newer_states_only(timescale: psycopg.Connection, timeframe: Timeframe) -> None:
    assert write(timescale, timeframe, [row(0), row(0, session=1), row(1)]) == 3
    assert write(timescale, timeframe, [row(0), row(1, trades=4), row(2)]) == 1
    assert write(timescale, timeframe, [row(0, trades=6), row(1, revision=1, trades=1)]) == 2
    newest = read(timescale, sql.newest_between(timeframe), WINDOW)
    assert newest == [row(2), row(1, revision=1, trades=1), row(0, session=1), row(0, trades=6)]
    assert read(timescale, sql.oldest_between(timeframe), {**WINDOW, "limit": 2}) == newest[:1:-1]
    everything = timescale.cursor(binary=True).execute(sql.packed(sql.oldest_between(timeframe)), WINDOW).fetchone()
    assert everything is not None
    found = from_packed(everything[0], timeframe, np.array([1], np.int32), np.array([9], np.uint32))
    assert found.trades.tolist() == [trades for (_, _, _, _, trades, *_) in newest[::-1]]
    assert found.start_ns.tolist() == [int(starts.timestamp()) * 10**9 for (_, _, starts, *_) in newest[::-1]]
    several = {"instruments": [1, 2], "starts": BEGIN, "ends": BEGIN + timedelta(minutes=1)}
    assert read(timescale, sql.all_between(timeframe), several) == newest[:1:-1]


def test_compressed_candles_are_amended_and_old_ones_dropped(timescale: psycopg.Connection) -> None:
    timeframe = Timeframe.M1
    write(timescale, timeframe, [row(minute, instrument=instrument) for minute in range(40) for instrument in (1, 2)])
    assert timescale.execute("SELECT count(compress_chunk(chunk)) FROM show_chunks('candles_1m') chunk").fetchone() == (
        1,
    )
    batch = [row(3, trades=4), row(4, revision=1), row(50)]
    assert write(timescale, timeframe, batch) == 2
    found = read(timescale, sql.oldest_between(timeframe), {**WINDOW, "limit": 100})
    assert found == [row(minute, revision=int(minute == 4)) for minute in (*range(40), 50)]
    dropped = timescale.execute("SELECT drop_chunks('candles_1m', older_than => %s)", [BEGIN + timedelta(days=30)])
    assert len(dropped.fetchall()) == 1
    assert read(timescale, sql.oldest_between(timeframe), WINDOW) == []


def test_room_and_retention_are_the_extensions_affair(timescale: psycopg.Connection) -> None:
    write(timescale, Timeframe.M1, [row(0)])
    room = {"table": "candles_1m", "starts": BEGIN, "ends": BEGIN + timedelta(days=7)}
    timescale.execute(sql.ROOM, room)
    assert read(timescale, sql.RETENTION, {"table": "candles_1m", "keep_after": BEGIN + timedelta(days=99)}) == [(0,)]
    assert len(read(timescale, sql.oldest_between(Timeframe.M1), WINDOW)) == 1


def test_marks_rise_under_one_fence_and_follow_a_higher_one(timescale: psycopg.Connection) -> None:
    def mark(fence: int, **sequences: int) -> set[int]:
        partitions = [int(name[1:]) for name in sequences]
        given = {"worker": "candle", "partitions": partitions, "fences": [fence] * len(partitions)}
        rows = timescale.execute(sql.MARK, {**given, "sequences": list(sequences.values())}).fetchall()
        return {partition for (partition,) in rows}

    assert mark(5, p1=10, p2=10) == {1, 2}
    assert mark(6, p2=7) == {2}
    assert mark(5, p1=9, p2=11) == {1}
    assert dict(timescale.execute(sql.PROGRESS, {"worker": "candle"}).fetchall()) == {1: 10, 2: 7}


def test_instruments_have_one_id_each(timescale: psycopg.Connection) -> None:
    names = {"venues": ["XNYS", "XNAS", "XNAS"], "symbols": ["B", "A", "B"]}
    assert timescale.execute(sql.INSTRUMENT_IDS, names).fetchall() == [(None,)] * 3
    for _ in range(2):
        timescale.execute(sql.ADD_INSTRUMENTS, names)
        ids = [found for (found,) in timescale.execute(sql.INSTRUMENT_IDS, names)]
        assert sorted(ids) == list(range(min(ids), min(ids) + 3))
        assert ids[1] < ids[2] < ids[0], "given in order of name"


def test_import_goes_on_where_it_was(timescale: psycopg.Connection) -> None:
    key = {"digest": b"\1\2", "timeframe": 5, "venue": "XNAS"}
    for rows_done, is_finished in ((10, False), (20, True)):
        timescale.execute(sql.MARK_IMPORT, {**key, "rows_done": rows_done, "is_finished": is_finished})
        ((found, finished_at),) = timescale.execute(sql.IMPORT_PROGRESS, key).fetchall()
        assert (found, finished_at is not None) == (rows_done, is_finished)
