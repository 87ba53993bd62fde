"""How fast a publisher goes: slices of a few milliseconds, every instrument in turn. Pure but for the clock given."""

from collections.abc import Callable

import numpy as np

from bench.fanout.walk import Numbers

SLICE_S = 0.005  # the feed, too, sends what is due every 5 ms
_MOST_BEHIND_S = 0.5


class Pace:
    """Says which instruments are due, so that all of them are updated equally often and evenly in time."""

    def __init__(self, symbols: int, now_s: Callable[[], float]) -> None:
        self.skipped = 0  # updates that were due while the publisher was too far behind to make up for them
        self.sent = 0
        self._order = np.random.default_rng(2).permutation(symbols).astype(np.intp)
        self._now_s = now_s
        self._per_s = 0.0
        self._begun_s = 0.0
        self._due = 0.0
        self._position = 0

    def go(self, per_s: float) -> None:
        """Update so many a second in all from now on; 0 is none."""
        self._per_s, self._begun_s, self._due = per_s, self._now_s(), 0.0

    def take(self) -> Numbers:
        """Take what is due now, each instrument at most once."""
        due = int((self._now_s() - self._begun_s) * self._per_s - self._due)
        most = int(min(self._per_s * _MOST_BEHIND_S, len(self._order)))
        if due > most:
            self.skipped += due - most
            self._due += due - most
            due = most
        self._due += due
        self.sent += due
        start, self._position = self._position, (self._position + due) % len(self._order)
        return np.take(self._order, np.arange(start, start + due), mode="wrap")

    def until_next_s(self) -> float:
        """Tell how long to wait for the next slice."""
        return SLICE_S - (self._now_s() - self._begun_s) % SLICE_S
