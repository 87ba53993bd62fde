"""How long a checkpoint stops the fold of 100,000 instruments, and how large it is, beside pickle."""

import itertools
import pickle
import time
from pathlib import Path

import numpy as np

from bench.candles.ticks import START_NS, ticks
from bench.processes import Line, running
from bench.table import Line as TableLine
from market.candles.checks import FoldRules
from market.candles.fold import CandleFold
from market.candles.sessions import MINUTE_NS, continuous

INSTRUMENTS = 100_000
PER_S = 2_000  # of event time: every instrument trades in every other minute, so that every timeframe differs
BATCH_ROWS = 200_000
BATCHES = 60
PAUSE_MS, SIZE_MB = 50.0, 40.0
_REPEATS = 5


async def take_apart(line: Line) -> None:
    """Fill a fold, freeze it several times, and write it as bytes both ways."""
    fold = CandleFold(FoldRules(), {"XSIM": continuous()})
    fold.enlist(np.arange(INSTRUMENTS, dtype=np.uint32), ["XSIM"] * INSTRUMENTS)
    sequence = np.zeros(BATCH_ROWS, np.int64)
    for batch in itertools.islice(ticks(INSTRUMENTS, PER_S, BATCH_ROWS, None), BATCHES):
        fold.apply(batch, sequence)
    pauses_ms = []
    for _ in range(_REPEATS):
        began_s = time.perf_counter()
        frozen = fold.freeze()
        pauses_ms.append((time.perf_counter() - began_s) * 1000)
    began_s = time.perf_counter()
    data = frozen.encode()
    encode_s = time.perf_counter() - began_s
    began_s = time.perf_counter()
    CandleFold.restore(FoldRules(), {}, data)
    restore_s = time.perf_counter() - began_s
    began_s = time.perf_counter()
    pickled = pickle.dumps(frozen, pickle.HIGHEST_PROTOCOL)
    line.say(
        pause_ms=max(pauses_ms),
        mb=len(data) / 1e6,
        encode_s=encode_s,
        restore_s=restore_s,
        peer_ms=(time.perf_counter() - began_s) * 1000,
        peer_mb=len(pickled) / 1e6,
        minutes=(fold.high_ns - START_NS) // MINUTE_NS,
    )


async def measure(folder: Path) -> list[TableLine]:
    """Ask for the figures."""
    async with running(folder, take_apart) as worker:
        figures = await worker.answer(within_s=200)
    return [
        TableLine(
            "checkpoint, 100,000 instruments",
            f"pause {figures['pause_ms']:.0f} ms, {figures['mb']:.1f} MB",
            f"<= {PAUSE_MS:g} ms, <= {SIZE_MB:g} MB",
            figures["pause_ms"] <= PAUSE_MS and figures["mb"] <= SIZE_MB,
            f"pickle of such a copy: {figures['peer_ms']:.0f} ms, {figures['peer_mb']:.0f} MB",
            f"The longest of {_REPEATS} copies of one fold's state after {figures['minutes']:.0f} minutes of trades; "
            "a partition of a worker holds a sixteenth of it. Then "
            f"{figures['encode_s']:.2f} s in a thread to write it, {figures['restore_s']:.2f} s to read it.",
        )
    ]
