"""A notify worker as a process, and channels and notifications in its tables as the gateway and alert workers write."""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import msgspec
from nats.js import JetStreamContext

from infra.local.servers import Server
from infra.local.service import Service
from mesh.notify.bodies import Body, Fired
from mesh.notify.kinds import Kind
from mesh.notify.outgoing import Outgoing, publish, queue
from mesh.notify.signatures import new_secret

ROOT = Path(__file__).parents[1]
FAST = {"notify_retry_s": 0.3, "notify_timeout_s": 5, "notify_redeliver_s": 10, "notify_pause_s": 0.5}


class NotifyWorker(Server):
    """A worker process; `start` returns at once, `kill` is SIGKILL."""

    def __init__(self, folder: Path, nats_url: str, dsn: str, name: str = "one", **settings: object) -> None:
        environment = os.environ | {
            "TICKMESH_NATS_URL": nats_url,
            "TICKMESH_POSTGRES_DSN": dsn,
            "TICKMESH_NOTIFY_PRIVATE_ADDRESSES": "true",
            **{f"TICKMESH_{key.upper()}": str(value) for key, value in (FAST | settings).items()},
        }
        argv = (sys.executable, "-m", "workers.notify")
        log = folder / f"notify-{name}.log"
        super().__init__(Service(name="notify", argv=argv, cwd=ROOT, log=log, env=environment))

    @property
    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


def fired(note: str = "") -> Fired:
    return Fired(uuid4(), uuid4(), "XNAS:AAPL", "ABOVE", 230.0, 1, 230.125, datetime.now(UTC), note)


class Desk:
    """Writes channels and notifications, and reads what became of them."""

    def __init__(self, connection: asyncpg.Connection, js: JetStreamContext) -> None:
        self.connection = connection
        self.js = js
        self.user = uuid4()

    async def channel(
        self, kind: Kind, address: str, state: str = "verified", settings: dict[str, str] | None = None
    ) -> UUID:
        channel = uuid4()
        await self.connection.execute(
            """INSERT INTO alert_channels
                (id, user_id, kind, name, address, settings, secret, state, created_at, verified_at)
                VALUES ($1, $2, $3, '', $4, $5, $6, $7, now(), CASE WHEN $7 = 'verified' THEN now() END)""",
            *(
                channel,
                self.user,
                kind.value,
                address,
                msgspec.json.encode(settings or {}).decode(),
                new_secret(),
                state,
            ),
        )
        return channel

    async def write(self, kind: Kind, channel: UUID, body: Body) -> Outgoing:
        """Write a row that nobody speaks of."""
        outgoing = Outgoing(uuid4(), self.user, channel, kind, body)
        async with self.connection.transaction():
            await queue(self.connection, outgoing)
        return outgoing

    async def send(self, kind: Kind, channel: UUID, body: Body | None = None) -> UUID:
        outgoing = await self.write(kind, channel, body or fired())
        assert await publish(self.js, outgoing.order)
        await self.connection.execute("UPDATE notifications SET published = true WHERE id = $1", outgoing.id)
        return outgoing.id

    async def rows(self, ids: Sequence[UUID]) -> list[asyncpg.Record]:
        return list(await self.connection.fetch("SELECT * FROM notifications WHERE id = ANY($1::uuid[])", list(ids)))

    async def are(self, ids: Sequence[UUID], state: str) -> bool:
        return {row["state"] for row in await self.rows(ids)} == {state}

    async def has_error(self, channel: UUID, error: str) -> bool:
        return bool(
            await self.connection.fetchval("SELECT last_error FROM alert_channels WHERE id = $1", channel) == error
        )

    async def channel_state(self, channel: UUID) -> str:
        return str(await self.connection.fetchval("SELECT state FROM alert_channels WHERE id = $1", channel))
