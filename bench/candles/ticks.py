"""Trades as the tape has them, as many and as spread as a benchmark asks."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from market import rows
from market.grouping import group
from market.row_type import Rows

START_NS = 1_774_794_600_000_000_000  # 2026-03-29 14:30 UTC, the start of a minute
NS = 1_000_000_000


def ticks(instruments: int, per_s: int, batch_rows: int, skew: float | None, seed: int = 1) -> Iterator[Rows]:
    """Make batches of trades without end, `per_s` for each second of event time, sequences in order.

    Instruments are drawn evenly, or where there is a `skew` by Zipf's law with that exponent.
    """
    random = np.random.default_rng(seed)
    weights = np.arange(1, instruments + 1) ** -(skew or 0.0)
    shares = np.cumsum(weights) / weights.sum()
    numbers_of = random.permutation(instruments).astype(np.uint32)
    mids = np.round(np.exp(random.normal(3.7, 1, instruments)) + 1, 2)
    counts, at = np.zeros(instruments, np.int64), 0
    while True:
        numbers = numbers_of[np.searchsorted(shares, random.random(batch_rows))]
        batch = rows.TRADE.blank(batch_rows)
        batch["instrument"], batch["sequence"] = numbers, _sequences(numbers, counts)
        batch["ts_event"] = START_NS + (np.arange(at, at + batch_rows) * NS) // per_s
        batch["ts_recv"] = batch["ts_event"] + 1_000_000
        batch["price"] = np.round(mids[numbers] * (1 + random.normal(0, 0.001, batch_rows)), 2)
        batch["size"] = random.integers(1, 1000, batch_rows)
        at += batch_rows
        yield np.frombuffer(batch.tobytes(), rows.EVENT_DTYPE)


def _sequences(numbers: npt.NDArray[np.uint32], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    groups = group(numbers)
    sequences: npt.NDArray[np.int64] = counts[numbers] + groups.ranks + 1
    counts[groups.keys] += groups.sizes
    return sequences + (1 << 32)
