"""What an owner of a partition reads in the tables of alerts, to decide what it writes in the same transaction.

Locks on users come first, in ascending order, before anything of theirs is counted. The write comes last, and takes
effect only where the partition still has the fence and the revision that its owner knows.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from market.alerts.alert import Alert, Firing, Standing
from market.alerts.firings import TouchedRules
from market.alerts.touch import Terms
from market.answer import Answer
from mesh.alerts.rows import ALERT_COLUMNS, FIRING_COLUMNS, REPEATS, STATES, alert_of, firing_of
from mesh.commands import answer_of
from mesh.notify.kinds import Kind
from mesh.pool import Connection

# Every access of a worker is by key, however few rows a table has yet, so it is planned once.
SESSION: Mapping[str, str] = {
    "synchronous_commit": "on",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "idle_in_transaction_session_timeout": "15000",  # a worker that is held up must not hold up the next owner
}

_HOUR = timedelta(hours=1)
_TAKE = """
    INSERT INTO alert_progress (partition, fence, tape_sequence, command_sequence, revision, published)
    VALUES ($1, $2, 0, 0, 0, 0)
    ON CONFLICT (partition) DO UPDATE SET fence = excluded.fence WHERE alert_progress.fence <= excluded.fence
    RETURNING fence, tape_sequence, command_sequence, revision, published
"""
_PROGRESS = """
    SELECT fence, tape_sequence, command_sequence, revision, published FROM alert_progress
    WHERE partition = $1 FOR UPDATE
"""
_TOUCHED = """
    SELECT number, id, user_id, symbol, condition, threshold, note, channels, repeat, cooldown_s, expires_at,
        state, waiting_side, fired_day, last_fired_at, fired_count
    FROM alerts WHERE number = ANY($1::bigint[])
"""
_NAMED = f"SELECT {ALERT_COLUMNS} FROM alerts WHERE id = ANY($1::uuid[])"  # noqa: S608
_HOLD = """
    SELECT count(*) FROM (
        SELECT FROM alert_users WHERE user_id = ANY($1::uuid[]) ORDER BY user_id FOR UPDATE
    ) AS held
"""
_SENT = """
    SELECT user_id AS id, count(*) AS number FROM alert_firings
    WHERE user_id = ANY($1::uuid[]) AND outcome = 'sent' AND recorded_at > $2 GROUP BY user_id
"""
_IS_ACTIVE = "state IN ('armed', 'waiting', 'dormant', 'paused')"
# Those that ticks have ended since are not looked at again.
_ACTIVE = f"""
    WITH ended AS (
        UPDATE alerts SET counted = false WHERE user_id = ANY($1::uuid[]) AND counted AND NOT {_IS_ACTIVE}
    )
    SELECT user_id AS id, count(*) AS number FROM alerts
    WHERE user_id = ANY($1::uuid[]) AND counted AND {_IS_ACTIVE}
    AND (state = 'paused' OR expires_at IS NULL OR expires_at > $2)
    GROUP BY user_id
"""  # noqa: S608  # no value is in it
_CHANNELS = "SELECT id, kind FROM alert_channels WHERE id = ANY($1::uuid[]) AND state = 'verified' AND kind = ANY($2)"
_CHANNELS_OF = "SELECT user_id, id FROM alert_channels WHERE user_id = ANY($1::uuid[]) AND state = 'verified'"
_PAST = "SELECT id, user_id, digest, status, answer FROM alert_commands WHERE id = ANY($1::uuid[])"
_NUMBERS = "SELECT nextval(pg_get_serial_sequence('alerts', 'number')) FROM generate_series(1, $1)"
_UNTOLD = f"""
    SELECT {FIRING_COLUMNS}, revision FROM alert_firings
    WHERE id = ANY(ARRAY(
        SELECT unnest(firings) FROM alert_changes WHERE partition = $1 AND revision > $5 AND revision <= $4
    ))
    AND outcome <> 'cooldown' AND (revision, id) > ($2, $3)
    ORDER BY revision, id LIMIT $6
