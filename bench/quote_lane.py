"""The quote lane, from the state table into nats-server, 100,000 subjects."""

import asyncio
import itertools
import time
from pathlib import Path

import nats

from bench.listed_market import BATCH_ROWS, open_market
from bench.processes import Line, cpu_s, running
from bench.table import Line as TableLine
from infra.local.servers import running_nats
from market import subjects
from mesh.connection import connect
from mesh.settings import MeshSettings
from workers.feed.lanes import LiveLanes

SYMBOLS = 100_000
SECONDS = 4.0
TARGET_PER_S = 2_000_000


async def publish(line: Line, nats_url: str, symbols: int, seconds: float) -> None:
    """Publish states as the feed does: gather from the table, frame, send."""
    market = open_market(symbols)
    client = await connect(MeshSettings(nats_url=nats_url), "bench")
    lanes = LiveLanes(client)
    lanes.add(market.instruments)
    order = market.shuffled(1)
    batches = [order[start : start + BATCH_ROWS] for start in range(0, symbols, BATCH_ROWS)]
    line.say(ready=True)
    await line.heard()
    began_s, cpu_began_s = time.perf_counter(), time.process_time()
    for numbers in itertools.cycle(batches):
        lanes.quotes(numbers, market.state.snapshot(numbers))
        await lanes.send()
        await asyncio.sleep(0)  # a turn for everything else, as the runner gives one
        if time.perf_counter() - began_s >= seconds:
            break
    await client.flush(timeout=30)  # the server has read all of it when it answers
    line.say(
        published=lanes.published,
        dropped=lanes.dropped,
        wall_s=time.perf_counter() - began_s,
        cpu_s=time.process_time() - cpu_began_s,
    )
    await client.close()


async def publish_plainly(line: Line, nats_url: str, symbols: int, seconds: float) -> None:
    """Publish the same messages with nats-py's publish(), one by one."""
    market = open_market(symbols)
    client = await nats.connect(nats_url)
    names = [subjects.quote(instrument.key) for instrument in market.instruments]
    states = [row.tobytes() for row in market.state.snapshot()]
    line.say(ready=True)
    await line.heard()
    published = 0
    began_s, cpu_began_s = time.perf_counter(), time.process_time()
    for number in itertools.cycle(market.shuffled(1).tolist()):
        await client.publish(names[number], states[number])
        published += 1
        if published % 1000 == 0 and time.perf_counter() - began_s >= seconds:
            break
    await client.flush(timeout=30)
    line.say(
        published=published,
        wall_s=time.perf_counter() - began_s,
        cpu_s=time.process_time() - cpu_began_s,
        dropped=0,
    )
    await client.close()


async def measure(folder: Path) -> list[TableLine]:
    """Publish in bulk, then plainly, into the same server."""
    figures = []
    async with running_nats(folder) as server:
        for role, seconds in ((publish, SECONDS), (publish_plainly, SECONDS / 2)):
            async with running(folder, role, nats_url=server.url, symbols=SYMBOLS, seconds=seconds) as publisher:
                await publisher.answer()
                before_s = cpu_s(server.pid)
                figures.append(await publisher.ask(go=True))
                figures[-1]["server_cpu_s"] = cpu_s(server.pid) - before_s
    ours, plain = figures
    per_core = ours["published"] / ours["cpu_s"]
    return [
        TableLine(
            "quote lane, bulk publisher",
            f"{per_core / 1e6:.2f} M rows/s per core; {ours['published'] / ours['wall_s'] / 1e6:.2f} M/s wall",
            f">= {TARGET_PER_S / 1e6:g} M rows/s per core",
            per_core >= TARGET_PER_S,
            f"nats-py publish(): {plain['published'] / plain['cpu_s'] / 1e6:.3f} M/s per core, "
            f"{plain['published'] / plain['wall_s'] / 1e6:.3f} M/s wall",
            f"Nobody subscribed. {SYMBOLS:,} subjects, batches of {BATCH_ROWS:,} STATE rows gathered from the state "
            f"table; {ours['dropped']} dropped. nats-server {ours['server_cpu_s'] / ours['wall_s']:.2f} cores: "
            f"{ours['server_cpu_s'] / ours['published'] * 1e9:.0f} ns/message, publisher "
            f"{1e9 / per_core:.0f} ns.",
        )
    ]
