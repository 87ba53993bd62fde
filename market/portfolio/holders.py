"""Who holds an instrument: of some portfolios, those that a change of some prices touches."""

from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.integer[Any]]
Rows = npt.NDArray[np.intp]


class Holders:
    """An index over holdings: instrument and the portfolio's row, side by side."""

    def __init__(self, instruments: Numbers, rows: Rows) -> None:
        order = np.argsort(instruments, kind="stable")
        self._instruments, self._rows = instruments[order], rows[order]
        self._is_touched = np.zeros(int(rows.max(initial=-1)) + 1, np.bool_)

    def of(self, changed: Numbers) -> Rows:
        """List the rows, ascending, that hold any of the instruments in `changed`, each of which is there once."""
        starts = np.searchsorted(self._instruments, changed, "left")
        counts = np.searchsorted(self._instruments, changed, "right") - starts
        before = np.cumsum(counts) - counts
        self._is_touched[:] = False
        self._is_touched[self._rows[np.repeat(starts - before, counts) + np.arange(int(counts.sum()))]] = True
        return np.flatnonzero(self._is_touched)