"""  # noqa: S608
_ORDERED = "UPDATE notifications SET published = true WHERE id = ANY($1::uuid[])"
_TOLD = "UPDATE alert_progress SET published = $3 WHERE partition = $1 AND fence = $2 AND published < $3"


class Progress(NamedTuple):
    """How far a partition is in the tables; see `alert_progress`."""

    fence: int
    tape_sequence: int
    command_sequence: int
    revision: int
    published: int


class Past(NamedTuple):
    """A command that was decided before."""

    digest: bytes
    answer: Answer


async def take(connection: Connection, partition: int, fence: int) -> Progress | None:
    """Let nobody write under a lower fence from now on; give how far the partition is. None: a higher one has it.

    Waits for a transaction of an owner before, so that nothing of theirs comes later.
    """
    row = await connection.fetchrow(_TAKE, partition, fence)
    return None if row is None else Progress(*row)


async def progress_of(connection: Connection, partition: int) -> Progress | None:
    """Read how far a partition is, behind a transaction that may still be under way."""
    row = await connection.fetchrow(_PROGRESS, partition)
    return None if row is None else Progress(*row)


async def lock(connection: Connection, users: Iterable[UUID]) -> None:
    """Let no other transaction count what these users have until this one ends."""
    ids = ",".join(sorted(str(each) for each in users))
    await connection.execute(
        f"INSERT INTO alert_users SELECT unnest('{{{ids}}}'::uuid[]) ON CONFLICT DO NOTHING;"  # noqa: S608  # ids
        f"SELECT FROM alert_users WHERE user_id = ANY('{{{ids}}}') ORDER BY user_id FOR UPDATE"
    )


async def hold(connection: Connection, users: Collection[UUID]) -> None:
    """Do as `lock` does for users that have alerts."""
    await connection.execute(_HOLD, users)


async def touched(connection: Connection, numbers: Collection[int]) -> TouchedRules:
    """Read alerts by number."""
    rows = await connection.fetch(_TOUCHED, numbers)
    columns = list(zip(*rows, strict=True)) or [()] * 16
    *told, repeat, cooldown_s, expires_at, state, waiting_side, fired_day, last, count = columns
    terms = map(Terms, map(REPEATS.__getitem__, repeat), cooldown_s, expires_at)
    standing = map(Standing, map(STATES.__getitem__, state), waiting_side, fired_day, last, count)
    return TouchedRules._make((*told, list(terms), list(standing)))


async def named(connection: Connection, ids: Collection[UUID]) -> dict[UUID, Alert]:
    """Read alerts by id, deleted ones included."""
    return {row["id"]: alert_of(row) for row in await connection.fetch(_NAMED, ids)}


async def sent(connection: Connection, users: Collection[UUID], now: datetime) -> dict[UUID, int]:
    """Count the firings of the hour before `now` that users were told of; the users must be locked."""
    rows = await connection.fetch(_SENT, users, now - _HOUR)
    return {row["id"]: row["number"] for row in rows}


async def active(connection: Connection, users: Collection[UUID], now: datetime) -> dict[UUID, int]:
    """Count users' active alerts; the users must be locked until the transaction ends."""
    return {row["id"]: row["number"] for row in await connection.fetch(_ACTIVE, users, now)}


async def kinds(connection: Connection, channels: Collection[UUID]) -> dict[UUID, str]:
    """Read the kinds of those channels that are verified."""
    return {row["id"]: row["kind"] for row in await connection.fetch(_CHANNELS, channels, list(Kind))}


async def verified(connection: Connection, users: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """Read users' verified channels."""
    found: dict[UUID, set[UUID]] = {user: set() for user in users}
    for row in await connection.fetch(_CHANNELS_OF, users):
        found[row["user_id"]].add(row["id"])
    return found


async def past(connection: Connection, ids: Collection[UUID]) -> dict[UUID, Past]:
    """Read the commands with these ids that were decided before, in whichever partition."""
    return {row["id"]: Past(row["digest"], answer_of(row)) for row in await connection.fetch(_PAST, ids)}


async def numbers(connection: Connection, count: int) -> list[int]:
    """Take so many numbers for alerts that are new."""
    return [row[0] for row in await connection.fetch(_NUMBERS, count)] if count else []


async def untold(
    connection: Connection, partition: int, published: int, after: tuple[int, UUID], until: int, limit: int
) -> list[tuple[Firing, int]]:
    """Read firings to be told of with their revisions, in the order of (revision, id): those behind `after`.

    Those up to the revision `published` were told of.
    """
    rows = await connection.fetch(_UNTOLD, partition, *after, until, published, limit)
    return [(firing_of(tuple(row)[:-1]), row["revision"]) for row in rows]


async def told(connection: Connection, partition: int, fence: int, revision: int, notices: Collection[UUID]) -> None:
    """Note that all firings up to a revision are on their stream, and these notifications on theirs."""
    if notices:  # by itself, as whoever writes the progress holds up the transactions of the partition
        await connection.execute(_ORDERED, notices)
    await connection.execute(_TOLD, partition, fence, revision)
