"""The tape lane, every batch acknowledged by a stream on disk."""

import asyncio
import itertools
import time
from pathlib import Path

import nats

from bench.listed_market import BATCH_ROWS, EPOCH, open_market
from bench.processes import Line, cpu_s, running
from bench.table import Line as TableLine
from bench.tape_audit import audit
from infra.local.servers import running_nats
from market import subjects
from market.row_type import take
from mesh.connection import connect
from mesh.settings import MeshSettings
from mesh.streams import TAPE, declared, ensure
from mesh.tape_publisher import TapePublisher

SYMBOLS = 100_000
BATCHES = 100  # distinct ones, published over and over
ROWS = 12_000_000
PLAIN_ROWS = 1_500_000
TARGET_PER_S = 5_000_000
LINGER_S = 0.010  # as the runner flushes


async def publish(line: Line, nats_url: str, rows: int) -> None:
    """Publish batches as the feed's runner does, and wait until all are acknowledged."""
    market = open_market(SYMBOLS)
    settings = MeshSettings(nats_url=nats_url)
    client = await connect(settings, "bench")
    await ensure(client.jetstream(), declared(settings))
    tape = TapePublisher(client, "bench", EPOCH, settings.partitions, time.monotonic)
    batches = [market.events() for _ in range(BATCHES)]
    retrying = asyncio.ensure_future(tape.retry_for_ever())
    line.say(ready=True)
    await line.heard()
    began_s, cpu_began_s = time.perf_counter(), time.process_time()
    flushed_s = began_s
    for events in itertools.islice(itertools.cycle(batches), rows // BATCH_ROWS):
        tape.append(events)
        if time.perf_counter() - flushed_s >= LINGER_S:
            tape.flush()
            flushed_s = time.perf_counter()
        await client.drain_writes()
        await tape.room()
        await asyncio.sleep(0)  # a turn for acknowledgements, as the runner gives one
    await tape.settled()
    figures = {
        "wall_s": time.perf_counter() - began_s,
        "cpu_s": time.process_time() - cpu_began_s,
    }
    state = (await client.jetstream().stream_info(TAPE)).state
    line.say(
        **figures,
        acked_batches=tape.acked_batches,
        acked_bytes=tape.acked_bytes,
        retried=tape.retried_batches,
        stored=state.messages,
    )
    retrying.cancel()
    await client.close()


async def publish_plainly(line: Line, nats_url: str, rows: int) -> None:
    """Publish the same batches, divided into partitions beforehand, with nats-py's js.publish(), awaiting each."""
    market = open_market(SYMBOLS)
    settings = MeshSettings(nats_url=nats_url)
    client = await nats.connect(nats_url)
    js = client.jetstream()
    await ensure(js, declared(settings))
    messages = []
    for _ in range(BATCHES):
        events = market.events()
        partitions = subjects.partitions_of(events["instrument"])
        messages += [(subjects.tape(each), take(events, partitions == each).tobytes()) for each in range(16)]
    line.say(ready=True)
    await line.heard()
    published_bytes, published = 0, 0
    began_s, cpu_began_s = time.perf_counter(), time.process_time()
    for subject, payload in itertools.cycle(messages):
        await js.publish(subject, payload, headers={"Nats-Msg-Id": f"plain-{published}"})
        published += 1
        published_bytes += len(payload)
        if published_bytes >= rows * 73:
            break
    line.say(
        wall_s=time.perf_counter() - began_s,
        cpu_s=time.process_time() - cpu_began_s,
        messages=published,
        rows=published_bytes // 73,
    )
    await client.close()


async def measure(folder: Path) -> list[TableLine]:
    """Publish in bulk, count what the stream holds, then publish plainly into another server's stream."""
    async with running_nats(folder / "bulk") as server:
        async with running(folder, publish, nats_url=server.url, rows=ROWS) as publisher:
            await publisher.answer()
            before_s = cpu_s(server.pid)
            ours = await publisher.ask(go=True)
            server_cores = (cpu_s(server.pid) - before_s) / ours["wall_s"]
        async with running(folder, audit, nats_url=server.url, path="") as auditor:
            held = await auditor.answer()
    async with (
        running_nats(folder / "plain") as server,
        running(folder, publish_plainly, nats_url=server.url, rows=PLAIN_ROWS) as publisher,
    ):
        await publisher.answer()
        before_s = cpu_s(server.pid)
        plain = await publisher.ask(go=True)
        plain_server_cores = (cpu_s(server.pid) - before_s) / plain["wall_s"]
    rows = ours["acked_bytes"] // 73
    complete = rows == held["rows"] == ROWS and ours["stored"] == ours["acked_batches"]
    return [
        TableLine(
            "tape lane, bulk publisher with acks, stream on disk",
            f"{ROWS / ours['wall_s'] / 1e6:.2f} M rows/s wall; {ROWS / ours['cpu_s'] / 1e6:.2f} M/s per core",
            f">= {TARGET_PER_S / 1e6:g} M rows/s, all acknowledged",
            complete and ROWS / ours["wall_s"] >= TARGET_PER_S,
            f"nats-py js.publish() awaited one by one: {plain['rows'] / plain['wall_s'] / 1e6:.2f} M rows/s wall, "
            f"{plain['rows'] / plain['cpu_s'] / 1e6:.2f} M/s per core",
            f"{rows:,} rows acknowledged in {ours['acked_batches']:,} messages of "
            f"{ours['acked_bytes'] / ours['acked_batches'] / 1024:.0f} KiB, {ours['retried']} sent again; read back: "
            f"{held['rows']:,} rows in {held['messages']:,} messages. nats-server {server_cores:.2f} cores. The peer "
            f"is bound by waiting: {plain['wall_s'] / plain['messages'] * 1e6:.0f} us a round trip for "
            f"{plain['rows'] / plain['messages']:.0f} rows, its client {plain['cpu_s'] / plain['wall_s']:.2f} and its "
            f"server {plain_server_cores:.2f} cores busy.",
        )
    ]
