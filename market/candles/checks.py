"""Which rows of a batch are bad, and why."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from market.candles.chunk import Chunk
from market.codes import NO_INSTRUMENT, Kind, TradeFlag

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8]
F8 = npt.NDArray[np.float64]

NS = 1_000_000_000

UNREFOLDABLE = "unrefoldable"  # a correction whose minute cannot be read any more, or a replacement of nothing
UNMATCHED = "unmatched"  # a correction of a trade that no candle holds
GAP = "gap"
REASONS = (
    "",  # nothing is wrong
    "unknown_instrument",
    "time_before_1990",
    "time_in_future",
    "price_not_finite",
    "price_not_positive",
    "price_absurd",
    "size_not_finite",
    "size_not_positive",
    "size_absurd",
    "turnover_absurd",
)
PASSED_OVER = len(REASONS)  # about the whole venue: none of ours, and nothing wrong with it
AMENDS = PASSED_OVER + 1  # good, and no trade like others: it withdraws one, or replaces one
_CODE = {reason: code for code, reason in enumerate(REASONS)}


@dataclass(frozen=True, slots=True)
class FoldRules:
    """What a fold takes, times in nanoseconds.

    The watermark is `bound_ns` behind the newest time on the tape; a trade more than `lateness_ns` behind it is too
    late; both together are at most 62 s. A row from more than `future_ns` after its receipt, or from before
    `first_ns` (1990), is bad, as is a trade above the highest price, size or product of both.
    """

    bound_ns: int = 2 * NS
    lateness_ns: int = 60 * NS
    future_ns: int = 5 * NS
    first_ns: int = 631_152_000 * NS
    max_price: float = 1e8
    max_size: float = 1e10
    max_turnover: float = 1e15

    def __post_init__(self) -> None:
        if self.bound_ns < 0 or self.lateness_ns < 0 or self.bound_ns + self.lateness_ns > 62 * NS:
            raise ValueError("bound and lateness are from 0 to 62 s together: four minutes are held open")


def judge(chunk: Chunk, rules: FoldRules) -> Codes | None:
    """Give each row's code, an index of REASONS, PASSED_OVER or AMENDS; None where all rows are good and no more."""
    is_replacement = chunk.flags & TradeFlag.CORRECTED > 0
    is_sound = _is_sound_at_most(chunk, rules) or _is_sound(chunk, rules)
    if is_sound and not is_replacement.any() and not (chunk.kind == Kind.CORRECTION).any():
        return None
    codes = np.zeros(len(chunk), np.uint8)
    codes[chunk.kind == Kind.CORRECTION] = AMENDS
    codes[chunk.trades] = np.where(is_replacement, AMENDS, 0)
    for reason, found in reversed(_trade_faults(chunk.price, chunk.size, rules)):  # the first of them is what stays
        codes[chunk.trades] = np.where(found, _CODE[reason], codes[chunk.trades])
    codes[chunk.ts - rules.future_ns > chunk.ts_recv] = _CODE["time_in_future"]
    codes[chunk.ts < rules.first_ns] = _CODE["time_before_1990"]
    codes[chunk.place < 0] = _CODE["unknown_instrument"]
    codes[chunk.events["instrument"] == NO_INSTRUMENT] = PASSED_OVER
    return codes


def _is_sound_at_most(chunk: Chunk, rules: FoldRules) -> bool:
    """Tell by the extremes alone, at a fraction of the cost, that all rows are sound; False where those do not tell."""
    ts, ts_recv, price, size = chunk.ts, chunk.ts_recv, chunk.price, chunk.size
    if chunk.place.min() < 0 or ts.min() < max(rules.first_ns, 0) or ts_recv.min() < 0:
        return False  # times from 0 on can be subtracted
    if (ts - ts_recv).max() > rules.future_ns:
        return False
    if not len(price):
        return True
    # What is no number makes all of these false.
    highest, largest = float(price.max()), float(size.max())
    is_within = highest <= rules.max_price and largest <= rules.max_size and highest * largest <= rules.max_turnover
    return is_within and bool(price.min() > 0) and bool(size.min() > 0)


def _is_sound(chunk: Chunk, rules: FoldRules) -> bool:
    """Tell whether no row's place or time, and no trade's price or size, is bad."""
    is_sound = (chunk.place >= 0) & (chunk.ts >= rules.first_ns) & (chunk.ts - rules.future_ns <= chunk.ts_recv)
    faults = [found for _, found in _trade_faults(chunk.price, chunk.size, rules)]
    return bool(is_sound.all()) and not np.logical_or.reduce(faults).any()


def _trade_faults(price: F8, size: F8, rules: FoldRules) -> list[tuple[str, Bools]]:
    """Give each fault with the trades that have it."""
    with np.errstate(over="ignore", invalid="ignore"):
        return [
            ("price_not_finite", ~np.isfinite(price)),
            ("price_not_positive", price <= 0),
            ("price_absurd", price > rules.max_price),
            ("size_not_finite", ~np.isfinite(size)),
            ("size_not_positive", size <= 0),
            ("size_absurd", size > rules.max_size),
            ("turnover_absurd", price * size > rules.max_turnover),
        ]
