"""Whose depth to send in which slice: at most once per window and instrument, never more than a bound per slice."""

from collections import deque

import numpy as np

from workers.feed.sim.quotes import Positions


class DepthWindow:
    """Conflation of whole books.

    The first change after a quiet window goes out at once; changes within the window wait for its end and go out as
    one. What exceeds the bound of a slice waits in line, each instrument once, and goes out as it then stands.
    """

    def __init__(self, instruments: int, window_slices: int, books_per_slice: int) -> None:
        self._window, self._bound = window_slices, books_per_slice
        self._changed = np.zeros(instruments, bool)  # since its book was last sent
        self._closed = np.zeros(instruments, bool)  # its window is not over
        self._sent: deque[tuple[int, Positions]] = deque()
        self._line: Positions = np.zeros(0, np.int64)

    def take(self, index: int, quoted: Positions) -> Positions:
        """Note the instruments `quoted` in slice `index`, any number of times each; return those to send now."""
        new = quoted[~self._changed[quoted]]
        self._changed[new] = True
        # Before windows end: what changed in the slice that ends its window goes out with those that changed within.
        at_once = np.unique(new[~self._closed[new]])
        ready = [self._line, *self._expire(index)]
        if len(at_once):
            ready.append(at_once)
        line = np.concatenate(ready) if len(ready) > 1 else self._line
        taken, self._line = line[: self._bound], line[self._bound :]
        if len(taken):
            self._changed[taken], self._closed[taken] = False, True
            self._sent.append((index, taken))
        return taken

    def _expire(self, index: int) -> list[Positions]:
        """End the windows that are over; return the instruments that changed within them."""
        changed = []
        while self._sent and self._sent[0][0] + self._window <= index:
            _, over = self._sent.popleft()
            self._closed[over] = False
            changed.append(over[self._changed[over]])
        return changed
