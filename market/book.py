"""Depth: the best levels of every instrument's book, kept as the very rows that travel on `depth.<exch>.<symbol>`."""

import numpy as np
import numpy.typing as npt

from market import rows
from market.row_type import Rows, as_bytes

LEVELS = 10
ROWS_PER_BOOK = 2 * LEVELS
BOOK_BYTES = ROWS_PER_BOOK * rows.LEVEL.width_bytes


class DepthTable:
    """Ten levels a side of each instrument, bids first, best first; an empty level has size 0."""

    def __init__(self) -> None:
        self._table = rows.LEVEL.blank(0)

    def __len__(self) -> int:
        return len(self._table) // ROWS_PER_BOOK

    def reserve(self, instruments: int) -> None:
        """Make room for instrument numbers below `instruments`."""
        missing = instruments - len(self)
        if missing > 0:
            grown = rows.LEVEL.blank(missing * ROWS_PER_BOOK)
            grown["instrument"] = np.repeat(np.arange(len(self), instruments), ROWS_PER_BOOK)
            grown["side"] = np.tile(np.repeat([0, 1], LEVELS), missing)
            grown["level"] = np.tile(np.arange(LEVELS), 2 * missing)
            grown["price"] = np.nan
            self._table = np.frombuffer(bytearray(self._table.tobytes() + grown.tobytes()), rows.LEVEL.dtype)

    def apply(self, levels: Rows) -> npt.NDArray[np.intp]:
        """Overwrite levels with LEVEL rows, in order; return the instruments that changed.

        Levels beyond the tenth are not kept.
        """
        kept = levels["level"] < LEVELS
        instruments = levels["instrument"].astype(np.intp)
        at = instruments * ROWS_PER_BOOK + levels["side"].astype(np.intp) * LEVELS + levels["level"]
        whole_row = f"V{rows.LEVEL.width_bytes}"
        self._table.view(whole_row)[at[kept]] = levels.view(whole_row)[kept]
        return np.unique(instruments[kept])

    def books(self, instruments: npt.NDArray[np.intp]) -> npt.NDArray[np.uint8]:
        """Copy whole books as bytes: uint8[n, BOOK_BYTES], 20 LEVEL rows each."""
        return as_bytes(self._table).reshape(len(self), BOOK_BYTES)[instruments]
