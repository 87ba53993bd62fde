"""Trades as a feed reported them, and corrections of any of them."""

import random

import numpy as np

from market.codes import CorrectionFlag, Kind
from market.row_type import Rows


class Report:
    """What a feed knows of a trade: its instrument, the time at which it counts, and the row that it is now."""

    def __init__(self, number: int, ts: int, row: Rows | np.void) -> None:
        self.number, self.ts, self.row, self.awaits = number, ts, row, False

    def replace(self, row: Rows | np.void) -> None:
        self.row, self.awaits = row, False


def correct(random_: random.Random, row: Rows | np.void, report: Report) -> None:
    """Make a TRADE row's fields those of a correction of an earlier trade: bad, late, withdrawn or corrected as it is.

    What `conditions` holds then is `ts_trade`; seldom it is no trade's.
    """
    report.awaits = random_.random() < 0.5
    row["kind"] = Kind.CORRECTION
    row["flags"] = CorrectionFlag.REPLACED if report.awaits else CorrectionFlag.BUST
    for name in ("price", "size", "trade_id"):
        row[name] = report.row[name]
    row["conditions"] = report.ts if random_.random() < 0.95 else random_.choice([0, report.ts + 1, 2**62, 1 << 63])
