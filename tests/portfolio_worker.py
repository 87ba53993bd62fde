"""A portfolio worker as a process, and a client of the ledger that publishes commands as the gateway does."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from infra.local.servers import Server
from infra.local.service import Service
from market import subjects
from market.answer import Answer
from market.ledger.commands import Action, Command, Create, Fields, Record
from market.ledger.transaction import Kind
from mesh.commands import decode_answer
from mesh.connection import Connection, connect
from mesh.ledger.codec import encode_command
from mesh.settings import MeshSettings

ROOT = Path(__file__).parents[1]


class PortfolioWorker(Server):
    """A worker process; `start` returns at once, `kill` is SIGKILL."""

    def __init__(self, folder: Path, nats_url: str, dsn: str, member: str = "one", **settings: object) -> None:
        environment = os.environ | {
            "TICKMESH_NATS_URL": nats_url,
            "TICKMESH_POSTGRES_DSN": dsn,
            "TICKMESH_PORTFOLIO_MEMBER": member,
            "TICKMESH_PORTFOLIO_LEASE_S": "0.5",
            **{f"TICKMESH_{name.upper()}": str(value) for name, value in settings.items()},
        }
        argv = (sys.executable, "-m", "workers.portfolio")
        log = folder / f"portfolios-{member}.log"
        super().__init__(Service(name="portfolios", argv=argv, cwd=ROOT, log=log, env=environment))

    @property
    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


def command(user: UUID, action: Action, key: UUID | None = None) -> Command:
    """Make a command; the same key and action give the same one again, but for its time."""
    digest = blake2b(msgspec.msgpack.encode(action), digest_size=32).digest()
    return Command(key or uuid4(), user, datetime.now(UTC), action, digest)


def trade(kind: Kind, symbol: str, quantity: str, price: str, **more: object) -> Fields:
    return Fields(kind=kind, symbol=symbol, quantity=Decimal(quantity), price=Decimal(price), currency="USD", **more)


class LedgerClient:
    """Publishes commands and waits for their answers; `reply` subjects are all under one inbox."""

    def __init__(self, client: Connection, partitions: int) -> None:
        self.client = client
        self.js = client.jetstream()
        self._partitions = partitions
        self._inbox = client.new_inbox()
        self._waiting: dict[str, asyncio.Future[Answer]] = {}

    async def listen(self) -> None:
        await self.client.subscribe(f"{self._inbox}.*", cb=self._heard)

    async def publish(self, sent: Command, message_id: str = "") -> "asyncio.Future[Answer]":
        """Publish a command, which is on LEDGER when this returns; its answer is what the future gets.

        With a message id of its own it is stored again, as a retry is after the stream forgot the first one.
        """
        reply = f"{self._inbox}.{uuid4().hex}"
        answer = self._waiting[reply] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda _: self._waiting.pop(reply, None))
        data = encode_command(replace(sent, reply=reply))
        subject = subjects.ledger(subjects.partition_of_user(sent.user, self._partitions))
        try:
            await self.js.publish(subject, data, timeout=2, headers={"Nats-Msg-Id": message_id or str(sent.id)})
        except BaseException:
            answer.cancel()
            raise
        return answer

    async def ask(self, sent: Command, within_s: float = 60.0, message_id: str = "") -> Answer:
        """Publish a command and give its answer; raises TimeoutError and NatsError."""
        return await asyncio.wait_for(await self.publish(sent, message_id), within_s)

    async def open_portfolio(self, user: UUID, name: str = "Savings", currency: str = "USD") -> UUID:
        answer = await self.ask(command(user, Create(name, currency)))
        assert answer.status == 201, answer
        return UUID(str(answer.body["id"]))

    async def record(self, user: UUID, portfolio: UUID, fields: Fields) -> Answer:
        return await self.ask(command(user, Record(portfolio, fields)))

    async def _heard(self, message: Msg) -> None:
        waiting = self._waiting.get(message.subject)
        if waiting is not None and not waiting.done():
            waiting.set_result(decode_answer(message.data))


@contextlib.asynccontextmanager
async def ledger_client(nats_url: str, partitions: int) -> AsyncIterator[LedgerClient]:
    connection = await connect(MeshSettings(nats_url=nats_url), "ledger-test")
    try:
        client = LedgerClient(connection, partitions)
        await client.listen()
        yield client
    finally:
        with contextlib.suppress(NatsError):
            await connection.close()
