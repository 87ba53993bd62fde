"""The bulk reader with the gateway's table behind it, 20,000 and 100,000 subjects.

The publisher goes at the reader's pace (`paced_publisher`), so the reader always has something on its way and is never
cut off as a slow consumer. Where the reader is faster than nats-server, it waits for it, and gets what comes in small
portions, which cost it more a message: the figure per core is then a lower bound.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import nats
import numpy as np
import numpy.typing as npt
from nats.aio.msg import Msg

from bench.listed_market import EPOCH, open_market
from bench.paced_publisher import AHEAD, PROGRESS, publish
from bench.processes import Figures, Line, Role, cpu_s, running
from bench.table import Line as TableLine
from gateway.quote_table import QuoteTable
from infra.local.servers import running_nats
from market import rows, subjects
from market.state import EPOCH_SHIFT
from mesh.connection import connect
from mesh.settings import MeshSettings

SECONDS = 4.0
TARGET_PER_S = 800_000


class _Count:
    """What a reader has received, and what it took."""

    def __init__(self) -> None:
        self.messages = 0
        self.reads = 0
        self._told = 0
        self._first_s = self._last_s = 0.0

    def add(self, messages: int) -> None:
        self._last_s = time.perf_counter()
        self._first_s = self._first_s or self._last_s
        self.messages += messages
        self.reads += 1

    def is_time_to_tell(self) -> bool:
        """Tell the publisher now and then, so that telling costs next to nothing."""
        is_time = self.messages - self._told >= AHEAD // 10
        if is_time:
            self._told = self.messages
        return is_time

    def figures(self) -> Figures:
        wall_s = self._last_s - self._first_s
        return {
            "messages": self.messages,
            "reads": self.reads,
            "wall_s": wall_s,
            "cpu_s": time.process_time(),
        }


async def read(line: Line, nats_url: str, symbols: int) -> None:
    """Subscribe to every instrument in bulk and merge what comes into the gateway's table."""
    market = open_market(symbols)
    client = await connect(MeshSettings(nats_url=nats_url), "bench")
    table, count, changed = QuoteTable(), _Count(), 0
    table.reserve(symbols)

    def receive(slots: npt.NDArray[np.intp], payloads: npt.NDArray[np.uint8]) -> None:
        nonlocal changed
        changed += len(table.merge(slots, payloads.view(rows.STATE.dtype).reshape(-1)))
        count.add(len(slots))
        if count.is_time_to_tell():
            progress = b"%d" % count.messages
            client.write_frames([b"PUB %s %d\r\n%s\r\n" % (PROGRESS.encode(), len(progress), progress)])

    bulk = client.open_bulk(rows.STATE.width_bytes, receive)
    client.subscribe_many(
        bulk,
        {int(each.number): subjects.quote(each.key) for each in market.instruments},
    )
    await client.flush(timeout=30)
    line.say(ready=True)
    while True:
        turns = (await line.heard())["turns"]
        newest = (EPOCH << EPOCH_SHIFT) + turns
        behind = sum(table.sequence(number) != newest for number in range(symbols))
        line.say(**count.figures(), changed=changed, behind=behind)


async def read_plainly(line: Line, nats_url: str, symbols: int) -> None:
    """Subscribe to every instrument with nats-py and a callback that keeps the newest message."""
    market = open_market(symbols)
    client = await nats.connect(nats_url)
    newest: dict[str, bytes] = {}
    count = _Count()

    async def receive(message: Msg) -> None:
        newest[message.subject] = message.data
        count.add(1)
        if count.is_time_to_tell():
            await client.publish(PROGRESS, b"%d" % count.messages)

    for instrument in market.instruments:
        await client.subscribe(subjects.quote(instrument.key), cb=receive)
    await client.flush(timeout=30)
    line.say(ready=True)
    while True:
        await line.heard()
        line.say(**count.figures(), changed=count.messages, behind=0)


async def measure(folder: Path) -> list[TableLine]:
    """Read 20,000 subjects both ways, and 100,000 in bulk."""
    async with running_nats(folder) as server:
        plain = await _one(folder, server.url, server.pid, read_plainly, 20_000, SECONDS / 2)
        few = await _one(folder, server.url, server.pid, read, 20_000, SECONDS)
        many = await _one(folder, server.url, server.pid, read, 100_000, SECONDS)
    peer = f"nats-py callback subscriber, 20,000 subjects: {_per_core(plain) / 1e3:,.0f} k/s per core"
    return [_line(20_000, few, peer), _line(100_000, many, "")]


async def _one(
    folder: Path,
    url: str,
    server_pid: int,
    role: Callable[..., Awaitable[None]],
    symbols: int,
    seconds: float,
) -> Figures:
    async with (
        running(folder, role, nats_url=url, symbols=symbols) as reader,
        running(folder, publish, nats_url=url, symbols=symbols, seconds=seconds) as publisher,
    ):
        await reader.answer()
        await publisher.answer()
        before = await reader.ask(turns=0)
        server_before_s, publisher_before_s = cpu_s(server_pid), cpu_s(publisher.pid)
        sent = await publisher.ask(go=True)
        server_s, publisher_s = (
            cpu_s(server_pid) - server_before_s,
            cpu_s(publisher.pid) - publisher_before_s,
        )
        after = await _settled(reader, sent)
        return {
            **after,
            **sent,
            "cpu_s": after["cpu_s"] - before["cpu_s"],
            "server_cores": server_s / after["wall_s"],
            "publisher_cores": publisher_s / after["wall_s"],
        }


async def _settled(reader: Role, sent: Figures) -> Figures:
    """Ask until the reader has all that was sent, or nothing more comes."""
    received = -1
    while True:
        figures = await reader.ask(turns=sent["turns"])
        if figures["messages"] in {sent["sent"], received}:
            return figures
        received = figures["messages"]
        await asyncio.sleep(0.5)


def _per_core(figures: Figures) -> float:
    return float(figures["messages"] / figures["cpu_s"])


def _line(symbols: int, figures: Figures, peer: str) -> TableLine:
    per_core, lost = _per_core(figures), figures["sent"] - figures["messages"]
    return TableLine(
        f"bulk reader, {symbols:,} subjects, into the gateway's table",
        f"{per_core / 1e3:,.0f} k messages/s per core; {figures['messages'] / figures['wall_s'] / 1e3:,.0f} k/s wall",
        f">= {TARGET_PER_S / 1e3:g} k/s per core",
        per_core >= TARGET_PER_S and lost == 0 and figures["behind"] == 0,
        peer,
        f"The publisher stays within {AHEAD:,} messages of the reader, which keeps up. {figures['sent']:,} "
        f"sent, {lost} lost, {figures['behind']} instruments not at their last sequence. "
        f"{1e9 / per_core:.0f} ns/message, "
        f"{figures['messages'] / figures['reads']:.0f} messages a run; cores: reader "
        f"{figures['cpu_s'] / figures['wall_s']:.2f}, nats-server {figures['server_cores']:.2f}, publisher "
        f"{figures['publisher_cores']:.2f}.",
    )
