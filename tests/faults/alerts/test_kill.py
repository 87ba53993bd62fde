"""Everything under the alerts is killed while prices move and rules change; what fired is what the tape says, once.

Two schedules run by default, twenty with TICKMESH_ALERT_SEEDS=20.
"""

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from pathlib import Path
from uuid import uuid4

import pytest
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from infra.local.servers import NatsServer, PostgresServer
from infra.migrate import migrate
from mesh.streams import CHECKPOINTS
from tests.alert_check import compare, tables_when_sent, until_evaluated
from tests.alert_tape import MarketClock, TickMaker, write_ticks
from tests.alert_users import Told, groups
from tests.alert_worker import AlertWorker, add_webhooks, alert_client, fails_sometimes
from tests.candle_tape import last_of, open_tape
from tests.faults.conftest import Report
from tests.notify_receivers import receiving
from tests.notify_worker import NotifyWorker

pytestmark = pytest.mark.timeout(240)

SEEDS = int(os.environ.get("TICKMESH_ALERT_SEEDS", "2"))
PARTITIONS, INSTRUMENTS, ROWS, WRITING_S = 2, 12, 4000, 8.0
GROUPS, USERS, COMMANDS = 10, 120, 20  # commands of each group
FAULTS = 8  # of workers


async def forget_checkpoints(js: JetStreamContext) -> None:
    """Remove whatever checkpoints there are: an owner after that has the tables and the tape alone."""
    bucket = await js.object_store(CHECKPOINTS)
    for each in await bucket.list():
        if each.name and not each.deleted:
            await bucket.delete(each.name)


async def harass(
    workers: list[AlertWorker | NotifyWorker], js: JetStreamContext, dice: random.Random, done: Counter[str]
) -> None:
    """Kill a worker, stop it in order, or hold it up for longer than its lease, one after the other."""
    for _ in range(FAULTS):
        await asyncio.sleep(dice.uniform(0.2, 1.2))  # the moment is what is tried
        worker, chance = dice.choice(workers), dice.random()
        if chance < 0.15:
            await worker.restart()
            done["workers restarted"] += 1
        elif chance < 0.7:
            worker.kill()
            await worker.exited()
            if chance < 0.3:
                with contextlib.suppress(NatsError, TimeoutError):
                    await forget_checkpoints(js)
                    done["checkpoints lost"] += 1
            await worker.start()
            done["workers killed"] += 1
        else:
            worker.kill(signal.SIGSTOP)
            try:
                await asyncio.sleep(dice.uniform(0.5, 2.0))
            finally:
                worker.kill(signal.SIGCONT)
            done["workers held up"] += 1


async def break_servers(nats: NatsServer, postgres: PostgresServer, dice: random.Random, done: Counter[str]) -> None:
    """Kill each server once and stop it in order once, in any sequence."""
    turns = [(nats, True), (nats, False), (postgres, True), (postgres, False)]
    dice.shuffle(turns)
    for server, is_killed in turns:
        await asyncio.sleep(dice.uniform(0.3, 1.5))  # the moment is what is tried
        if is_killed:
            server.kill()
            await server.exited()
            await server.start()
        else:
            await server.restart()
        done["servers killed" if is_killed else "servers restarted"] += 1


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_whatever_is_killed_every_alert_fires_once(
    seed: int,
    nats_server: NatsServer,
    postgres_server: PostgresServer,
    database_url: str,
    tmp_path: Path,
    report: Report,
) -> None:
    dice, told, done, clock = random.Random(seed), Told(), Counter[str](), MarketClock()
    await asyncio.to_thread(migrate, database_url)
    members = [
        AlertWorker(tmp_path, nats_server.url, database_url, member, partitions=PARTITIONS)
        for member in ("first", "second")
    ]
    workers = [*members, NotifyWorker(tmp_path, nats_server.url, database_url, notify_forgotten_s=2)]
    async with (
        receiving(fails_sometimes()) as receiver,
        open_tape(nats_server.url, INSTRUMENTS, PARTITIONS) as tape,
        alert_client(nats_server.url, PARTITIONS) as client,
    ):
        channels = await add_webhooks(database_url, [uuid4() for _ in range(USERS)], receiver.url)
        events = TickMaker(seed, tape.numbers).make(ROWS)
        await write_ticks(tape, events[:200], 0.1, clock)  # most rules meet a price that is known
        try:
            for worker in workers:
                await worker.start()
            harassing = asyncio.create_task(harass(workers, client.js, random.Random(seed + 1), done))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(break_servers(nats_server, postgres_server, dice, done))
                tasks.create_task(write_ticks(tape, events[200:], WRITING_S, clock))
                for group in groups(client, channels, tape.instruments, clock, told, seed, GROUPS):
                    tasks.create_task(group.act(COMMANDS))
            harassing.cancel()
            await asyncio.gather(harassing, return_exceptions=True)
            await until_evaluated(database_url, client, tape.instruments, await last_of(client.js, PARTITIONS))
            tables = await tables_when_sent(database_url, client.js)
            found = await compare(client.js, tables, tape.instruments, PARTITIONS)
        finally:
            for worker in workers:
                worker.kill(signal.SIGCONT)
                await worker.stop()
    for worker in workers:
        assert "Traceback" not in worker.said, worker.said[-5000:]
    report(
        f"alerts, seed {seed}: {', '.join(f'{what} {count}' for what, count in sorted(done.items()))}; "
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
    assert found.expected > 200
    assert found.outcomes.keys() == {"sent", "limit", "cooldown"}
