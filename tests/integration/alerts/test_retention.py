"""What is kept of alerts, firings and notifications, and that whoever deletes the rest waits for nobody."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest_asyncio

from infra.local.servers import PostgresServer
from mesh.alerts.batch import sent
from mesh.alerts.retention import _NOTIFICATIONS as FORGET_NOTIFICATIONS
from mesh.alerts.retention import PORTION
from tests.databases import new_database
from workers.alert.upkeep import LEAST_FIRINGS, Keeping, Upkeep

NOW = datetime.now(UTC)
DAYS, MOST = 400, 1500
OLD, YOUNG = NOW - timedelta(days=DAYS, seconds=1), NOW - timedelta(days=DAYS - 1)
WITHIN_S = 60.0


class Tables:
    """Writes rows as they are after a while."""

    def __init__(self, dsn: str, connection: asyncpg.Connection) -> None:
        self.dsn = dsn
        self.connection = connection

    async def user(self) -> UUID:
        user = uuid4()
        await self.connection.execute("INSERT INTO alert_users VALUES ($1)", user)
        return user

    async def firings(self, user: UUID, count: int, last: datetime, outcome: str = "sent") -> None:
        """Write firings, the last at this time, two at each moment."""
        await self.connection.execute(
            """INSERT INTO alert_firings (id, alert_id, user_id, partition, revision, symbol, condition, threshold,
                    price, fired_at, side, tape_sequence, "row", outcome, note, recorded_at)
                SELECT gen_random_uuid(), gen_random_uuid(), $1, 3, 1, 'XNYS:S7', 'ABOVE', 1, 1, at, 1, 1, 1, $4,
                    '', at FROM (
                    SELECT $3::timestamptz - make_interval(secs => n / 2) AS at FROM generate_series(0, $2 - 1) AS n
                ) AS moments""",
            *(user, count, last, outcome),
        )

    async def alerts(self, state: str, updated_at: datetime, count: int = 1, partition: int = 0) -> None:
        """Write alerts that were made and changed last at a time."""
        await self.connection.execute(
            """INSERT INTO alerts (id, user_id, partition, instrument, symbol, condition, threshold, reference,
                    reference_price, repeat, state, waiting_side, since, fired_day, cooldown_s, note, channels,
                    created_at, updated_at, fired_count)
                SELECT gen_random_uuid(), $1, $2, 7, 'XNYS:S7', 'ABOVE', 1, 'created', 0, 'once', $3, 0, 0, 0, 0, '',
                    '{}', $4, $4, 0 FROM generate_series(1, $5)""",
            *(await self.user(), partition, state, updated_at, count),
        )

    async def notification(self, state: str, created_at: datetime) -> None:
        await self.connection.execute(
            """INSERT INTO notifications (id, user_id, channel_id, kind, body, state, created_at)
                VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'email', '{}', $1, $2)""",
            *(state, created_at),
        )

    async def count(self, table: str, what: str = "true", *values: object) -> int:
        return int(await self.connection.fetchval(f"SELECT count(*) FROM {table} WHERE {what}", *values))  # noqa: S608

    async def sweep(self, partition: int = 0) -> int:
        upkeep = Upkeep(self.dsn, Keeping(DAYS, MOST))
        try:
            async with asyncio.timeout(WITHIN_S):
                await upkeep.sweep(partition, NOW)
        finally:
            await upkeep.close()
        return upkeep.forgotten


@pytest_asyncio.fixture
async def tables(postgres_server: PostgresServer) -> AsyncIterator[Tables]:
    dsn = await new_database(postgres_server)
    connection = await asyncpg.connect(dsn)
    yield Tables(dsn, connection)
    await connection.close()


async def test_firings_are_kept_by_age_and_by_how_many_a_user_has(tables: Tables) -> None:
    kept: dict[UUID, int] = {}
    for old, young, left in (
        (LEAST_FIRINGS + 51, 0, LEAST_FIRINGS),  # two of one moment, one of which stays
        (LEAST_FIRINGS, 0, LEAST_FIRINGS),
        (2500, LEAST_FIRINGS + 1, LEAST_FIRINGS + 1),  # more than a portion
        (50, 60, LEAST_FIRINGS),
        (10, MOST + 5, MOST),
        (0, MOST, MOST),
    ):
        user = await tables.user()
        kept[user] = left
        await tables.firings(user, old, OLD)
        await tables.firings(user, young, NOW - timedelta(hours=1, seconds=1))
    written = await tables.count("alert_firings")
    assert await tables.sweep(1) == 0, "firings are another owner's"
    assert await tables.sweep() == written - sum(kept.values())
    rows = await tables.connection.fetch("SELECT user_id, count(*) FROM alert_firings GROUP BY user_id")
    assert {row["user_id"]: row["count"] for row in rows} == kept
    assert await tables.sweep() == 0


async def test_the_newest_are_those_that_stay(tables: Tables) -> None:
    user = await tables.user()
    await tables.firings(user, 1000, OLD)
    newest = "SELECT id FROM alert_firings ORDER BY recorded_at DESC, id DESC LIMIT 100"
    kept = await tables.connection.fetch(newest)
    await tables.sweep()
    assert await tables.connection.fetch(newest) == kept
    assert await tables.count("alert_firings") == LEAST_FIRINGS


async def test_what_the_limit_of_the_hour_counts_stays_however_many_it_keeps_back(tables: Tables) -> None:
    user = await tables.user()
    begun = NOW - timedelta(minutes=50)
    await tables.firings(user, 20, begun - timedelta(hours=1), "limit")
    await tables.firings(user, 10, begun)
    await tables.firings(user, MOST + 100, NOW, "limit")
    assert await tables.sweep() == 20, "what is older, and too much"
    assert await sent(tables.connection, [user], NOW) == {user: 10}


async def test_alerts_that_see_ticks_stay_however_old(tables: Tables) -> None:
    for state in ("armed", "waiting", "dormant", "paused", "fired", "expired", "deleted"):
        await tables.alerts(state, OLD)
        await tables.alerts(state, OLD, partition=1)
    for state in ("fired", "deleted"):
        await tables.alerts(state, YOUNG)
    assert await tables.sweep() == 3
    assert await tables.count("alerts", "partition = 0 AND updated_at = $1", OLD) == 4
    assert await tables.count("alerts", "partition = 1") == 7
    assert await tables.sweep() == 0
    assert await tables.sweep(1) == 3


async def test_what_is_too_old_goes_in_portions(tables: Tables) -> None:
    await tables.alerts("armed", OLD, 1200)
    await tables.alerts("fired", OLD, 2500)
    await tables.alerts("paused", OLD, 1200)
    await tables.alerts("deleted", OLD, 10)
    await tables.alerts("deleted", YOUNG, 10)
    assert await tables.sweep() == 2510
    assert await tables.count("alerts", "state = 'deleted'") == 10


async def test_notifications_go_once_nothing_more_comes_of_them(tables: Tables) -> None:
    for state in ("queued", "failed", "sent", "dead"):
        for at in (OLD, YOUNG):
            await tables.notification(state, at)
    assert await tables.sweep() == 2
    assert await tables.count("notifications", "state IN ('queued', 'failed')") == 4
    assert await tables.count("notifications") == 6


async def test_what_took_the_room_of_old_notifications_is_not_looked_through(tables: Tables) -> None:
    for at in (OLD, YOUNG):
        await tables.connection.execute(
            """INSERT INTO notifications (id, user_id, channel_id, kind, body, state, created_at)
                SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'email', '{}', 'sent', $1
                FROM generate_series(1, 20000)""",
            at,
        )
        await tables.connection.execute("DELETE FROM notifications WHERE created_at = $1", OLD)
        await tables.connection.execute("VACUUM ANALYZE notifications")
    plan = await tables.connection.fetch(f"EXPLAIN ANALYZE {FORGET_NOTIFICATIONS}", NOW - timedelta(days=DAYS), PORTION)
    assert "Rows Removed" not in "\n".join(row[0] for row in plan)


async def test_rows_that_somebody_holds_are_passed_over(tables: Tables) -> None:
    await tables.firings(await tables.user(), LEAST_FIRINGS + 5, OLD)
    await tables.alerts("fired", OLD, 5)
    async with tables.connection.transaction():
        await tables.connection.execute("SELECT FROM alerts LIMIT 2 FOR UPDATE")
        await tables.connection.execute("SELECT FROM alert_firings ORDER BY recorded_at LIMIT 2 FOR UPDATE")
        assert await tables.sweep() == 6
    assert await tables.sweep() == 4
