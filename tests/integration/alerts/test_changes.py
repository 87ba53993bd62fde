"""What transactions wrote of alerts, found without an index that they would have to change for it."""

from asyncio import Future
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg

from market.alerts.rule import Repeat, State
from mesh.alerts.batch import active, take
from mesh.alerts.loading import changed_rules
from mesh.alerts.retention import forget_changes
from mesh.alerts.writes import Changes, Mark, write_decided
from tests.integration.alerts.owner import PARTITION, alert, commit, owner, touched_by, write_rules
from workers.alert.touches import drafted, settle

LATER = datetime(2100, 1, 1, tzinfo=UTC)
_COUNTED = "SELECT number FROM alerts WHERE counted ORDER BY number"


async def fired(connection: asyncpg.Connection, revision: int, price: float) -> None:
    """Commit what a tick touches."""
    index, _ = await owner(connection, 1)
    await commit(connection, Mark(PARTITION, 1, revision, revision, revision), touched_by(index, 0, price))


async def changed(connection: asyncpg.Connection, after: int, until: int) -> Sequence[int] | None:
    rules = await changed_rules(connection, PARTITION, after, until)
    return None if rules is None else sorted(rules.number.tolist())


async def test_what_changed_since_is_known_until_it_is_forgotten(connection: asyncpg.Connection) -> None:
    await take(connection, PARTITION, 1)
    rules = [alert(number, Repeat.ONCE, uuid4())._replace(threshold=100.0 + number) for number in (1, 2, 3)]
    await write_rules(connection, rules)
    for revision, price in ((2, 101.0), (3, 102.0)):
        await fired(connection, revision, price)
    assert await changed(connection, 0, 3) == [1, 2, 3]
    assert await changed(connection, 1, 3) == [1, 2]
    assert await changed(connection, 2, 3) == [2]
    assert await changed(connection, 3, 3) == []

    assert await forget_changes(connection, PARTITION, LATER) == 0, "nothing of it is published"
    await connection.execute("UPDATE alert_progress SET published = 2")
    assert await forget_changes(connection, PARTITION, datetime(2000, 1, 1, tzinfo=UTC)) == 0
    assert await forget_changes(connection, PARTITION + 1, LATER) == 0
    assert await forget_changes(connection, PARTITION, LATER) == 2
    assert await changed(connection, 2, 3) == [2]
    assert await changed(connection, 1, 3) is None


async def test_a_tick_changes_no_index_of_the_rules(connection: asyncpg.Connection) -> None:
    await take(connection, PARTITION, 1)
    await write_rules(connection, [alert(number, repeat, uuid4()) for number, repeat in enumerate(Repeat, 1)])
    index, _ = await owner(connection, 1)
    touches = touched_by(index, 0, 101.0)
    async with connection.transaction():
        await settle(connection, Mark(PARTITION, 1, 2, 1, 1), touches, await drafted(connection, touches), Future())
        counts = await connection.fetchrow(
            """SELECT pg_stat_get_xact_tuples_updated('alerts'::regclass),
                pg_stat_get_xact_tuples_hot_updated('alerts'::regclass)"""
        )
    assert tuple(counts) == (len(Repeat), len(Repeat))


async def test_active_alerts_are_counted_whatever_ticks_and_commands_made_of_them(
    connection: asyncpg.Connection,
) -> None:
    await take(connection, PARTITION, 1)
    user, other = uuid4(), uuid4()
    rules = [alert(number, Repeat.ONCE, user if number < 5 else other) for number in range(1, 7)]
    rules[1] = rules[1]._replace(threshold=200.0)
    rules[2] = rules[2]._replace(state=State.PAUSED)
    rules[3] = rules[3]._replace(state=State.DELETED)
    await write_rules(connection, rules)
    assert await count(connection, user, other) == {user: 3, other: 2}
    await fired(connection, 2, 101.0)
    assert [row[0] for row in await connection.fetch(_COUNTED)] == [1, 2, 3, 5, 6]
    assert await count(connection, user) == {user: 2}
    assert [row[0] for row in await connection.fetch(_COUNTED)] == [2, 3, 5, 6]
    assert await count(connection, other) == {}

    armed = {rules[0].id: rules[0]._replace(threshold=300.0)}
    await write_decided(connection, Mark(PARTITION, 1, 3, 2, 0), Changes(alerts=armed))
    assert await count(connection, user) == {user: 3}


async def count(connection: asyncpg.Connection, *users: UUID) -> dict[UUID, int]:
    return await active(connection, users, datetime.now(UTC))
