"""Conflation: at most one message per instrument per window, the first change after a quiet window at once."""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.intp]


class Conflator:
    """Says which instruments are due; what is sent for them is their latest state.

    Instruments are numbers below `reserve`d; times are ns of any one clock.
    """

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._free_at_ns = np.zeros(0, np.int64)
        self._is_pending = np.zeros(0, bool)
        self._pending: Numbers = np.zeros(0, np.intp)

    @property
    def pending(self) -> int:
        """How many instruments have a change that was not taken yet."""
        return len(self._pending)

    def reserve(self, instruments: int) -> None:
        """Make room for instrument numbers below `instruments`."""
        missing = instruments - len(self._free_at_ns)
        if missing > 0:
            self._free_at_ns = np.append(self._free_at_ns, np.zeros(missing, np.int64))
            self._is_pending = np.append(self._is_pending, np.zeros(missing, bool))

    def mark(self, changed: Numbers) -> None:
        """Note that the instruments `changed` (distinct numbers) have something to send."""
        added = changed[~self._is_pending[changed]]
        self._is_pending[added] = True
        self._pending = np.concatenate([self._pending, added])

    def take(self, now_ns: int) -> Numbers:
        """Take those whose window is over; their next one begins now."""
        due = self._free_at_ns[self._pending] <= now_ns
        taken = self._pending[due]
        self._pending = self._pending[~due]
        self._is_pending[taken] = False
        self._free_at_ns[taken] = now_ns + self._window_ns
        return taken
