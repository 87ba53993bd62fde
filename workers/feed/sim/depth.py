"""The depth that goes with each slice of the simulated market."""

from market.row_type import Rows
from workers.feed.adapter import no_levels
from workers.feed.sim.books import Books
from workers.feed.sim.depth_window import DepthWindow
from workers.feed.sim.quotes import Positions, Quotes

# The bound on all depth: 200,000 LEVEL rows/s, 0.05 of a core. It is twice what 500 instruments need that change
# all the time; 100,000 that do so are refreshed every 10 s each.
BOOKS_PER_S = 10_000


class Depth:
    """Sends the book of each instrument that was quoted, at most once in `depth_ms` (0: never)."""

    def __init__(self, quotes: Quotes, seed: int, depth_ms: int, slice_ns: int) -> None:
        self._slice_ns = slice_ns
        self._books = Books(quotes, seed)
        self._window: DepthWindow | None = None
        if depth_ms:
            window_slices = -(-depth_ms * 1_000_000 // slice_ns)
            books_per_slice = BOOKS_PER_S * slice_ns // 1_000_000_000
            self._window = DepthWindow(len(quotes.per_dollar), window_slices, books_per_slice)

    def levels(self, index: int, quoted: Positions) -> Rows:
        """Return the LEVEL rows to send with slice `index`, in which `quoted` changed, as books stand at its end."""
        if self._window is None:
            return no_levels()
        at = self._window.take(index, quoted)
        return self._books.levels(at, (index + 1) * self._slice_ns - 1) if len(at) else no_levels()
