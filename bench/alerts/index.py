"""Ten million alerts in one process: their memory, ticks held against them, their checkpoint, a crash; beside Redis."""

import asyncio
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import redis

from bench.alerts.market import F8, OPEN_NS, prices_of, rules_of, ticks
from bench.processes import Figures, Line, cpu_s, running
from bench.table import Line as TableLine
from infra.local.servers import running_valkey
from market.alerts.columns import I4, I8, U4, RuleColumns
from market.alerts.index import AlertIndex
from market.alerts.rule import Condition, Rule
from market.row_type import Rows
from market.rows import EVENT_DTYPE, TRADE
from market.trading_day import TradingDays

ALERTS, INSTRUMENTS = 10_000_000, 100_000
TICKS, AT_ONCE = 2_000_000, 4096
CHANGES, CRASHED = 20_000, 100_000
PEER_ALERTS, PEER_INSTRUMENTS, PEER_TICKS, PIPELINED = 1_000_000, 10_000, 50_000, 500
GOAL_MB, GOAL_PER_S, GOAL_LOAD_S, GOAL_CRASH_S, GOAL_TIMES = 600.0, 5e6, 5.0, 1.0, 50.0
_SEED = 7
_DAYS = TradingDays("America/New_York")
_PAGE_BYTES = 4096


def _day_of(instruments: U4, ts_ns: I8) -> I4:
    return _DAYS.of(ts_ns)


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES / 1e6


async def make(line: Line, file: str) -> None:
    """Load alerts and write a checkpoint of them."""
    generator = np.random.default_rng(_SEED)
    prices = prices_of(generator, INSTRUMENTS)
    rules = rules_of(generator, prices, ALERTS)
    index = AlertIndex(_day_of)
    day = _DAYS.of(np.array([OPEN_NS]))
    index.learn(np.arange(INSTRUMENTS), prices, prices, np.repeat(day, INSTRUMENTS))
    began_s = time.process_time()
    index.load(rules, 0)
    index.apply(
        TRADE.blank(1).view(EVENT_DTYPE), np.ones(1, np.int64), 0
    )  # with the tape's first message they are armed
    line.say(loaded_s=time.process_time() - began_s)
    del rules
    began_s = time.process_time()
    frozen = index.freeze()
    paused_s = time.process_time() - began_s
    began_s = time.process_time()
    data = frozen.encode()
    await asyncio.to_thread(Path(file).write_bytes, data)
    line.say(paused_s=paused_s, encoded_s=time.process_time() - began_s, checkpoint_mb=len(data) / 1e6)


async def hold(line: Line, file: str) -> None:
    """Start from the checkpoint, as a worker does, and hold ticks against it."""
    index, restored_s = _restored(file)
    line.say(restored_s=restored_s, alerts=len(index))
    line.say(resident_mb=_resident_mb(), own_mb=index.size_bytes / 1e6)
    generator = np.random.default_rng(_SEED)
    prices = prices_of(generator, INSTRUMENTS)
    for epoch, is_even in enumerate((True, False), 1):
        line.say(**_evaluated(index, ticks(generator, prices, AT_ONCE, epoch, is_even=is_even), is_even=is_even))
    line.say(**_changed(index, generator, prices))
    line.say(resident_after_mb=_resident_mb(), crashed_s=_crashed_s())


def _restored(file: str) -> tuple[AlertIndex, float]:
    data = Path(file).read_bytes()
    began_s = time.process_time()
    return AlertIndex.restore(_day_of, data), time.process_time() - began_s


