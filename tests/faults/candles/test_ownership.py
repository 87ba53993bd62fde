"""Two workers: they share, one vanishes, one is held up and wakes under a lower fence; every candle is there once."""

import asyncio
import signal
from pathlib import Path

import nats
import pytest

from infra.local.servers import NatsServer
from infra.migrate import migrate
from tests.candle_tape import last_of, make_rows, open_tape
from tests.candle_worker import CandleWorker, check, until_stored
from tests.faults.conftest import Report
from tests.integration.tape import until

pytestmark = pytest.mark.timeout(120)

PARTITIONS, INSTRUMENTS, ROWS = 2, 30, 6000


async def test_one_that_is_held_up_is_fenced_and_the_other_goes_on(
    nats_server: NatsServer, database_url: str, tmp_path: Path, report: Report
) -> None:
    await asyncio.to_thread(migrate, database_url)
    first, second = (
        CandleWorker(tmp_path, nats_server.url, database_url, member, partitions=PARTITIONS)
        for member in ("first", "second")
    )
    async with open_tape(nats_server.url, INSTRUMENTS, PARTITIONS) as tape:
        events = make_rows(4, tape.numbers, ROWS)
        third = len(events) // 3
        await first.start()
        try:
            await until(lambda: first.said.count("fence") == PARTITIONS)
            await second.start()
            await tape.write(events[:third], within_s=1.0)
            await until(lambda: "fence" in second.said)
            # Held up for longer than it takes to be missed, then awake: it believes that it owns a partition.
            first.kill(signal.SIGSTOP)
            began = asyncio.get_running_loop().time()
            await tape.write(events[third : 2 * third], within_s=1.0)
            await until(lambda: second.said.count("fence") == PARTITIONS, within_s=40)
            taken_s = asyncio.get_running_loop().time() - began
            first.kill(signal.SIGCONT)
            await until(lambda: "has another owner" in first.said)
            second.kill()
            await second.exited()
            await tape.write(events[2 * third :], within_s=1.0)
            client = await nats.connect(nats_server.url)
            try:
                js = client.jetstream()
                behind_s = await until_stored(database_url, await last_of(js, PARTITIONS), within_s=60)
                found = await check(js, database_url, tape.instruments, PARTITIONS)
            finally:
                await client.close()
        finally:
            for worker in (first, second):
                await worker.stop()
    for worker in (first, second):
        assert "Traceback" not in worker.said, worker.said[-5000:]
    report(
        f"candles, two workers: one held up was replaced after {taken_s:.1f} s, the other killed, all stored "
        f"{behind_s:.1f} s later; {found['candles']:,} candles, lost {found['lost']}, duplicate {found['duplicate']}, "
        f"different {found['different']}"
    )
    assert (found["lost"], found["duplicate"], found["different"]) == (0, 0, 0)
