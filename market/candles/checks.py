"""Which rows of a batch are bad, and why."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from market.codes import NO_INSTRUMENT, Kind, TradeFlag
from market.row_type import Rows
from market.rows import TRADE

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8]
F8 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]

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


def judge(events: Rows, place: Places, ts: I8, ts_recv: I8, rules: FoldRules) -> Codes | None:
    """Give each row's code, an index of REASONS or PASSED_OVER; None where all of them are good."""
    is_good = (place >= 0) & (ts >= rules.first_ns) & (ts - rules.future_ns <= ts_recv)
    kind = events["kind"]
    is_trade = kind == Kind.TRADE
    trades = events.view(TRADE.dtype)
    at: npt.NDArray[np.intp] | slice = slice(None) if is_trade.all() else np.flatnonzero(is_trade)
    price, size = trades["price"][at].astype(np.float64), trades["size"][at].astype(np.float64)
    is_good[at] &= _is_good_trade(price, size, rules)
    is_good[at] &= trades["flags"][at] & TradeFlag.CORRECTED == 0
    is_good &= kind != Kind.CORRECTION
    if is_good.all():
        return None
    codes = np.zeros(len(events), np.uint8)
    for reason, found in _trade_faults(price, size, rules):
        codes[at] = np.where(found & (codes[at] == 0), _CODE[reason], codes[at])
    is_replacement = trades["flags"][at] & TradeFlag.CORRECTED > 0
    codes[at] = np.where(is_replacement & (codes[at] == 0), _CODE[UNREFOLDABLE], codes[at])
    codes[kind == Kind.CORRECTION] = _CODE[UNREFOLDABLE]
    codes[ts - rules.future_ns > ts_recv] = _CODE["time_in_future"]
    codes[ts < rules.first_ns] = _CODE["time_before_1990"]
    codes[place < 0] = _CODE["unknown_instrument"]
    codes[events["instrument"] == NO_INSTRUMENT] = PASSED_OVER
    return codes


def _is_good_trade(price: F8, size: F8, rules: FoldRules) -> Bools:
    with np.errstate(over="ignore", invalid="ignore"):
        is_good: Bools = (price > 0) & (price <= rules.max_price) & (size > 0) & (size <= rules.max_size)
        is_good &= price * size <= rules.max_turnover
    return is_good


def _trade_faults(price: F8, size: F8, rules: FoldRules) -> list[tuple[str, Bools]]:
    """Give each fault with the trades that have it, the first of a trade's faults being the one that counts."""
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