def _evaluated(index: AlertIndex, batches: Iterator[Rows], *, is_even: bool) -> Figures:
    took_s, touched = 0.0, 0
    for rows in islice(batches, TICKS // AT_ONCE):
        sequences = np.full(len(rows), 9)
        began_s = time.process_time()
        touched += len(index.apply(rows, sequences, 0))
        took_s += time.process_time() - began_s
    name = "even" if is_even else "zipf"
    return {f"{name}_per_s": TICKS // AT_ONCE * AT_ONCE / took_s, f"{name}_touched": touched}


def _changed(index: AlertIndex, generator: np.random.Generator, prices: F8) -> Figures:
    """Make rules, edit and remove them, a hundred at a time, as a batch of commands does."""
    made = rules_of(generator, prices, CHANGES)
    made.number[:] += ALERTS
    parts = [made.take(slice(at, at + 100)) for at in range(0, CHANGES, 100)]
    took_s = []
    for change in (index.put, index.put, lambda part: index.remove(part.number.tolist())):
        began_s = time.process_time()
        for part in parts:
            change(part)
        took_s.append((time.process_time() - began_s) / CHANGES)
    return {"put_us": took_s[0] * 1e6, "edit_us": took_s[1] * 1e6, "remove_us": took_s[2] * 1e6}


def _crashed_s() -> float:
    index = AlertIndex(_day_of)
    one = RuleColumns.of([Rule(1, 7, Condition.BELOW, 90.0)])
    rules = one.take(np.zeros(CRASHED, np.intp))
    rules.number[:] = np.arange(1, CRASHED + 1)
    index.load(rules, 0)
    rows = TRADE.blank(2)
    rows["instrument"], rows["sequence"], rows["ts_event"], rows["price"] = 7, [1, 2], OPEN_NS, [95.0, 60.0]
    began_s = time.process_time()
    touched = index.apply(rows.view(EVENT_DTYPE), np.ones(2, np.int64), 0)
    took_s = time.process_time() - began_s
    if len(touched) != CRASHED:
        raise RuntimeError(f"{len(touched)} of {CRASHED} alerts were touched")
    return took_s


async def ask_redis(line: Line, url: str) -> None:
    """Hold ticks against sorted sets, as it is often done: two questions a tick, many on their way at once."""
    generator = np.random.default_rng(_SEED)
    prices = prices_of(generator, PEER_INSTRUMENTS)
    rules = rules_of(generator, prices, PEER_ALERTS)
    with redis.Redis.from_url(url) as client:
        pipe = client.pipeline(transaction=False)
        for side, condition in (("above", Condition.ABOVE), ("below", Condition.BELOW)):
            own = np.flatnonzero(rules.condition == condition.code)
            own = own[np.argsort(rules.instrument[own], kind="stable")]
            starts = np.flatnonzero(np.diff(rules.instrument[own].astype(np.int64), prepend=-1))
            for part in np.split(own, starts[1:]):
                numbers = map(str, rules.number[part].tolist())
                members = dict(zip(numbers, rules.threshold[part].tolist(), strict=True))
                pipe.zadd(f"alerts:{rules.instrument[part[0]]}:{side}", members)
            pipe.execute()
        line.say(alerts=int(client.dbsize()))
        rows = next(ticks(generator, prices, PEER_TICKS, 1, is_even=True)).view(TRADE.dtype)
        wanted = list(zip(rows["instrument"].tolist(), rows["price"].tolist(), strict=True))
        began_s, cpu = time.perf_counter(), time.process_time()
        for at in range(0, PEER_TICKS, PIPELINED):
            for instrument, price in wanted[at : at + PIPELINED]:
                pipe.zrangebyscore(f"alerts:{instrument}:above", "-inf", price)
                pipe.zrangebyscore(f"alerts:{instrument}:below", price, "+inf")
            pipe.execute()
        line.say(wall_s=time.perf_counter() - began_s, client_s=time.process_time() - cpu)
    await asyncio.sleep(0)


async def _peer(folder: Path) -> Figures:
    async with running_valkey(folder) as server, running(folder, ask_redis, url=server.url) as role:
        await role.answer(within_s=60)
        before_s = cpu_s(server.pid)
        figures = await role.answer(within_s=60)
        return figures | {"server_s": cpu_s(server.pid) - before_s}


async def measure(folder: Path) -> list[TableLine]:
    """Measure in processes of their own; processor time, which others on the machine do not add to."""
    file, figures = str(folder / "checkpoint"), dict[str, Any]()
    async with running(folder, make, file=file) as role:
        while "encoded_s" not in figures:
            figures |= await role.answer(within_s=100)
    async with running(folder, hold, file=file) as role:
        while "crashed_s" not in figures:
            figures |= await role.answer(within_s=100)
    peer = await _peer(folder)
    return [*_of_keeping(figures), *_of_ticks(figures, peer), *_of_changes(figures)]


def _of_keeping(figures: Figures) -> list[TableLine]:
    many = f"{figures['alerts']:,} alerts on {INSTRUMENTS:,} instruments"
    return [
        TableLine(
            "alerts, memory",
            f"{figures['resident_mb']:.0f} MB",
            f"<= {GOAL_MB:g} MB",
            figures["resident_mb"] <= GOAL_MB,
            notes=f"{many}, a tenth of them for moves: the whole process, resident, once it has started from a "
            f"checkpoint; {figures['own_mb']:.0f} MB are rules and keys. {figures['resident_after_mb']:.0f} MB after "
            f"all that follows.",
        ),
        TableLine(
            "alerts, start from a checkpoint",
            f"{figures['restored_s']:.1f} s",
            f"<= {GOAL_LOAD_S:g} s",
            figures["restored_s"] <= GOAL_LOAD_S,
            notes=f"{many}, {figures['checkpoint_mb']:.0f} MB. It is copied in {figures['paused_s'] * 1e3:.0f} ms and "
            f"written in {figures['encoded_s']:.1f} s, in a thread. From columns of rules: "
            f"{figures['loaded_s']:.1f} s. Processor time.",
        ),
    ]


def _of_ticks(figures: Figures, peer: Figures) -> list[TableLine]:
    peer_s = peer["server_s"] + peer["client_s"]
    peer_per_s = PEER_TICKS / peer_s
    asked = (
        f"Redis, {PEER_ALERTS:,} alerts on {PEER_INSTRUMENTS:,} instruments, two ZRANGEBYSCORE a tick, {PIPELINED} "
        f"ticks at once: {peer_per_s:,.0f}/s of a core, server and client together "
        f"({PEER_TICKS / peer['wall_s']:,.0f}/s by the clock)"
    )
    lines = []
    for name, what in (("even", "all instruments alike"), ("zipf", "the n-th 1/n as often as the first")):
        per_s = figures[f"{name}_per_s"]
        lines += [
            TableLine(
                f"alerts, ticks, {name}",
                f"{per_s / 1e6:.1f} M/s of a core",
                f">= {GOAL_PER_S / 1e6:g} M/s",
                per_s >= GOAL_PER_S,
                notes=f"{TICKS:,} trades, {AT_ONCE:,} at once, {what}; {figures[f'{name}_touched']:,} touches. "
                f"Processor time.",
            ),
            TableLine(
                f"alerts, against Redis, {name}",
                f"{per_s / peer_per_s:,.0f} x",
                f">= {GOAL_TIMES:g} x",
                per_s >= GOAL_TIMES * peer_per_s,
                asked,
            ),
        ]
    return lines


def _of_changes(figures: Figures) -> list[TableLine]:
    return [
        TableLine(
            f"alerts, {CRASHED:,} touched by one price",
            f"{figures['crashed_s'] * 1e3:.0f} ms",
            f"<= {GOAL_CRASH_S:g} s",
            figures["crashed_s"] <= GOAL_CRASH_S,
            notes="Found, judged and taken out of the index, all at the same threshold. Processor time.",
        ),
        TableLine(
            "alerts, made, edited, removed",
            f"{figures['put_us']:.0f}, {figures['edit_us']:.0f}, {figures['remove_us']:.0f} us each",
            notes=f"{CHANGES:,} among {ALERTS:,}, a hundred at a time, as a batch of commands does. Processor time.",
        ),
    ]
