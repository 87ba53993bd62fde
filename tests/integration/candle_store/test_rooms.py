"""Native partitions: made as candles come, dropped when they are old, and made again for an import of old ones."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import psycopg
import pytest

from market.candles.candles import Candles
from market.candles.timeframe import Timeframe
from mesh.candles.store import ALL, CandleStore
from mesh.candles.stretches import RETENTION_YEARS
from mesh.candles.writer import CandleWriter


def at(*instants: str, timeframe: Timeframe = Timeframe.M1, trades: int = 1) -> Candles:
    starts = [int(datetime.fromisoformat(each + "+00:00").timestamp()) * 10**9 for each in instants]
    return Candles.of(len(starts), instrument=7, timeframe=timeframe, start_ns=starts, trades=trades)


def partitions(url: str) -> dict[str, tuple[str, str]]:
    """The bounds of every partition, by its name."""
    with psycopg.connect(url, options="-c TimeZone=UTC") as connection:
        rows = connection.execute(
            "SELECT child.relname, regexp_matches(pg_get_expr(child.relpartbound, child.oid), '''(.{16}).*''(.{16})')"
            "  FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid WHERE child.relkind = 'r'"
        )
        return {name: tuple(bounds) for name, bounds in rows}


@pytest.mark.parametrize(
    ("timeframe", "expected"),
    [
        (
            Timeframe.M1,
            {
                "candles_1m_20251229": ("2025-12-29 00:00", "2026-01-05 00:00"),
                "candles_1m_20260105": ("2026-01-05 00:00", "2026-01-12 00:00"),
                "candles_1m_20260209": ("2026-02-09 00:00", "2026-02-16 00:00"),
            },
        ),
        (
            Timeframe.M15,
            {
                "candles_15m_20260101": ("2026-01-01 00:00", "2026-02-01 00:00"),
                "candles_15m_20260201": ("2026-02-01 00:00", "2026-03-01 00:00"),
            },
        ),
        (Timeframe.H1, {"candles_1h_20260101": ("2026-01-01 00:00", "2027-01-01 00:00")}),
        (Timeframe.D1, {}),
        (Timeframe.MO1, {}),
    ],
)
async def test_partitions_are_weeks_months_and_years(
    writer: CandleWriter,
    candles_url: str,
    timeframe: Timeframe,
    expected: dict[str, tuple[str, str]],
) -> None:
    instants = ("2026-01-04T23:59:00", "2026-01-05T00:00:00", "2026-02-15T23:59:00")
    assert await writer.write(at(*instants, timeframe=timeframe)) == 3
    assert partitions(candles_url) == expected


async def test_candles_of_every_year_find_their_room(writer: CandleWriter, store: CandleStore) -> None:
    first, end = np.datetime64("1990-01-01"), np.datetime64("2030-01-01")
    days = np.arange(first, end, np.timedelta64(997, "D")).astype("M8[ns]").astype(np.int64)
    for timeframe in Timeframe:
        candles = Candles.of(len(days), instrument=7, timeframe=timeframe, start_ns=days, trades=1)
        assert await writer.write(candles) == len(days)
        found = await store.before(7, timeframe, int(days[-1]) + 1, ALL, 1000)
        assert found.start_ns.tolist() == days.tolist()


async def test_retention_drops_whole_partitions_and_what_is_young_stays(
    writer: CandleWriter, store: CandleStore, candles_url: str
) -> None:
    for timeframe in Timeframe:
        await writer.write(at("2011-05-05", "2024-05-05", "2026-05-05", timeframe=timeframe))
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert await writer.apply_retention(now) == 5
    assert await writer.apply_retention(now) == 0
    for timeframe in Timeframe:
        found = await store.before(7, timeframe, 10**9 * int(now.timestamp()), ALL, 10)
        years = found.start_ns.astype("M8[ns]").astype("M8[Y]").astype(int) + 1970
        oldest = 2026 - RETENTION_YEARS.get(timeframe, 99)
        assert years.tolist() == [year for year in (2011, 2024, 2026) if year > oldest or timeframe >= Timeframe.D1]


async def test_room_that_retention_has_dropped_is_made_again(
    writer: CandleWriter, store: CandleStore, candles_url: str
) -> None:
    await writer.write(at("2011-05-05"))
    with psycopg.connect(candles_url) as connection:
        (dropped,) = connection.execute("SELECT candle_retention('candles_1m', '2020-01-01')").fetchone() or ()
    assert dropped == 1
    assert await writer.write(at("2011-05-05", "2026-05-05")) == 2
    assert len(await store.between(7, Timeframe.M1, 0, 2**62)) == 2


async def test_sum_that_is_out_of_bounds_is_an_error_and_nothing_is_written(
    writer: CandleWriter, store: CandleStore
) -> None:
    wrong = Candles.of(1, instrument=7, timeframe=Timeframe.M1, start_ns=0, trades=1, volume_nano=10**9)
    with pytest.raises(psycopg.errors.CheckViolation):
        await writer.write(wrong)
    assert await writer.write(at("2026-05-05")) == 1
    assert len(await store.between(7, Timeframe.M1, 0, 2**62)) == 1
