"""What is touched at once, in several transactions: a new owner between two of them settles the rest, and no more."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from market.alerts.alert import Outcome
from market.alerts.firings import Firings, TouchedRules
from market.alerts.rule import LIVE_STATES, Repeat, State
from market.alerts.touch import MAX_SENT_PER_HOUR
from mesh.actor.outbox import FencedError
from mesh.alerts.batch import Progress, take, untold
from mesh.alerts.loading import live_rules
from mesh.alerts.rows import ALERT_COLUMNS, FIRING_COLUMNS, alert_of, alert_row, firing_of
from mesh.alerts.writes import Mark, write_touched
from tests.integration.alerts.conftest import NOON
from tests.integration.alerts.owner import PARTITION, alert, commit, owner, touched_by, write_rules
from workers.alert.touches import Settled, drafted, portions

RULES = 60
NOTHING = TouchedRules(*([()] * len(TouchedRules._fields)))


def fired(settled: Settled) -> set[UUID]:
    """Give the alerts that fired."""
    return {settled.firings.firing(at).alert_id for at in range(len(settled.firings))}


def outcomes(settled: Settled) -> list[Outcome]:
    return [settled.firings.ticks[each].outcome for each in settled.firings.tick]


async def test_what_is_settled_in_parts_is_settled_once_whoever_goes_on(connection: asyncpg.Connection) -> None:
    await take(connection, PARTITION, 1)
    repeats = list(Repeat)
    alerts = [alert(number, repeats[number % 3], uuid4()) for number in range(1, RULES + 1)]
    await write_rules(connection, alerts)

    index, progress = await owner(connection, 1)
    prices = (101.0, 99.0, 102.0, 90.0)  # fires, is armed again, fires, is armed again
    first, second, *_ = portions(touched_by(index, 0, *prices), RULES // 3)
    settled = await commit(connection, Mark(PARTITION, 1, 2, 1, progress.tape_sequence), first)
    early = fired(settled)
    assert 0 < len(early) < RULES

    index, progress = await owner(connection, 2)
    assert progress == Progress(2, 0, 0, 2, 0)
    with pytest.raises(FencedError):
        await commit(connection, Mark(PARTITION, 1, 3, 1, 0), second)
    touches = touched_by(index, 0, *prices)
    left = await commit(connection, Mark(PARTITION, 2, 3, 1, 1), touches)
    assert early.isdisjoint(fired(left))

    ids = {*map(UUID, settled.firings.id), *map(UUID, left.firings.id)}
    rows = {row["id"]: row for row in await connection.fetch("SELECT * FROM alert_firings")}
    assert rows.keys() == ids
    once = {each.id for each in alerts if each.repeat is not Repeat.EVERY_CROSS}
    fired_at = sorted((row["alert_id"] in once, row["row"]) for row in rows.values())
    assert fired_at == sorted([(True, 0)] * len(once) + [(False, 0), (False, 2)] * (RULES - len(once)))

    index, progress = await owner(connection, 3)
    assert progress == Progress(3, 1, 0, 3, 0)
    assert len(touched_by(index, progress.tape_sequence, *prices)) == 0
    states = await connection.fetch("SELECT DISTINCT repeat, state, fired_count FROM alerts ORDER BY repeat")
    assert [tuple(row) for row in states] == [
        ("daily", "dormant", 1),
        ("every_cross", "armed", 2),
        ("once", "fired", 1),
    ]

    told = await untold(connection, PARTITION, 0, (0, UUID(int=0)), 3, 1000)
    assert {each.id for each, _ in told} == rows.keys()
    firing, revision = told[9]
    rest = await untold(connection, PARTITION, 0, (revision, firing.id), 3, 1000)
    assert rest == told[10:]
    assert await untold(connection, PARTITION, 3, (3, UUID(int=0)), 3, 1000) == []


async def test_columns_of_alerts_are_those_that_are_read(connection: asyncpg.Connection) -> None:
    """What is written comes back, column by column."""
    await take(connection, PARTITION, 1)
    wanted = alert(1, Repeat.DAILY, uuid4())
    await write_rules(connection, [wanted])
    (rules,) = (await live_rules(connection, PARTITION)).rules()
    assert rules == wanted.rule
    row = await connection.fetchrow("SELECT * FROM alerts")
    assert tuple(row.values())[:18] == alert_row(wanted)[:18]


async def test_what_ticks_bring_about_is_in_the_tables_as_it_was_decided(connection: asyncpg.Connection) -> None:
    """Every state and every outcome, of several ticks, in one transaction; and nothing of other rules."""
    await take(connection, PARTITION, 1)
    busy, calm = uuid4(), uuid4()
    alerts = [alert(number, Repeat.ONCE, busy) for number in range(1, 13)]
    alerts += [
        alert(20, Repeat.EVERY_CROSS, calm)._replace(cooldown_s=60),
        alert(21, Repeat.DAILY, calm)._replace(threshold=103.0),
        alert(22, Repeat.EVERY_CROSS, calm)._replace(threshold=103.0),
        alert(23, Repeat.ONCE, calm)._replace(expires_at=NOON),
        alert(24, Repeat.ONCE, calm)._replace(threshold=1000.0),
    ]
    await write_rules(connection, alerts)
    index, _ = await owner(connection, 1)
    touches = touched_by(index, 0, 101.0, 99.0, 102.0, 104.0)
    draft = await drafted(connection, touches)
    settled = await commit(connection, Mark(PARTITION, 1, 2, 1, 1), touches, draft)
    after = dict(zip(draft.rules.number, draft.after, strict=True))
    assert {each.state for each in after.values()} == {*LIVE_STATES, State.FIRED, State.EXPIRED} - {State.ARMED}
    assert set(settled.ended) == {number for number, each in after.items() if not each.state.is_live}
    firings = [settled.firings.firing(at) for at in range(len(settled.firings))]
    assert {each.outcome for each in firings} == set(Outcome)

    kept = [alert_of(row) for row in await connection.fetch(f"SELECT {ALERT_COLUMNS} FROM alerts ORDER BY number")]  # noqa: S608
    now = settled.firings.now
    assert kept == [
        each._replace(**after[each.number]._asdict(), updated_at=now) if each.number in after else each
        for each in alerts
    ]
    rows = await connection.fetch(f"SELECT {FIRING_COLUMNS} FROM alert_firings")  # noqa: S608
    assert sorted(map(firing_of, rows)) == sorted(firings)


@pytest.mark.parametrize("is_foreseen", [True, False])
async def test_a_draft_holds_where_its_users_are_sent_what_it_took_them_for(
    connection: asyncpg.Connection, is_foreseen: bool
) -> None:
    """The limit of an hour is counted under the user's lock, whatever was known when the draft was made."""
    await take(connection, PARTITION, 1)
    user, half = uuid4(), MAX_SENT_PER_HOUR - 2
    await write_rules(connection, [alert(number, Repeat.ONCE, user) for number in range(1, 2 * half + 1)])
    index, _ = await owner(connection, 1)
    first, second = portions(touched_by(index, 0, 101.0), half)
    draft = await drafted(connection, second, {user: half, uuid4(): 1} if is_foreseen else {})
    await commit(connection, Mark(PARTITION, 1, 2, 1, 0), first)
    settled = await commit(connection, Mark(PARTITION, 1, 3, 1, 1), second, draft)
    assert outcomes(settled) == [Outcome.SENT] * 2 + [Outcome.LIMIT] * (half - 2)
    assert (settled.firings is draft.firings) == is_foreseen


