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

UNREFOLDABLE = "unrefoldable"
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
    UNREFOLDABLE,
)
PASSED_OVER = len(REASONS)  # about the whole venue: none of ours, and nothing wrong with it
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
    """Give each row's code, an index of REASONS or PASSED_OVER; None where all of them are good."""
    is_good = (chunk.place >= 0) & (chunk.ts >= rules.first_ns) & (chunk.ts - rules.future_ns <= chunk.ts_recv)
    is_good[chunk.trades] &= _is_good_trade(chunk.price, chunk.size, rules)
    is_replacement = chunk.flags & TradeFlag.CORRECTED > 0
    if is_good.all() and not is_replacement.any() and not (chunk.kind == Kind.CORRECTION).any():
        return None
    codes = np.zeros(len(chunk), np.uint8)
    faults = [*_trade_faults(chunk.price, chunk.size, rules), (UNREFOLDABLE, is_replacement)]
    for reason, found in reversed(faults):  # the first of a trade's faults is the one that stays
        codes[chunk.trades] = np.where(found, _CODE[reason], codes[chunk.trades])
    codes[chunk.kind == Kind.CORRECTION] = _CODE[UNREFOLDABLE]
    codes[chunk.ts - rules.future_ns > chunk.ts_recv] = _CODE["time_in_future"]
    codes[chunk.ts < rules.first_ns] = _CODE["time_before_1990"]
    codes[chunk.place < 0] = _CODE["unknown_instrument"]
    codes[chunk.events["instrument"] == NO_INSTRUMENT] = PASSED_OVER
    return codes


def _is_good_trade(price: F8, size: F8, rules: FoldRules) -> Bools:
    with np.errstate(over="ignore", invalid="ignore"):
        is_good: Bools = (price > 0) & (price <= rules.max_price) & (size > 0) & (size <= rules.max_size)
        is_good &= price * size <= rules.max_turnover
    return is_good


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
