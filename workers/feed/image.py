"""The image a feed holds of its market: states and depth, and what of it is due to be published. Pure: no clock."""

import numpy as np
import numpy.typing as npt

from market.book import DepthTable
from market.conflation import Conflator
from market.row_type import Rows
from market.state import MarketState

Numbers = npt.NDArray[np.intp]


class MarketImage:
    """States, depth and their conflation windows, by instrument number."""

    def __init__(self, state: MarketState, quote_window_ns: int, depth_window_ns: int) -> None:
        self.state = state
        self.depth = DepthTable()
        self._quotes_due = Conflator(quote_window_ns)
        self._depth_due = Conflator(depth_window_ns)
        self._has_depth = np.zeros(0, bool)

    def reserve(self, instruments: int) -> None:
        """Make room for instrument numbers below `instruments`."""
        self.state.reserve(instruments)
        self.depth.reserve(instruments)
        self._quotes_due.reserve(instruments)
        self._depth_due.reserve(instruments)
        self._has_depth = np.append(self._has_depth, np.zeros(max(0, instruments - len(self._has_depth)), bool))

    def apply(self, events: Rows, levels: Rows) -> Numbers:
        """Fold a batch in, number its events, note what is to be published; return the states that changed."""
        changed = self.state.apply(events)
        self._quotes_due.mark(changed)
        if len(levels):
            numbers = levels["instrument"].astype(np.intp)
            levels["sequence"] = self.state.sequences[numbers]
            changed_books = self.depth.apply(levels)
            self._has_depth[changed_books] = True
            self._depth_due.mark(changed_books)
        return changed

    def mark_all(self) -> None:
        """Note that everything known is to be published again: subscribers may have missed changes."""
        self._quotes_due.mark(self.state.known())
        self._depth_due.mark(np.flatnonzero(self._has_depth))

    def due_quotes(self, now_ns: int) -> tuple[Numbers, Rows]:
        """Take the instruments whose state is due, with their states."""
        numbers = self._quotes_due.take(now_ns)
        return numbers, self.state.snapshot(numbers)

    def due_depth(self, now_ns: int) -> tuple[Numbers, npt.NDArray[np.uint8]]:
        """Take the instruments whose depth is due, with their books."""
        numbers = self._depth_due.take(now_ns)
        return numbers, self.depth.books(numbers)

    @property
    def has_pending(self) -> bool:
        """Whether a state or book waits for its window to end."""
        return bool(self._quotes_due.pending or self._depth_due.pending)

    def present(self, number: int) -> bytes:
        """Give one instrument's present value: its STATE row, then its 20 LEVEL rows where depth is known."""
        numbers = np.array([number], np.intp)
        book = self.depth.books(numbers).tobytes() if self._has_depth[number] else b""
        return self.state.snapshot(numbers).tobytes() + book
