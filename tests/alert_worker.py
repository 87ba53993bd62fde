"""The workers of alerts as processes, and a client that publishes commands as the gateway does."""

import asyncio
import contextlib
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from infra.local.servers import Server
from infra.local.service import Service
from market import subjects
from market.alerts.commands import Action, Command
from market.answer import Answer
from market.instrument import Instrument
from mesh.alerts.codec import encode_command
from mesh.commands import decode_answer
from mesh.connection import Connection, connect
from mesh.notify.signatures import new_secret
from mesh.settings import MeshSettings
from tests.notify_receivers import Answering, Call, Reply

ROOT = Path(__file__).parents[1]
MOST_REFUSED = 3


class AlertWorker(Server):
    """A worker process; `start` returns at once, `kill` is SIGKILL."""

    def __init__(self, folder: Path, nats_url: str, dsn: str, member: str = "one", **settings: object) -> None:
        environment = os.environ | {
            "TICKMESH_NATS_URL": nats_url,
            "TICKMESH_POSTGRES_DSN": dsn,
            "TICKMESH_ALERT_MEMBER": member,
            "TICKMESH_ALERT_LEASE_S": "0.5",
            "TICKMESH_CHECKPOINT_INTERVAL_S": "1",
            **{f"TICKMESH_{name.upper()}": str(value) for name, value in settings.items()},
        }
        argv = (sys.executable, "-m", "workers.alert")
        log = folder / f"alerts-{member}.log"
        super().__init__(Service(name="alerts", argv=argv, cwd=ROOT, log=log, env=environment))

    @property
    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


def command(user: UUID, action: Action, received_at: datetime | None = None) -> Command:
    """Make a command under an id of its own."""
    digest = blake2b(msgspec.msgpack.encode(action), digest_size=32).digest()
    return Command(uuid4(), user, received_at or datetime.now(UTC), action, digest)


def partition_of(instrument: Instrument, partitions: int) -> int:
    return int(subjects.partitions_of(int(instrument.number), partitions))


class AlertClient:
    """Publishes commands and waits for their answers; `reply` subjects are all under one inbox."""

    def __init__(self, client: Connection, partitions: int) -> None:
        self.js = client.jetstream()
        self._client = client
        self._partitions = partitions
        self._inbox = client.new_inbox()
        self._waiting: dict[str, asyncio.Future[Answer]] = {}

    async def listen(self) -> None:
        await self._client.subscribe(f"{self._inbox}.*", cb=self._heard)

    async def ask(self, sent: Command, about: Instrument, within_s: float = 20.0, message_id: str = "") -> Answer:
        """Publish a command about an instrument and give its answer; raises TimeoutError and NatsError.

        Asked again, what an attempt before is answered late counts too. With a message id of its own a command is
        stored again, as a retry is after the stream forgot the first one.
        """
        reply = f"{self._inbox}.{sent.id.hex}"
        answer = self._waiting.setdefault(reply, asyncio.get_running_loop().create_future())
        subject = subjects.alerts(partition_of(about, self._partitions))
        data = encode_command(replace(sent, reply=reply))
        await self.js.publish(subject, data, timeout=2, headers={"Nats-Msg-Id": message_id or str(sent.id)})
        given = await asyncio.wait_for(asyncio.shield(answer), within_s)
        self._waiting.pop(reply, None)
        return given

    async def _heard(self, message: Msg) -> None:
        waiting = self._waiting.get(message.subject)
        if waiting is not None and not waiting.done():
            waiting.set_result(decode_answer(message.data))


@contextlib.asynccontextmanager
async def alert_client(nats_url: str, partitions: int) -> AsyncIterator[AlertClient]:
    connection = await connect(MeshSettings(nats_url=nats_url), "alert-test")
    try:
        client = AlertClient(connection, partitions)
        await client.listen()
        yield client
    finally:
        with contextlib.suppress(NatsError):
            await connection.close()


async def add_webhooks(dsn: str, users: list[UUID], url: str) -> dict[UUID, UUID]:
    """Give each user a verified channel; returns its id."""
    channels = {user: uuid4() for user in users}
    connection = await asyncpg.connect(dsn)
    try:
        await connection.executemany(
            "INSERT INTO alert_channels (id, user_id, kind, name, address, secret, state, created_at, verified_at)"
            " VALUES ($1, $2, 'webhook', 'hook', $3, $4, 'verified', now(), now())",
            [(channel, user, url, new_secret()) for user, channel in channels.items()],
        )
    finally:
        await connection.close()
    return channels


def fails_sometimes() -> Answering:
    """Answer every third request with 503, but none about one notification more than three times."""
    refused = Counter[str]()

    async def answer(call: Call) -> Reply:
        is_refused = call.number % 3 == 0 and refused[call.id] < MOST_REFUSED
        refused[call.id] += is_refused
        return Reply(503 if is_refused else 200)

    return answer
