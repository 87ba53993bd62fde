"""What the tape loses before anybody has evaluated it is lost; nothing else is, and nothing fires again."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from infra.local.servers import NatsServer
from infra.migrate import migrate
from mesh.streams import TAPE
from tests.alert_check import compare, read_tape, tables_when_sent, until_evaluated
from tests.alert_tape import MarketClock, TickMaker, write_ticks
from tests.alert_users import Told, groups
from tests.alert_worker import AlertWorker, alert_client
from tests.candle_tape import last_of, open_tape
from tests.faults.conftest import Report

pytestmark = pytest.mark.timeout(120)

PARTITIONS, INSTRUMENTS, ROWS = 1, 4, 400  # rows at each step


async def test_what_the_tape_loses_unseen_is_lost_and_nothing_else(
    nats_server: NatsServer, database_url: str, tmp_path: Path, report: Report
) -> None:
    await asyncio.to_thread(migrate, database_url)
    clock, told = MarketClock(), Told()
    worker = AlertWorker(tmp_path, nats_server.url, database_url, partitions=PARTITIONS)
    async with (
        open_tape(nats_server.url, INSTRUMENTS, PARTITIONS) as tape,
        alert_client(nats_server.url, PARTITIONS) as client,
    ):
        steps = [TickMaker(4, tape.numbers).make(5 * ROWS)[at * ROWS : (at + 1) * ROWS] for at in range(5)]
        users = groups(client, {uuid4(): None for _ in range(40)}, tape.instruments, clock, told, 4, 4)
        try:
            await worker.start()
            await write_ticks(tape, steps[0], 0.1, clock)
            await asyncio.gather(*(group.act(20) for group in users))
            await write_ticks(tape, steps[1], 0.1, clock)
            seen = await last_of(client.js, PARTITIONS)
            await until_evaluated(database_url, client, tape.instruments, seen)
            await worker.stop()  # which leaves a checkpoint
            await write_ticks(tape, steps[2], 0.1, clock)
            cut = await last_of(client.js, PARTITIONS)
            await write_ticks(tape, steps[3], 0.1, clock)
            (written,) = await read_tape(client.js, PARTITIONS)
            await client.js.purge_stream(TAPE, seq=cut[0] + 1)
            await worker.start()
            await write_ticks(tape, steps[4], 0.1, clock)
            await asyncio.gather(*(group.act(5) for group in users))
            await until_evaluated(database_url, client, tape.instruments, await last_of(client.js, PARTITIONS))
            tables = await tables_when_sent(database_url, client.js)
            (left,) = await read_tape(client.js, PARTITIONS)
            recorded = [each for each in written if each[0] <= seen[0]] + left
            found = await compare(client.js, tables, tape.instruments, [recorded])
        finally:
            await worker.stop()
    assert "Traceback" not in worker.said, worker.said[-5000:]
    report(f"alerts, {cut[0] - seen[0]} messages of the tape gone before they were read: {found}")
    assert found.is_right, (found.missed[:5], found.surplus[:5], found.wrong[:5])
    assert left[0][0] == cut[0] + 1
    assert found.expected > 20
