"""Everything under the alerts is killed while prices move and rules change; what fired is what the tape says, once.

Two schedules run by default, twenty with TICKMESH_ALERT_SEEDS=20.
"""

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from infra.local.servers import NatsServer, PostgresServer, Server
from infra.migrate import migrate
from market.row_type import Rows, take
from mesh.streams import CHECKPOINTS
from tests.alert_check import compare, read_tape, tables_when_sent, until_evaluated
from tests.alert_tape import MarketClock, TickMaker, write_ticks
from tests.alert_users import Told, groups
from tests.alert_worker import AlertWorker, add_webhooks, alert_client, fails_sometimes
from tests.candle_tape import TapeWriter, last_of, open_tape
from tests.faults.conftest import Report
from tests.notify_receivers import receiving
from tests.notify_worker import NotifyWorker

pytestmark = pytest.mark.timeout(240)

SEEDS = int(os.environ.get("TICKMESH_ALERT_SEEDS", "1"))
PARTITIONS, INSTRUMENTS, ROWS, BEFORE, PARTS = 2, 8, 5000, 200, 40
GROUPS, USERS, FIRST, COMMANDS = 10, 40, 6, 12  # commands of each group, before the faults and meanwhile
FAULTS = 7  # of workers


async def forget_checkpoints(js: JetStreamContext) -> None:
    """Remove whatever checkpoints there are: an owner after that has the tables and the tape alone."""
    bucket = await js.object_store(CHECKPOINTS)
    for each in await bucket.list():
        if each.name and not each.deleted:
            await bucket.delete(each.name)


async def hold_up(server: Server, for_s: float) -> None:
    """Stop a process for a while, and all that it would have done meanwhile."""
    server.kill(signal.SIGSTOP)
    try:
        await asyncio.sleep(for_s)
    finally:
        server.kill(signal.SIGCONT)


@dataclass
class Scene:
    """All that can be broken; what happens hangs on how many commands are answered, not on how fast a machine is."""

    nats: NatsServer
    postgres: PostgresServer
    workers: list[AlertWorker | NotifyWorker]
    js: JetStreamContext
    told: Told
    done: Counter[str] = field(default_factory=Counter)

    async def until(self, share: float) -> None:
        """Wait until this share of all commands is answered."""
        while len(self.told.answers) < GROUPS * (FIRST + share * COMMANDS):  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.02)

    async def trade(self, tape: TapeWriter, events: Rows, clock: MarketClock) -> None:
        """Write the tape, each part of it once so many commands are answered."""
        parts = np.array_split(np.arange(len(events)), PARTS)
        for number, part in enumerate(parts):
            await self.until(number / PARTS)
            await write_ticks(tape, take(events, part), 0.1, clock)

    async def harass(self, dice: random.Random) -> None:
        """Break one worker after the other."""
        for share in sorted(dice.uniform(0, 1) for _ in range(FAULTS)):
            await self.until(share)
            await asyncio.sleep(dice.uniform(0, 0.3))  # the moment is what is tried
            await self._break(dice.choice(self.workers), dice)

    async def _break(self, worker: AlertWorker | NotifyWorker, dice: random.Random) -> None:
        """Kill a worker, stop it in order, or hold it up for longer than its lease."""
        chance = dice.random()
        if chance < 0.15:
            await worker.restart()
            self.done["workers restarted"] += 1
        elif chance < 0.7:
            worker.kill()
            await worker.exited()
            if chance < 0.35:
                with contextlib.suppress(NatsError, TimeoutError):
                    await forget_checkpoints(self.js)
                    self.done["checkpoints lost"] += 1
            await worker.start()
            self.done["workers killed"] += 1
        else:
            await hold_up(worker, dice.uniform(0.5, 2.0))
            self.done["workers held up"] += 1

    async def break_servers(self, dice: random.Random) -> None:
        """Kill each server, stop it in order, and hold it up, in any sequence."""
        turns = [
            (server, fault) for server in (self.nats, self.postgres) for fault in ("killed", "restarted", "held up")
        ]
        dice.shuffle(turns)
        for share, (server, fault) in zip(sorted(dice.uniform(0, 1) for _ in turns), turns, strict=True):
            await self.until(share)
            await asyncio.sleep(dice.uniform(0, 0.3))  # the moment is what is tried
            match fault:
                case "killed":
                    server.kill()
                    await server.exited()
                    await server.start()
                case "restarted":
                    await server.restart()
                case _:
                    await hold_up(server, dice.uniform(0.5, 1.5))
            self.done[f"servers {fault}"] += 1


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_whatever_is_killed_every_alert_fires_once(
    seed: int,
    nats_server: NatsServer,
    postgres_server: PostgresServer,
    database_url: str,
    tmp_path: Path,
    report: Report,
) -> None:
    told, clock = Told(), MarketClock()
    await asyncio.to_thread(migrate, database_url)
    workers: list[AlertWorker | NotifyWorker] = [
        AlertWorker(tmp_path, nats_server.url, database_url, member, partitions=PARTITIONS)
        for member in ("first", "second")
    ]
    workers.append(NotifyWorker(tmp_path, nats_server.url, database_url, notify_forgotten_s=2))
    async with (
        receiving(fails_sometimes()) as receiver,
        open_tape(nats_server.url, INSTRUMENTS, PARTITIONS) as tape,
        alert_client(nats_server.url, PARTITIONS) as client,
    ):
        channels = await add_webhooks(database_url, [uuid4() for _ in range(USERS)], receiver.url)
        events = TickMaker(seed, tape.numbers).make(ROWS)
        await write_ticks(tape, events[:BEFORE], 0.1, clock)  # most rules meet a price that is known
        scene = Scene(nats_server, postgres_server, workers, client.js, told)
        try:
            for worker in workers:
                await worker.start()
            users = groups(client, channels, tape.instruments, clock, told, seed, GROUPS)
            await asyncio.gather(*(group.act(FIRST) for group in users))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(scene.trade(tape, events[BEFORE:], clock))
                tasks.create_task(scene.harass(random.Random(seed)))
                tasks.create_task(scene.break_servers(random.Random(seed + 1)))
                for group in users:
                    tasks.create_task(group.act(COMMANDS))
            await until_evaluated(database_url, client, tape.instruments, await last_of(client.js, PARTITIONS))
            tables = await tables_when_sent(database_url, client.js)
            recorded = await read_tape(client.js, PARTITIONS)
            found = await compare(client.js, tables, tape.instruments, recorded)
        finally:
            for worker in workers:
                worker.kill(signal.SIGCONT)
                await worker.stop()
    for worker in workers:
        assert "Traceback" not in worker.said, worker.said[-5000:]
    report(
        f"alerts, seed {seed}: {', '.join(f'{what} {count}' for what, count in sorted(scene.done.items()))}; "
        f"{len(told.sent)} commands sent {told.sent.total()} times; {found}; {len(tables['notifications'])} "
        f"notifications, missing {len(tables['notifications']) - len(receiver.accepted)}, sent more than once "
        f"{receiver.accepted.total() - len(receiver.accepted)} times"
    )
    assert found.is_right, (found.missed[:5], found.surplus[:5], found.wrong[:5])
    assert told.changed == []
    statuses = {row["id"]: row["status"] for row in tables["alert_commands"]}
    assert {number: answer.status for number, answer in told.answers.items()}.items() <= statuses.items()
    assert told.answers.keys() == told.sent.keys()
    assert receiver.accepted.keys() == {str(row["id"]) for row in tables["notifications"]}
    assert found.expected > 100
    assert found.outcomes["sent"] > 50
