"""Alerts as they are read: what the tables say now, for the gateway. Firings are marked as seen here, too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from market.alerts.alert import Alert, Firing
from market.answer import Answer
from mesh.alerts.rows import ALERT_COLUMNS, FIRING_COLUMNS, Found, alert_of, firing_of
from mesh.commands import MISMATCH, answer_of
from mesh.pool import Pool

CONNECTIONS = 4
WITHIN_S = 5.0

# How a state is shown: dormant ones wait, and what has run out is expired before a tick finds it so.
_SHOWN = """
    CASE WHEN state IN ('armed', 'waiting', 'dormant') AND expires_at <= now() THEN 'expired'
    WHEN state = 'dormant' THEN 'waiting' ELSE state END
"""
_ALERT = f"SELECT {ALERT_COLUMNS} FROM alerts WHERE id = $1 AND user_id = $2 AND NOT deleted"  # noqa: S608
_ALERTS = f"""
    SELECT {ALERT_COLUMNS} FROM alerts
    WHERE user_id = $1 AND NOT deleted AND (created_at, id) < ($2, $3)
    AND ($4::text IS NULL OR symbol = $4) AND ($5::text IS NULL OR {_SHOWN} = $5)
    ORDER BY created_at DESC, id DESC LIMIT $6
"""  # noqa: S608  # no value is in it
_PLACE = "SELECT partition FROM alerts WHERE id = $1 AND user_id = $2"
_OF_USER = f"""
    SELECT {FIRING_COLUMNS} FROM alert_firings
    WHERE user_id = $1 AND (recorded_at, id) < ($2, $3)
    ORDER BY recorded_at DESC, id DESC LIMIT $4
"""  # noqa: S608
_OF_ALERT = f"""
    SELECT {FIRING_COLUMNS} FROM alert_firings
    WHERE alert_id = $5 AND user_id = $1 AND (recorded_at, id) < ($2, $3)
    ORDER BY recorded_at DESC, id DESC LIMIT $4
"""  # noqa: S608
_IS_UNSEEN = "user_id = $1 AND seen_at IS NULL AND outcome <> 'cooldown'"
_UNSEEN = f"""
    SELECT {FIRING_COLUMNS}, (SELECT count(*) FROM alert_firings WHERE {_IS_UNSEEN}) AS count FROM alert_firings
    WHERE {_IS_UNSEEN} ORDER BY recorded_at DESC, id DESC LIMIT $2
"""  # noqa: S608
_SEEN = """
    UPDATE alert_firings SET seen_at = now()
    WHERE user_id = $1 AND seen_at IS NULL AND outcome <> 'cooldown' AND ($2::uuid[] IS NULL OR id = ANY($2))
"""
_COMMAND = "SELECT status, answer, digest FROM alert_commands WHERE id = $1 AND user_id = $2"
_REACHED = "SELECT partition, command_sequence FROM alert_progress"


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list, newest first; what is told next stands behind it. `at` is created_at, or recorded_at."""

    at: datetime
    id: UUID


_BEGINNING = Cursor(datetime(9999, 1, 1, tzinfo=UTC), UUID(int=0))


class AlertStore:
    """Every method raises PostgresAway where Postgres does not answer in time."""

    def __init__(self, dsn: str, connections: int = CONNECTIONS) -> None:
        self._pool = Pool(dsn, connections, "tickmesh-alerts-reader")

    async def close(self) -> None:
        """Give back the connections."""
        await self._pool.close()

    async def alerts_of(
        self,
        user: UUID,
        limit: int,
        before: Cursor | None = None,
        symbol: str | None = None,
        state: str | None = None,
    ) -> list[Alert]:
        """Read a page of a user's alerts, newest first.

        `symbol` is `VENUE:SYMBOL`, `state` one that is shown: armed, waiting, fired, paused or expired.
        """
        place = before or _BEGINNING
        rows = await self._rows(_ALERTS, user, place.at, place.id, symbol, state, limit)
        return [alert_of(row) for row in rows]

    async def alert(self, alert: UUID, user: UUID) -> Alert | None:
        """Read one alert; None where it is not the user's, or deleted."""
        rows = await self._rows(_ALERT, alert, user)
        return alert_of(rows[0]) if rows else None

    async def place(self, alert: UUID, user: UUID) -> int | None:
        """Read the partition that a user's alert is in, or was in before it was deleted; None where it has no such."""
        rows = await self._rows(_PLACE, alert, user)
        return int(rows[0]["partition"]) if rows else None

    async def history(
        self, user: UUID, limit: int, before: Cursor | None = None, alert: UUID | None = None
    ) -> list[Firing]:
        """Read a page of what a user's alerts fired, or one of them, newest first, whatever became of it."""
        place = before or _BEGINNING
        values = (user, place.at, place.id, limit)
        rows = await (self._rows(_OF_USER, *values) if alert is None else self._rows(_OF_ALERT, *values, alert))
        return [firing_of(row) for row in rows]

    async def unseen(self, user: UUID, limit: int) -> tuple[list[Firing], int]:
        """Read the newest firings that a user has not seen, and how many there are in all."""
        rows = await self._rows(_UNSEEN, user, limit)
        return [firing_of(tuple(row)[:-1]) for row in rows], int(rows[0]["count"]) if rows else 0

    async def mark_seen(self, user: UUID, firings: Sequence[UUID] | None = None) -> None:
        """Note that a user has seen some of their firings; None: all that there are."""
        await self._rows(_SEEN, user, None if firings is None else list(firings))

    async def command(self, command_id: UUID, user: UUID) -> Answer | None:
        """Read the answer to a user's command; None where it was not decided yet, or is another's."""
        rows = await self._rows(_COMMAND, command_id, user)
        return answer_of(rows[0]) if rows else None

    async def answer_to(self, command_id: UUID, user: UUID, digest: bytes) -> Answer | None:
        """Read the answer to a command that may have been given before; None where it was not decided yet.

        `digest` tells its request from others under the same id, which get `MISMATCH`.
        """
        rows = await self._rows(_COMMAND, command_id, user)
        if not rows:
            return None
        return answer_of(rows[0]) if rows[0]["digest"] == digest else MISMATCH

    async def reached(self) -> Mapping[int, int]:
        """Read by partition ALERTS' sequence of the last command that was decided."""
        return {row["partition"]: row["command_sequence"] for row in await self._rows(_REACHED)}

    async def _rows(self, statement: str, *values: object) -> list[Found]:
        async with self._pool.lend(WITHIN_S) as connection:
            return list(await connection.fetch(statement, *values))