async def test_a_draft_that_waited_for_postgres_is_decided_anew(connection: asyncpg.Connection) -> None:
    """Else its firings would count from when it was made, and be forgotten by the limit when they are recorded."""
    await take(connection, PARTITION, 1)
    user = uuid4()
    await write_rules(connection, [alert(number, Repeat.ONCE, user) for number in range(1, 2 * MAX_SENT_PER_HOUR + 1)])
    index, _ = await owner(connection, 1)
    first, second = portions(touched_by(index, 0, 101.0), MAX_SENT_PER_HOUR)
    draft = await drafted(connection, first)
    draft.firings.now -= timedelta(hours=1, seconds=1)
    settled = await commit(connection, Mark(PARTITION, 1, 2, 1, 0), first, draft)
    assert outcomes(settled) == [Outcome.SENT] * MAX_SENT_PER_HOUR
    settled = await commit(connection, Mark(PARTITION, 1, 3, 1, 1), second)
    assert outcomes(settled) == [Outcome.LIMIT] * MAX_SENT_PER_HOUR


async def test_nothing_is_written_behind_another_revision(connection: asyncpg.Connection) -> None:
    await take(connection, PARTITION, 1)
    with pytest.raises(FencedError):
        await write_touched(
            connection, Mark(PARTITION, 1, 5, 1, 1), NOTHING, (), Firings(NOTHING, datetime.now(UTC)), ()
        )


async def test_a_lower_fence_cannot_take(connection: asyncpg.Connection) -> None:
    assert await take(connection, PARTITION, 5) == Progress(5, 0, 0, 0, 0)
    assert await take(connection, PARTITION, 4) is None
    assert await take(connection, PARTITION, 5) is not None
