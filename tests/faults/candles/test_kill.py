"""The worker is killed at any moment, NATS within 50 ms of an acknowledgement, Postgres hangs; then every bit is there.

Two schedules run by default, all twenty with TICKMESH_CANDLE_SEEDS=20.
"""

import asyncio
import contextlib
import os
import random
import re
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
from nats.js import JetStreamContext

from infra.local.servers import NatsServer, PostgresServer
from infra.migrate import migrate
from mesh.connection import connect
from mesh.settings import MeshSettings
from mesh.streams import TAPE
from tests.candle_tape import last_of, make_rows, open_tape
from tests.candle_worker import CandleWorker, check, read_partition, stored_to, until_stored
from tests.faults.conftest import Report

pytestmark = pytest.mark.timeout(180)

SEEDS = int(os.environ.get("TICKMESH_CANDLE_SEEDS", "1"))
PARTITIONS, INSTRUMENTS, ROWS, WRITING_S = 2, 60, 6000, 8.0


async def kill_after_an_acknowledgement(server: NatsServer) -> None:
    """Kill NATS as soon as a consumer's acknowledgements are seen to have moved; it is asked every 5 ms."""
    client = await connect(MeshSettings(nats_url=server.url), "killer")
    try:
        js = client.jetstream()
        before = await floors(js)
        while (now := await floors(js)) == before or not now:  # noqa: ASYNC110  # the server does not tell by itself
            await asyncio.sleep(0.005)
        server.kill()
    finally:
        await client.close()
    await server.exited()


async def floors(js: JetStreamContext) -> dict[str, int]:
    found = await js.consumers_info(TAPE)
    return {each.name: each.ack_floor.stream_seq for each in found if each.ack_floor and each.ack_floor.stream_seq}


@dataclass(frozen=True)
class Kill:
    """How far each partition was stored when the worker was killed, and how much its log held."""

    stored: dict[int, int]
    said: int


async def kill_workers(worker: CandleWorker, dsn: str, schedule: random.Random, kills: int) -> list[Kill]:
    """Kill the worker at random moments after it has stored something, and start it again."""
    done: list[Kill] = []
    for _ in range(kills):
        before = done[-1].stored if done else {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WRITING_S):
                while await stored_to(dsn) in (before, {}):  # noqa: ASYNC110  # the tables do not tell by themselves
                    await asyncio.sleep(0.05)
        await asyncio.sleep(schedule.uniform(0, 0.7))  # the moment is what is tried
        worker.kill()
        await worker.exited()
        done.append(Kill(await stored_to(dsn), len(worker.said)))
        await worker.start()
    return done


async def redelivered(kills: list[Kill], worker: CandleWorker, js: JetStreamContext) -> int:
    """Count the messages whose effects were stored and that a successor began with all the same."""
    tape = {number: [at for at, _ in await read_partition(js, number)] for number in range(PARTITIONS)}
    count = 0
    for kill in kills:
        for partition, stored in kill.stored.items():
            begun = re.search(rf"partition {partition} from (\d+)", worker.said[kill.said :])
            if begun is not None:
                count += sum(int(begun[1]) < at <= stored for at in tape[partition])
    return count


async def break_nats(server: NatsServer) -> None:
    async with asyncio.timeout(80):
        await kill_after_an_acknowledgement(server)
    await server.start()


async def hang(postgres: PostgresServer, after_s: float) -> None:
    await asyncio.sleep(after_s)  # the moment is what is tried
    postgres.kill(signal.SIGSTOP)
    try:
        await asyncio.sleep(2)
    finally:
        postgres.kill(signal.SIGCONT)


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_whatever_is_killed_every_candle_is_there_once(
    seed: int,
    nats_server: NatsServer,
    postgres_server: PostgresServer,
    database_url: str,
    tmp_path: Path,
    report: Report,
) -> None:
    schedule = random.Random(seed)
    await asyncio.to_thread(migrate, database_url)
    worker = CandleWorker(tmp_path, nats_server.url, database_url, partitions=PARTITIONS)
    kills_wanted = schedule.randint(3, 5)
    async with open_tape(nats_server.url, INSTRUMENTS, PARTITIONS) as tape:
        await worker.start()
        try:
            async with asyncio.TaskGroup() as faults:
                faults.create_task(tape.write(make_rows(seed, tape.numbers, ROWS), WRITING_S))
                kills = faults.create_task(kill_workers(worker, database_url, schedule, kills_wanted))
                faults.create_task(break_nats(nats_server))
                if seed % 3 == 0:
                    faults.create_task(hang(postgres_server, schedule.uniform(0, WRITING_S)))
            client = await connect(MeshSettings(nats_url=nats_server.url), "reader")
            js = client.jetstream()
            try:
                behind_s = await until_stored(database_url, await last_of(js, PARTITIONS), within_s=60)
                found = await check(js, database_url, tape.instruments, PARTITIONS, (schedule.randint(1, 97),))
                again = await redelivered(kills.result(), worker, js)
            finally:
                await client.close()
        finally:
            await worker.stop()
    assert "Traceback" not in worker.said, worker.said[-5000:]
    report(
        f"candles, seed {seed}: worker killed {len(kills.result())} times, NATS within 50 ms of an acknowledgement; "
        f"{found['candles']:,} candles, lost {found['lost']}, duplicate {found['duplicate']}, "
        f"different {found['different']}; {again} messages redelivered; caught up {behind_s:.1f} s after the last fault"
    )
    assert found["candles"] > 1000
    assert (found["lost"], found["duplicate"], found["different"]) == (0, 0, 0)
