"""The candle worker as it runs: a tape that was filled while it was away, until every candle is in the tables."""

import asyncio
import itertools
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import nats
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from bench.candles.ticks import ticks
from bench.processes import Line, cpu_s, running
from bench.table import Line as TableLine
from infra.local.servers import NatsServer, PostgresServer, Server, running_nats, running_postgres
from infra.local.service import Service
from infra.migrate import migrate
from market import rows, subjects
from market.instrument import Listing
from market.symbols import SymbolKey
from mesh.candles.postgres import StoreAway
from mesh.candles.store import CandleStore
from mesh.connection import connect
from mesh.directory import Directory
from mesh.settings import MeshSettings
from mesh.streams import TAPE, declared, ensure
from mesh.tape_publisher import TapePublisher

INSTRUMENTS = 10_000
ROWS = 24_000_000
PEER_ROWS = 300_000
PER_S = 100_000  # of the time that the tape is about
BATCH_ROWS = 20_000
SKEW = 1.1
GOAL_PER_S = 3_000_000
HOUR_GOAL_S = 180.0
PARTITIONS = 16
WITHIN_S = 100.0


async def fill(line: Line, nats_url: str, count: int) -> None:
    """Enlist the instruments and write the tape as a feed does."""
    settings = MeshSettings(nats_url=nats_url)
    client = await connect(settings, "bench")
    js = client.jetstream()
    await ensure(js, declared(settings))
    directory = await Directory.open(js)
    keys = [SymbolKey("COIN", f"S{number}") for number in range(INSTRUMENTS)]  # its time has no breaks
    await directory.enlist([Listing(key, key.symbol) for key in keys])
    tape = TapePublisher(client, "bench", 1, PARTITIONS, time.monotonic)
    for events in itertools.islice(ticks(INSTRUMENTS, PER_S, BATCH_ROWS, SKEW), count // BATCH_ROWS):
        tape.append(events)
        tape.flush()
        await client.drain_writes()
        await tape.room()
        await asyncio.sleep(0)
    await tape.settled()
    last = {number: (await js.get_last_msg(TAPE, subjects.tape(number))).seq for number in range(PARTITIONS)}
    line.say(last={str(number): sequence for number, sequence in last.items()}, batches=tape.acked_batches)
    await client.close()


async def fold_plainly(line: Line, nats_url: str, count: int) -> None:
    """Make minutes of the same tape the plain way: nats-py's fetch, and a dict for each candle."""
    client = await nats.connect(nats_url)
    js = client.jetstream()
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.EXPLICIT)
    reader = await js.pull_subscribe(subjects.tape(0), stream=TAPE, config=config)
    candles: dict[tuple[int, int], dict[str, float]] = {}
    began_s, folded = time.process_time(), 0
    while folded < count:
        for message in await reader.fetch(16, timeout=5):
            trades = rows.read_events(message.data).view(rows.TRADE.dtype)
            for trade in trades[["instrument", "ts_event", "price", "size"]].tolist():
                _fold_plainly(candles, *trade)
            await message.ack()
            folded += len(trades)
            if folded >= count:
                break
    line.say(rows=folded, cpu_s=time.process_time() - began_s, candles=len(candles))
    await client.close()


def _fold_plainly(candles: dict[tuple[int, int], dict[str, float]], *trade: float) -> None:
    instrument, ts_event, price, size = trade
    key = int(instrument), int(ts_event) // 60_000_000_000
    candle = candles.get(key)
    if candle is None:
        candles[key] = {"open": price, "high": price, "low": price, "close": price, "volume": size, "trades": 1}
        return
    candle["high"], candle["low"] = max(candle["high"], price), min(candle["low"], price)
    candle["close"] = price
    candle["volume"] += size
    candle["trades"] += 1


async def measure(folder: Path) -> list[TableLine]:
    """Fill the tape, start the worker, and wait until the tables hold everything."""
    async with running_nats(folder) as server, running_postgres(folder) as postgres:
        await asyncio.to_thread(migrate, postgres.url)
        async with running(folder, fill, nats_url=server.url, count=ROWS) as writer:
            filled = await writer.answer(within_s=WITHIN_S)
        async with running(folder, fold_plainly, nats_url=server.url, count=PEER_ROWS) as peer:
            plain = await peer.answer()
        last = {int(number): sequence for number, sequence in filled["last"].items()}
        wall_s, used_s, nats_s = await _catch_up(folder, server, postgres, last)
    per_s, plain_per_s = ROWS / used_s, plain["rows"] / plain["cpu_s"]
    hour_s = wall_s * 3600 * PER_S / ROWS
    return [
        TableLine(
            "candle worker, whole process, per core",
            f"{per_s / 1e6:.2f} M rows/s",
            f">= {GOAL_PER_S / 1e6:g} M rows/s",
            per_s >= GOAL_PER_S,
            f"nats-py fetch, a dict a candle, 1m only: {plain_per_s / 1e6:.2f} M rows/s ({per_s / plain_per_s:.1f}x)",
            f"{ROWS:,} trades of {INSTRUMENTS:,} instruments in {filled['batches']:,} messages, from the process's "
            f"start to the last candle in Postgres, live candles and checkpoints included: {used_s:.1f} s of "
            "processor time.",
        ),
        TableLine(
            "candle worker, catching up with an hour",
            f"{hour_s:.0f} s",
            f"<= {HOUR_GOAL_S:g} s",
            hour_s <= HOUR_GOAL_S,
            notes=f"Scaled: {ROWS / PER_S:.0f} s of a tape of {PER_S:,} rows a second took {wall_s:.1f} s, one worker, "
            f"its start included; nats-server used {nats_s / wall_s:.2f} cores meanwhile.",
        ),
    ]


async def _catch_up(
    folder: Path, server: NatsServer, postgres: PostgresServer, last: Mapping[int, int]
) -> tuple[float, float, float]:
    """Run a worker until it is there; the seconds that took, its processor time and nats-server's."""
    environment = os.environ | {
        "TICKMESH_NATS_URL": server.url,
        "TICKMESH_POSTGRES_DSN": postgres.url,
        "TICKMESH_CANDLE_MEMBER": "bench",
    }
    argv = (sys.executable, "-m", "workers.candle")
    worker = Server(Service("candles", argv, Path.cwd(), folder / "candles.log", env=environment))
    store = CandleStore(postgres.url, lambda number: SymbolKey("COIN", f"S{number}"))
    began_s, nats_began_s = time.perf_counter(), cpu_s(server.pid)
    await worker.start()
    try:
        async with asyncio.timeout(WITHIN_S):
            while not await _is_there(store, last):  # noqa: ASYNC110  # the tables do not tell by themselves
                await asyncio.sleep(0.1)
        return time.perf_counter() - began_s, cpu_s(worker.pid), cpu_s(server.pid) - nats_began_s
    finally:
        await store.close()
        await worker.stop()


async def _is_there(store: CandleStore, last: Mapping[int, int]) -> bool:
    try:
        return await store.progress() == last
    except StoreAway:
        return False
