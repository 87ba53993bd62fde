"""What alerts leave behind and nobody keeps for good: deleted a portion at a time, in statements that wait for nobody.

Rows that another transaction holds are passed over until the next time, and a portion holds its own for as long as one
statement takes: no partition is held up, and no user who marks firings as seen.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from mesh.pool import Connection

PORTION = 1000  # rows of a statement
_NO_END = 2**63 - 1

_NEXT_USERS = "SELECT user_id FROM alert_users WHERE user_id > $1 ORDER BY user_id LIMIT $2"
# Behind a user's newest so many there is a first one, and it and all behind it may go.
_FIRINGS = """
    DELETE FROM alert_firings WHERE id = ANY(ARRAY(
        SELECT f.id FROM unnest($1::uuid[]) AS u (user_id)
        CROSS JOIN LATERAL (
            SELECT recorded_at, id FROM alert_firings WHERE user_id = u.user_id
            ORDER BY recorded_at DESC, id DESC OFFSET $2 LIMIT 1
        ) AS first
        CROSS JOIN LATERAL (
            SELECT id FROM alert_firings
            WHERE user_id = u.user_id AND recorded_at < $3 AND (recorded_at, id) <= (first.recorded_at, first.id)
            LIMIT $4 FOR UPDATE SKIP LOCKED
        ) AS f
        LIMIT $4
    ))
"""
# Numbers are given as alerts are made: whatever stands behind one that is young is young.
_END = """
    SELECT number, created_at < $3 AS is_old FROM alerts
    WHERE partition = $1 AND number > $2 ORDER BY number OFFSET $4 LIMIT 1
"""
_ALERTS = """
    DELETE FROM alerts WHERE id = ANY(ARRAY(
        SELECT id FROM alerts
        WHERE partition = $1 AND number > $2 AND number <= $3
        AND state IN ('fired', 'expired', 'deleted') AND updated_at < $4
        LIMIT $5 FOR UPDATE SKIP LOCKED
    ))
"""
# Revisions rise with time, too. What is not published yet is found by what is kept here.
_CHANGES = """
    DELETE FROM alert_changes WHERE partition = $1 AND revision = ANY(ARRAY(
        SELECT revision FROM (
            SELECT revision, recorded_at FROM alert_changes WHERE partition = $1 ORDER BY revision LIMIT $3
        ) AS oldest
        WHERE recorded_at < $2
        AND revision <= (SELECT published FROM alert_progress WHERE partition = $1)
    ))
"""
_NOTIFICATIONS = """
    DELETE FROM notifications WHERE id = ANY(ARRAY(
        SELECT id FROM notifications WHERE created_at < $1 AND state IN ('sent', 'dead')
        LIMIT $2 FOR UPDATE SKIP LOCKED
    ))
"""


class Stretch(NamedTuple):
    """Alerts of a partition: those behind the number `after`, up to `end`."""

    after: int
    end: int


async def next_users(connection: Connection, after: UUID, limit: int) -> list[UUID]:
    """Read the users behind one, in ascending order."""
    return [row["user_id"] for row in await connection.fetch(_NEXT_USERS, after, limit)]


async def next_stretch(connection: Connection, partition: int, after: int, before: datetime) -> Stretch | None:
    """Give the next alerts to look at, a portion of those made before a time; None where all are younger."""
    first = await connection.fetchrow(_END, partition, after, before, 0)
    if first is None or not first["is_old"]:
        return None
    last = await connection.fetchrow(_END, partition, after, before, PORTION)
    return Stretch(after, _NO_END if last is None else last["number"])


async def forget_firings(connection: Connection, users: Sequence[UUID], but: int, before: datetime) -> int:
    """Delete firings of before a time, a portion at most, but each user's newest so many; give how many went."""
    return _deleted(await connection.execute(_FIRINGS, users, but, before, PORTION))


async def forget_alerts(connection: Connection, partition: int, stretch: Stretch, before: datetime) -> int:
    """Delete alerts that see no ticks any more and last changed before a time, a portion at most."""
    return _deleted(await connection.execute(_ALERTS, partition, *stretch, before, PORTION))


async def forget_changes(connection: Connection, partition: int, before: datetime) -> int:
    """Delete which alerts were written before a time, a portion of transactions at most."""
    return _deleted(await connection.execute(_CHANGES, partition, before, PORTION))


async def forget_notifications(connection: Connection, before: datetime) -> int:
    """Delete notifications of before a time of which nothing more comes, a portion at most."""
    return _deleted(await connection.execute(_NOTIFICATIONS, before, PORTION))


def _deleted(status: str) -> int:
    return int(status.removeprefix("DELETE "))
