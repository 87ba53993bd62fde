"""A worker that is held up beyond its lease while another takes its partition over: nothing fires twice.

Once by default, as often as TICKMESH_ALERT_SEEDS says: each time another worker has to be missed for ten seconds.
"""

import asyncio
import os
import random
import signal
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from infra.local.servers import NatsServer
from infra.migrate import migrate
from mesh.actor.lease import LeaseValue
from mesh.streams import LEASES
from tests.alert_check import compare, read_tape, tables_when_sent, until_evaluated
from tests.alert_tape import MarketClock, TickMaker, write_ticks
from tests.alert_users import Told, groups
from tests.alert_worker import AlertClient, AlertWorker, alert_client
from tests.candle_tape import last_of, open_tape
from tests.faults.conftest import Report

pytestmark = pytest.mark.timeout(180)

PARTITIONS, INSTRUMENTS, ROWS = 1, 4, 600  # rows between two steps
ROUNDS = int(os.environ.get("TICKMESH_ALERT_SEEDS", "1"))


async def owner(client: AlertClient) -> str:
    value = (await (await client.js.key_value(LEASES)).get("alert.0")).value or b""
    return msgspec.msgpack.decode(value, type=LeaseValue).owner


async def test_who_is_held_up_fires_nothing_again(
    nats_server: NatsServer, database_url: str, tmp_path: Path, report: Report
) -> None:
    await asyncio.to_thread(migrate, database_url)
    clock, told, dice = MarketClock(), Told(), random.Random(3)
    workers = {
        member: AlertWorker(tmp_path, nats_server.url, database_url, member, partitions=PARTITIONS)
        for member in ("first", "second")
    }
    async with (
        open_tape(nats_server.url, INSTRUMENTS, PARTITIONS) as tape,
        alert_client(nats_server.url, PARTITIONS) as client,
    ):
        events = TickMaker(9, tape.numbers).make(ROWS * (2 * ROUNDS + 1))
        users = groups(client, {uuid4(): None for _ in range(100)}, tape.instruments, clock, told, 9, 5)
        try:
            for each in workers.values():
                await each.start()
            await write_ticks(tape, events[:ROWS], 0.1, clock)
            for number in range(1, 2 * ROUNDS, 2):
                await asyncio.gather(*(group.act(15) for group in users))
                held_up = await owner(client)
                writing = asyncio.create_task(
                    write_ticks(tape, events[number * ROWS : (number + 2) * ROWS], 1.5, clock)
                )
                await asyncio.sleep(dice.uniform(0.0, 0.5))  # the moment is what is tried
                workers[held_up].kill(signal.SIGSTOP)
                async with asyncio.timeout(60):
                    while await owner(client) == held_up:  # noqa: ASYNC110  # the lease does not tell by itself
                        await asyncio.sleep(0.05)
                await asyncio.gather(*(group.act(3) for group in users))
                workers[held_up].kill(signal.SIGCONT)
                await writing
            await until_evaluated(database_url, client, tape.instruments, await last_of(client.js, PARTITIONS))
            tables = await tables_when_sent(database_url, client.js)
            recorded = await read_tape(client.js, PARTITIONS)
            found = await compare(client.js, tables, tape.instruments, recorded)
        finally:
            for each in workers.values():
                each.kill(signal.SIGCONT)
                await each.stop()
    for each in workers.values():
        assert "Traceback" not in each.said, each.said[-5000:]
    report(f"alerts, the owner held up beyond its lease {ROUNDS} times: {found}")
    assert found.is_right, (found.missed[:5], found.surplus[:5], found.wrong[:5])
    assert found.expected > 30
