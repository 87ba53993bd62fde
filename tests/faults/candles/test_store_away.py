"""Postgres hangs: live candles go on, nothing is acknowledged, and afterwards everything is there."""

import asyncio
import signal
from pathlib import Path

import nats
import pytest
from nats.aio.msg import Msg

from infra.local.servers import NatsServer, PostgresServer
from infra.migrate import migrate
from mesh.streams import TAPE
from tests.candle_tape import last_of, make_rows, open_tape
from tests.candle_worker import CandleWorker, check, until_stored
from tests.faults.conftest import Report
from tests.integration.tape import until

pytestmark = pytest.mark.timeout(90)

PARTITIONS = 2


async def test_while_postgres_hangs_live_candles_go_on_and_nothing_is_acknowledged(
    nats_server: NatsServer, postgres_server: PostgresServer, database_url: str, tmp_path: Path, report: Report
) -> None:
    await asyncio.to_thread(migrate, database_url)
    worker = CandleWorker(tmp_path, nats_server.url, database_url, partitions=PARTITIONS)
    client = await nats.connect(nats_server.url)
    js = client.jetstream()
    shown = 0

    async def note(_: Msg) -> None:
        nonlocal shown
        shown += 1

    async def floors() -> list[int]:
        return [each.ack_floor.stream_seq for each in await js.consumers_info(TAPE) if each.ack_floor]

    try:
        async with open_tape(nats_server.url, 20, PARTITIONS) as tape:
            events = make_rows(7, tape.numbers, 3000)
            await worker.start()
            await until(lambda: worker.said.count("fence") == PARTITIONS)
            await client.subscribe("candle.>", cb=note)
            await tape.write(events[:1000], within_s=0.5)
            await until_stored(database_url, await last_of(js, PARTITIONS))
            postgres_server.kill(signal.SIGSTOP)
            try:
                before, shown = await floors(), 0
                await tape.write(events[1000:2000], within_s=2.0)
                await until(lambda: shown > 100)
                shown_meanwhile = shown
                # What was stored before it hung may still be acknowledged, what came after may not.
                reached = await last_of(js, PARTITIONS)
                assert max(await floors()) < min(reached.values())
            finally:
                postgres_server.kill(signal.SIGCONT)
            await tape.write(events[2000:], within_s=0.5)
            behind_s = await until_stored(database_url, await last_of(js, PARTITIONS))
            found = await check(js, database_url, tape.instruments, PARTITIONS)
    finally:
        await worker.stop()
        await client.close()
    assert "Traceback" not in worker.said, worker.said[-5000:]
    report(
        f"candles, Postgres stopped: {shown_meanwhile} live candles meanwhile, acknowledged to {max(before)} of "
        f"{max(reached.values())}; stored {behind_s:.1f} s after; lost {found['lost']}, "
        f"duplicate {found['duplicate']}, different {found['different']}"
    )
    assert (found["lost"], found["duplicate"], found["different"]) == (0, 0, 0)
