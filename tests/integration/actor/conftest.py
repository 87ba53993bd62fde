"""A tape with writers, and workers on it, all of the test's own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio
from nats.js import JetStreamContext

from infra.local.servers import NatsServer
from market import rows
from mesh.actor.host import ActorHost
from mesh.actor.runtime import ActorRules
from mesh.connection import Connection, connect
from mesh.settings import MeshSettings
from mesh.streams import declared, ensure
from tests.integration.actor.tally import RULES, Table, TallyShell

PARTITIONS = 2


@dataclass
class Worker:
    """One member: its connection, its shell, its host, the tasks that run them."""

    client: Connection
    shell: TallyShell
    host: ActorHost
    tasks: list[asyncio.Task[None]]

    async def end(self) -> None:
        """Stop in order."""
        running, outbox = self.tasks
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        outbox.cancel()
        await self.client.close()

    async def vanish(self) -> None:
        """Stop as a process does that is killed: nothing more is said."""
        await self.client.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class Tape:
    """Writes rows to the tape, and remembers what a right tally of them is."""

    def __init__(self, client: Connection, js: JetStreamContext) -> None:
        self.client = client
        self.js = js
        self.counts: dict[int, int] = {}
        self.last: dict[int, int] = {}

    async def write(self, messages: int) -> None:
        """Write so many messages of one to three rows to each partition."""
        for count in range(messages):
            for partition in range(PARTITIONS):
                made = rows.TRADE.blank(1 + count % 3)
                made["instrument"] = partition
                ack = await self.js.publish(f"tape.{partition}", rows.join([made]).tobytes())
                self.counts[partition] = self.counts.get(partition, 0) + len(made)
                self.last[partition] = ack.seq


@pytest.fixture
def table() -> Table:
    return Table()


@pytest_asyncio.fixture
async def tape(nats_server: NatsServer) -> AsyncIterator[Tape]:
    client = await connect(MeshSettings(nats_url=nats_server.url), "test")
    js = client.jetstream()
    await ensure(js, declared(MeshSettings(nats_url="unused")))
    yield Tape(client, js)
    await client.close()


StartWorker = Callable[..., "asyncio.Future[Worker]"]


@pytest_asyncio.fixture
async def start(nats_server: NatsServer, tape: Tape, table: Table) -> AsyncIterator[StartWorker]:
    """Start a member by its name; what still runs at the end is stopped."""
    workers: list[Worker] = []

    async def begin(member: str, rules: ActorRules = RULES, max_rows: int = 1000) -> Worker:
        client = await connect(MeshSettings(nats_url=nats_server.url), f"tally-{member}")
        shell = TallyShell(table, max_rows)
        host = ActorHost(client, client.jetstream(), member, PARTITIONS, shell, rules)
        tasks = [asyncio.create_task(host.run()), asyncio.create_task(shell.outbox.run())]
        workers.append(Worker(client, shell, host, tasks))
        return workers[-1]

    yield begin
    for worker in workers:
        if not worker.client.is_closed:
            await worker.end()
