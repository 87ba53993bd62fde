"""The simulated market through both lanes and nats-server, tape on disk, to a gateway's upstream."""

import asyncio
import contextlib
import json
import time
from pathlib import Path

import nats
import numpy as np
from nats.aio.msg import Msg

from bench import held_feed, market_reader
from bench.processes import Figures, Role, cpu_s, running
from bench.table import Line
from bench.tape_audit import audit
from infra.local.programs import ProgramMissing
from infra.local.servers import running_nats, running_valkey

RATE, SYMBOLS, SECONDS = 200_000, 5_000, 30.0
FAST_RATE, FAST_SYMBOLS, FAST_SECONDS = 1_000_000, 20_000, 10.0
CARRIED = 0.98  # of the rate asked: heartbeats, from which it is taken, are late by some milliseconds
WARM_S = 2.0  # the open, a quote and a trade of every instrument at once, is over by then
_BEAT_WITHIN_S = 30.0


class Heartbeats:
    """The feed's own figures, once a second, as operators see them."""

    def __init__(self) -> None:
        self._newest: asyncio.Queue[Figures] = asyncio.Queue()

    async def on_message(self, message: Msg) -> None:
        """Take a heartbeat."""
        self._newest.put_nowait({**json.loads(message.data), "at_s": time.monotonic()})

    async def next(self) -> Figures:
        """Wait for the next one."""
        while not self._newest.empty():
            self._newest.get_nowait()
        return await asyncio.wait_for(self._newest.get(), _BEAT_WITHIN_S)

    async def at_rest(self) -> Figures:
        """Wait until no more rows come and all of the tape is acknowledged."""
        before = await self.next()
        async with asyncio.timeout(_BEAT_WITHIN_S):
            while True:
                beat = await self.next()
                if beat["rows"] == before["rows"] and not beat["tape_pending_bytes"]:
                    return beat
                before = beat


async def measure(folder: Path) -> list[Line]:
    """Run at the rate of the target, then at five times of it for as long as a look takes."""
    (folder / "fast").mkdir()
    usual = await _one(folder, RATE, SYMBOLS, SECONDS)
    fast = await _one(folder / "fast", FAST_RATE, FAST_SYMBOLS, FAST_SECONDS)
    return [
        _line(usual, RATE, SYMBOLS, SECONDS, is_target=True),
        _line(fast, FAST_RATE, FAST_SYMBOLS, FAST_SECONDS),
    ]


async def _one(folder: Path, rate: int, symbols: int, seconds: float) -> Figures:
    spec = f"sim:rate={rate},profile=flat,symbols={symbols}"
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(running_nats(folder))
        cache_url = ""
        with contextlib.suppress(ProgramMissing):
            cache_url = (await stack.enter_async_context(running_valkey(folder))).url
        client = await nats.connect(server.url)
        stack.push_async_callback(client.close)
        beats = Heartbeats()
        await client.subscribe("ops.feed.*", cb=beats.on_message)
        feed = await stack.enter_async_context(
            running(
                folder,
                held_feed.feed,
                nats_url=server.url,
                cache_url=cache_url,
                spec=spec,
            )
        )
        await feed.answer()
        reader = await stack.enter_async_context(
            running(folder, market_reader.read, nats_url=server.url, symbols=symbols)
        )
        await reader.answer()
        feed.tell(start=True)
        await asyncio.sleep(WARM_S)
        figures = await _window(beats, feed, reader, server.pid, seconds)
        feed.tell(end=True)
        last = await beats.at_rest()
        compared = await reader.ask(do="compare", path=str(folder / "table.npy"))
        auditor = await stack.enter_async_context(
            running(folder, audit, nats_url=server.url, path=str(folder / "tape.npy"))
        )
        tape = await auditor.answer()
        ahead = int((np.load(folder / "tape.npy") != np.load(folder / "table.npy")).sum())
        return {**figures, **compared, "last": last, "tape": tape, "tape_ahead": ahead}


async def _window(beats: Heartbeats, feed: Role, reader: Role, server_pid: int, seconds: float) -> Figures:
    """Take figures from one heartbeat to another."""
    await beats.next()
    await reader.ask(do="begin")
    first = await beats.next()
    before = [cpu_s(pid) for pid in (feed.pid, server_pid, reader.pid)]
    await asyncio.sleep(seconds - 0.5)
    last = await beats.next()
    after = [cpu_s(pid) for pid in (feed.pid, server_pid, reader.pid)]
    seen = await reader.ask(do="end")
    wall_s = last["at_s"] - first["at_s"]
    cores = [(end - start) / wall_s for start, end in zip(before, after, strict=True)]
    return {
        "rows_per_s": (last["rows"] - first["rows"]) / wall_s,
        "messages_per_s": (last["published"] - first["published"]) / wall_s,
        "quotes_per_s": seen["updates"] / wall_s,
        "runs": seen["updates"] / max(1, seen["reads"]),
        "cores": cores,
        "ages": (seen["p50"], seen["p99"], seen["max"]),
        "lag_ms": last["lag_ms"],
        "faults": last["faults"],
        "wall_s": wall_s,
    }


def _line(
    figures: Figures,
    rate: int,
    symbols: int,
    seconds: float,
    *,
    is_target: bool = False,
) -> Line:
    tape, last = figures["tape"], figures["last"]
    lost = last["rows"] - tape["rows"] + tape["breaks"] + figures["tape_ahead"]
    wrong = figures["stale"] + figures["different"] + last["dropped"]
    p50, p99, most = figures["ages"]
    feed, server, reader = figures["cores"]
    return Line(
        f"end to end, {rate:,} rows/s asked, {symbols:,} instruments, {seconds:g} s",
        f"{figures['rows_per_s']:,.0f} rows/s; cores: feed {feed:.2f}, nats-server {server:.2f}, reader {reader:.2f}",
        "all rows carried, none lost" if is_target else "",
        (figures["rows_per_s"] >= 0.99 * rate and lost == 0 and wrong == 0) if is_target else None,
        "",
        f"Tape: {last['rows']:,} rows published, {tape['rows']:,} read back, {tape['breaks']} breaks in sequence, "
        f"{last['tape_retried_batches']} batches sent again. Live lanes: {figures['messages_per_s']:,.0f} messages/s, "
        f"of them {figures['quotes_per_s']:,.0f} quotes/s to one reader of all instruments that keeps up: "
        f"{figures['stale']} went back, {last['dropped']} dropped by the feed, {figures['different']} instruments "
        f"differ at the end from the feed's snapshot. Age at the reader (conflation window of 20 ms included): "
        f"p50 {p50:.1f}, p99 {p99:.1f}, max {most:.0f} ms. The feed's lag at the end: {figures['lag_ms']:.0f} ms; "
        f"faults: {figures['faults'] or 'none'}. With depth, trades, cache and checkpoints.",
    )
