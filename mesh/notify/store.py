"""Notifications in Postgres: what is to be sent through which channel, and what became of it.

queued ──▶ sent
  │ ▲        ▲
  ▼ │retry   │
failed ──▶ dead
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from mesh.notify.codec import Order
from mesh.notify.kinds import Kind
from mesh.pool import Connection, Pool

WITHIN_S = 5.0

_READ = """
    SELECT n.id, n.user_id, n.firing_id, n.channel_id, n.kind, n.body::text AS body, n.state, n.attempts,
        n.last_error, c.address, c.settings::text AS settings, c.secret, c.state AS channel_state
    FROM notifications n LEFT JOIN alert_channels c ON c.id = n.channel_id AND c.user_id = n.user_id
    WHERE n.id = $1
"""
_SENT = """
    WITH mended AS (
        UPDATE alert_channels SET last_error = '',
            state = CASE WHEN state = 'broken' AND verified_at IS NOT NULL THEN 'verified' ELSE state END
        WHERE id = $2 AND (state = 'broken' OR last_error <> '')
    )
    UPDATE notifications SET state = 'sent', sent_at = now(), published = true, attempts = attempts + 1, last_error = ''
    WHERE id = $1 AND state <> 'sent'
"""
_VERIFIED = """
    UPDATE alert_channels SET state = 'verified', verified_at = now() WHERE id = $1 AND state <> 'verified'
"""
_FAILED = """
    WITH said AS (UPDATE alert_channels SET last_error = $2 WHERE id = $3 AND last_error <> $2)
    UPDATE notifications SET state = 'failed', attempts = attempts + 1, last_error = $2
    WHERE id = $1 AND state IN ('queued', 'failed')
"""
_DEAD = """
    WITH said AS (
        UPDATE alert_channels SET last_error = $2,
            state = CASE WHEN $5 AND state = 'verified' THEN 'broken' ELSE state END
        WHERE id = $4 AND $3 > 0
    )
    UPDATE notifications SET state = 'dead', attempts = attempts + $3, last_error = $2
    WHERE id = $1 AND state IN ('queued', 'failed')
"""
_WAITS = "UPDATE alert_channels SET last_error = $2 WHERE id = $1 AND last_error <> $2"
_AGAIN = """
    UPDATE notifications SET state = 'queued', attempts = 0, published = false
    WHERE id = $1 AND state = 'dead' RETURNING id, kind, channel_id, user_id
"""
_UNPUBLISHED = """
    SELECT id, kind, channel_id, user_id FROM notifications
    WHERE NOT published AND state IN ('queued', 'failed') AND created_at < now() - make_interval(secs => $1)
    ORDER BY created_at LIMIT $2
"""
_PUBLISHED = "UPDATE notifications SET published = true WHERE id = ANY($1::uuid[]) AND NOT published"

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Channel:
    """Where a notification goes; `settings` are a push subscription's keys, `secret` signs a webhook's calls."""

    id: UUID
    address: str
    settings: dict[str, str]
    secret: str
    state: str


@dataclass(frozen=True, slots=True)
class Notification:
    """A row of NOTIFICATIONS with its channel, which is None once the user has removed it."""

    id: UUID
    user: UUID
    firing_id: UUID | None
    kind: Kind
    body: str
    state: str
    attempts: int
    last_error: str
    channel_id: UUID
    channel: Channel | None

    @property
    def is_open(self) -> bool:
        """Whether it is still to be sent."""
        return self.state in {"queued", "failed"}


class NotificationStore:
    """Reads and marks. Every method raises PostgresAway where Postgres does not answer in time."""

    def __init__(self, dsn: str, connections: int, name: str) -> None:
        self._pool = Pool(dsn, connections, name)

    async def close(self) -> None:
        """Give back the connections."""
        await self._pool.close()

    async def read(self, notification: UUID) -> Notification | None:
        """Read one; None where there is no such row."""
        row = await self._ask(lambda connection: connection.fetchrow(_READ, notification))
        if row is None:
            return None
        channel = None
        if row["address"] is not None:
            settings = msgspec.json.decode(row["settings"] or "{}", type=dict[str, str])
            channel = Channel(row["channel_id"], row["address"], settings, row["secret"] or "", row["channel_state"])
        names = ("id", "user_id", "firing_id", "kind", "body", "state", "attempts", "last_error", "channel_id")
        values = {name: row[name] for name in names}
        user, kind = values.pop("user_id"), Kind(values.pop("kind"))
        return Notification(user=user, kind=kind, channel=channel, **values)

    async def sent(self, notification: Notification) -> None:
        """Write down that the provider has it: nothing stands against its channel any more, also if it was broken."""
        await self._write(_SENT, notification.id, notification.channel_id)

    async def verified(self, channel: UUID) -> None:
        """Write down that a channel's receiver wants to be called."""
        await self._write(_VERIFIED, channel)

    async def failed(self, notification: Notification, reason: str) -> None:
        """Write down an attempt that another one will follow, for the channel too."""
        await self._write(_FAILED, notification.id, reason, notification.channel_id)

    async def waits(self, channel: UUID, reason: str) -> None:
        """Write down why what is to be sent by a channel is not even tried just now."""
        await self._write(_WAITS, channel, reason)

    async def dead(self, notification: Notification, reason: str, *, tried: bool, breaks_channel: bool) -> None:
        """Give one up; what stood against an attempt is the channel's error too."""
        await self._write(_DEAD, notification.id, reason, int(tried), notification.channel_id, breaks_channel)

    async def again(self, notification: UUID) -> Order | None:
        """Let one that was given up have all its attempts again; None where it is not given up."""
        row = await self._ask(lambda connection: connection.fetchrow(_AGAIN, notification))
        return None if row is None else _order_of(row)

    async def unpublished(self, older_than_s: float, limit: int) -> list[Order]:
        """List what is to be sent and was not put on NOTIFY, as far as anybody wrote down, the oldest first."""
        rows = await self._ask(lambda connection: connection.fetch(_UNPUBLISHED, older_than_s, limit))
        return [_order_of(row) for row in rows]

    async def published(self, notifications: Sequence[UUID]) -> None:
        """Write down that they were put on NOTIFY."""
        await self._write(_PUBLISHED, list(notifications))

    async def _write(self, statement: str, *values: object) -> None:
        await self._ask(lambda connection: connection.execute(statement, *values))

    async def _ask(self, ask: Callable[[Connection], Awaitable[Result]]) -> Result:
        async with self._pool.lend(WITHIN_S) as connection:
            return await ask(connection)


def _order_of(row: Mapping[str, Any]) -> Order:
    return Order(row["id"], Kind(row["kind"]), row["channel_id"], row["user_id"])
