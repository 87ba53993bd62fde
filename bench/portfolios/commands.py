"""Commands to portfolios, from LEDGER through one worker into a Postgres that syncs, and back to who asked."""

import asyncio
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg  # type: ignore[import-untyped]  # it ships no annotations
import numpy as np
from nats.aio.msg import Msg

from bench.processes import Figures, Line, cpu_s, running
from bench.table import Line as TableLine
from infra.local.servers import Server, running_nats, running_postgres
from infra.local.service import Service
from infra.migrate import migrate
from market import subjects
from market.ledger.commands import Action, Command, Create, Fields, Record
from market.ledger.transaction import Kind
from mesh.commands import decode_answer
from mesh.connection import connect
from mesh.ledger.codec import encode_command
from mesh.settings import MeshSettings
from mesh.streams import declared, ensure

USERS = 1000
SYMBOLS = 50
AT_ONCE = 600  # commands on their way, each of another client
SECONDS = 12.0
GOAL_PER_S, GOAL_MS = 1500.0, 50.0
PARTITIONS = 16
_WITHIN_S = 30.0


class Clients:
    """Many users with a portfolio each, on one connection, as behind one gateway."""

    def __init__(self) -> None:
        self._random = random.Random(7)
        self._waiting: dict[str, asyncio.Future[UUID]] = {}
        self._owners: list[tuple[UUID, UUID]] = []
        self.refused = 0

    async def open(self, nats_url: str) -> None:
        """Connect and open the portfolios."""
        settings = MeshSettings(nats_url=nats_url)
        self._client = await connect(settings, "bench")
        self._js = self._client.jetstream()
        await ensure(self._js, declared(settings))
        self._inbox = self._client.new_inbox()
        await self._client.subscribe(f"{self._inbox}.*", cb=self._heard)
        users = [uuid4() for _ in range(USERS)]
        opened = await asyncio.gather(*(self._ask(user, Create("Savings", "USD")) for user in users))
        self._owners = list(zip(users, opened, strict=True))

    async def closed_loop(self, seconds: float) -> Figures:
        """Let every client send its next command as soon as the last one is answered."""
        until_s, done = time.monotonic() + seconds, 0

        async def client(place: int) -> None:
            nonlocal done
            while time.monotonic() < until_s:
                await self._trade(place)
                done += 1

        began_s = time.monotonic()
        await asyncio.gather(*(client(place % USERS) for place in range(AT_ONCE)))
        return {"per_s": done / (time.monotonic() - began_s), "commands": done}

    async def open_loop(self, seconds: float, per_s: float) -> Figures:
        """Send at Poisson times, whatever was answered by then; the time counts from when a command was due."""
        took_ms: list[float] = []
        sending: set[asyncio.Task[None]] = set()

        async def one(due_s: float) -> None:
            await self._trade(self._random.randrange(USERS))
            took_ms.append((time.monotonic() - due_s) * 1e3)

        began_s = due_s = time.monotonic()
        while due_s < began_s + seconds:
            due_s += self._random.expovariate(per_s)
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            task = asyncio.create_task(one(due_s))
            sending.add(task)
            task.add_done_callback(sending.discard)
        await asyncio.gather(*sending)
        p50, p99 = np.percentile(took_ms, [50, 99]).tolist()
        return {"p50": p50, "p99": p99, "max": max(took_ms), "commands": len(took_ms)}

    async def _trade(self, place: int) -> None:
        user, portfolio = self._owners[place]
        symbol = f"XNAS:S{self._random.randrange(SYMBOLS)}"
        price = Decimal(self._random.randrange(1_000, 50_000)).scaleb(-2)
        buy = Fields(Kind.BUY, symbol, Decimal(self._random.randrange(1, 100)), price, Decimal("0.5"), currency="USD")
        await self._ask(user, Record(portfolio, buy))

    async def _ask(self, user: UUID, action: Action) -> UUID:
        command_id = uuid4()
        reply = f"{self._inbox}.{command_id.hex}"
        waiting: asyncio.Future[UUID] = asyncio.get_running_loop().create_future()
        self._waiting[reply] = waiting
        command = Command(command_id, user, datetime.now(UTC), action, bytes(32), reply)
        subject = subjects.ledger(subjects.partition_of_user(user, PARTITIONS))
        await self._js.publish(subject, encode_command(command), _WITHIN_S, headers={"Nats-Msg-Id": str(command_id)})
        return await asyncio.wait_for(waiting, _WITHIN_S)

    async def _heard(self, message: Msg) -> None:
        answer = decode_answer(message.data)
        self.refused += answer.status != 201
        self._waiting.pop(message.subject).set_result(UUID(str(answer.body.get("id", UUID(int=0)))))


