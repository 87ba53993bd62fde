"""What a trade costs in the fold, from wire rows into candles of all timeframes, beside Bytewax."""

import asyncio
import importlib
import importlib.util
import itertools
import time
from pathlib import Path

import numpy as np

from bench.candles.ticks import START_NS, ticks
from bench.processes import Figures, Line, running
from bench.table import Line as TableLine
from market import rows
from market.candles.checks import FoldRules
from market.candles.fold import CandleFold
from market.row_type import Rows

INSTRUMENTS = 100_000
PER_S = 200_000  # of event time: 70 s are 14 million, and a minute closes on the way
BATCHES, AT_ONCE = 70, 10  # of a second each; so many are made before the clock runs again
PEER_TICKS = 30_000  # it takes some 50 µs for one
TRADES_PER_S = 10e6
TIMES_THE_PEER = 50.0
SKEWS = {"evenly": None, "by Zipf's law, exponent 1.1": 1.1}
_DAY_NS = 86_400_000_000_000


async def take_apart(line: Line) -> None:
    """Measure the fold for each way of drawing instruments, then the peer where it is installed."""
    for name, skew in SKEWS.items():
        line.say(name=name, **_folded(skew))
        await asyncio.sleep(0)
    line.say(peer_ns=_peer())


def _folded(skew: float | None) -> dict[str, float]:
    fold = CandleFold(FoldRules(), {})
    fold.enlist(np.arange(INSTRUMENTS, dtype=np.uint32), ["XSIM"] * INSTRUMENTS)
    source, candles, taken_s, sequence = ticks(INSTRUMENTS, PER_S, PER_S, skew), 0, 0.0, np.zeros(PER_S, np.int64)
    for _ in range(BATCHES // AT_ONCE):
        batches = list(itertools.islice(source, AT_ONCE))
        began_s = time.process_time()
        for batch in batches:
            candles += len(fold.apply(batch, sequence).closed)
        taken_s += time.process_time() - began_s
    began_s = time.process_time()
    candles += len(fold.apply(_much_later(), sequence[:1]).closed)
    taken_s += time.process_time() - began_s
    return {"ns": taken_s / (BATCHES * PER_S) * 1e9, "candles": candles}


def _much_later() -> Rows:
    """Make a quote by which every window is over."""
    quote = rows.QUOTE.blank(1)
    quote["sequence"], quote["ts_event"] = 1 << 40, START_NS + 70 * _DAY_NS
    quote["ts_recv"] = quote["ts_event"]
    return np.frombuffer(quote.tobytes(), rows.EVENT_DTYPE)


def _peer() -> float | None:
    if importlib.util.find_spec("bytewax") is None:
        return None
    peer = importlib.import_module("bench.candles.bytewax_peer")
    batches = itertools.islice(ticks(INSTRUMENTS, PER_S, PEER_TICKS, None), 1)
    ns: float = peer.ns_per_tick(list(batches))
    return ns


async def measure(folder: Path) -> list[TableLine]:
    """Ask for each way in turn, then for the peer."""
    found: list[Figures] = []
    async with running(folder, take_apart) as worker:
        while "peer_ns" not in (figures := await worker.answer(within_s=200)):
            found.append(figures)
    return [_line(each, figures["peer_ns"]) for each in found]


def _line(figures: Figures, peer_ns: float | None) -> TableLine:
    per_s = 1e9 / figures["ns"]
    is_met, peer = per_s >= TRADES_PER_S, "Bytewax is not available for this Python"
    if peer_ns is not None:
        peer = f"Bytewax, 1m only: {peer_ns:,.0f} ns, {peer_ns / figures['ns']:.0f} x"
        is_met = is_met and peer_ns >= TIMES_THE_PEER * figures["ns"]
    return TableLine(
        f"fold, instruments drawn {figures['name']}",
        f"{per_s / 1e6:.1f} M trades/s a core, {figures['ns']:.0f} ns each",
        f">= {TRADES_PER_S / 1e6:g} M/s, {TIMES_THE_PEER:g} x the peer",
        is_met,
        peer,
        f"{BATCHES * PER_S / 1e6:g} M trades as the tape has them, {BATCHES} s of event time, {INSTRUMENTS:,} "
        f"instruments, checked and put in order, into all seven timeframes; {figures['candles']:,} candles came out. "
        f"Processor time. The peer folds {PEER_TICKS:,} of the same ticks.",
    )
