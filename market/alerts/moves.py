"""Thresholds of moves and the prices they are measured from, a row for each rule that has such a price of its own."""

import numpy as np

from market.alerts.columns import F8, I8, roomy
from market.portfolio.columns import sized


class Moves:
    """Rows of both; a row is named by a number that an f8 holds."""

    def __init__(self) -> None:
        self._threshold = np.zeros(0)
        self._reference_price = np.zeros(0)
        self._used = 0
        self._spare = np.zeros(0, np.int64)

    @property
    def size_bytes(self) -> int:
        """What it takes."""
        return 16 * self._used + 8 * len(self._spare)

    def threshold(self, row: F8) -> F8:
        """Give thresholds."""
        return self._threshold[row.astype(np.int64)]

    def reference_price(self, row: F8) -> F8:
        """Give the prices that moves are measured from."""
        return self._reference_price[row.astype(np.int64)]

    def add(self, threshold: F8, reference_price: F8) -> I8:
        """Take in moves, and give their rows: spare ones first."""
        reused, self._spare = np.split(self._spare, [min(len(threshold), len(self._spare))])
        end = self._used + len(threshold) - len(reused)
        if end > len(self._threshold):
            self._threshold = sized(self._threshold, roomy(end))
            self._reference_price = sized(self._reference_price, roomy(end))
        row = np.append(reused, np.arange(self._used, end))
        self._used = end
        self._threshold[row], self._reference_price[row] = threshold, reference_price
        return row

    def free(self, row: F8) -> None:
        """Let rows, each once, be others'."""
        self._spare = np.append(self._spare, row.astype(np.int64))