async def clients(line: Line, nats_url: str) -> None:
    """Play all clients."""
    playing = Clients()
    await playing.open(nats_url)
    line.say(opened=USERS)
    while True:
        asked = await line.heard()
        what: Callable[..., Awaitable[Figures]] = getattr(playing, asked.pop("what"))
        began_s = time.process_time()
        figures: Figures = await what(**asked)
        line.say(**figures, refused=playing.refused, cpu_s=time.process_time() - began_s)


async def measure(folder: Path) -> list[TableLine]:
    """Measure what one worker takes, then how long a command takes at half of the goal."""
    async with (
        running_nats(folder) as nats,
        running_postgres(folder, durable=True) as postgres,
    ):
        await asyncio.to_thread(migrate, postgres.url)
        worker = _worker(folder, nats.url, postgres.url)
        await worker.start()
        try:
            async with running(folder, clients, nats_url=nats.url) as load:
                await load.answer()
                await load.ask(what="closed_loop", seconds=2.0)
                before = cpu_s(worker.pid), _tree_cpu_s(postgres.pid)
                full = await load.ask(what="closed_loop", seconds=SECONDS)
                cpu = [
                    after - was
                    for after, was in zip((cpu_s(worker.pid), _tree_cpu_s(postgres.pid)), before, strict=True)
                ]
                half = await load.ask(what="open_loop", seconds=SECONDS, per_s=GOAL_PER_S / 2)
            stored, commits = await _stored(postgres.url)
        finally:
            await worker.stop()
    per_command = [1e6 * each / full["commands"] for each in (*cpu, full["cpu_s"])]
    return [
        TableLine(
            "portfolio commands, one worker",
            f"{full['per_s']:,.0f}/s; {per_command[0]:.0f} us of the worker, {per_command[1]:.0f} us of Postgres and "
            f"{per_command[2]:.0f} us of the clients for each",
            f">= {GOAL_PER_S:,.0f}/s",
            full["per_s"] >= GOAL_PER_S,
            notes=f"{AT_ONCE} clients, each with one BUY on its way, {USERS} portfolios in {PARTITIONS} partitions. "
            "Postgres with fsync and synchronous_commit; "
            f"{stored:,} transactions in the tables, {commits:,} commits, refused "
            f"{full['refused']}. Clients, nats-server, worker and Postgres share the machine.",
        ),
        TableLine(
            f"portfolio commands at {GOAL_PER_S / 2:,.0f}/s",
            f"p50 {half['p50']:.1f} ms, p99 {half['p99']:.1f} ms, max {half['max']:.0f} ms",
            f"p99 <= {GOAL_MS:g} ms",
            half["p99"] <= GOAL_MS and not half["refused"],
            notes="Poisson times; from when a command was due until its answer is read, publishing included.",
        ),
    ]


def _worker(folder: Path, nats_url: str, dsn: str) -> Server:
    environment = os.environ | {"TICKMESH_NATS_URL": nats_url, "TICKMESH_POSTGRES_DSN": dsn}
    argv = (sys.executable, "-m", "workers.portfolio")
    return Server(Service(name="portfolios", argv=argv, cwd=Path.cwd(), log=folder / "portfolios.log", env=environment))


def _tree_cpu_s(pid: int) -> float:
    """Give the processor time of a process and of its children, those that ended since then left out."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return cpu_s(pid) + sum(cpu_s(int(child)) for child in children)


async def _stored(dsn: str) -> tuple[int, int]:
    connection = await asyncpg.connect(dsn)
    try:
        stored = await connection.fetchval("SELECT count(*) FROM transactions")
        commits = await connection.fetchval(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        )
    finally:
        await connection.close()
    return int(stored), int(commits)
