"""One feed's share of a partition: its fold, what is to be shown of it, and its clock while it is silent.

A feed that says nothing closes no windows. Then its own time is taken to go on as fast as ours, and what would close is
given out. That changes no state: should rows of those minutes still come, the candles come again, with more trades.
"""

import numpy as np
import numpy.typing as npt

from market.candles.candles import Candles
from market.candles.fold import CandleFold
from market.candles.output import Output
from market.candles.refold import RefoldAnswer
from market.row_type import Rows

I8 = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]

_IDLE_STEP_NS = 1_000_000_000


class Source:
    """A feed on a partition. `now_ns` is a steady clock's; only `fold` belongs to the state that lasts."""

    def __init__(self, fold: CandleFold, idle_ns: int, now_ns: int) -> None:
        self.fold = fold
        self._is_changed = np.zeros(0, bool)
        self.pending = False
        """Whether something changed that `take_changed` has not given yet."""
        self._idle_ns = idle_ns
        self._heard_ns = now_ns
        self._idle_at_ns = now_ns + idle_ns
        self._closed_by_ns = 0

    @property
    def idle_at_ns(self) -> int:
        """When `close_idle` is due next."""
        return self._idle_at_ns

    def apply(self, events: Rows, tape_sequences: I8, now_ns: int) -> Output:
        """Fold in event rows in the order of the tape."""
        self._heard_ns, self._idle_at_ns, self._closed_by_ns = now_ns, now_ns + self._idle_ns, 0
        return self._noted(self.fold.apply(events, tape_sequences))

    def resolve(self, answer: RefoldAnswer) -> Output:
        """Go on after the fold's question."""
        return self._noted(self.fold.resolve(answer))

    def take_changed(self) -> Places:
        """Take the places whose candles changed since the last time."""
        changed = np.flatnonzero(self._is_changed)
        self._is_changed[changed] = False
        self.pending = False
        return changed

    def close_idle(self, now_ns: int) -> Candles | None:
        """Give what closes because the feed is silent; None where it is not, or never said anything."""
        if now_ns < self._idle_at_ns:
            return None
        self._idle_at_ns = now_ns + _IDLE_STEP_NS
        if not self.fold.high_ns:
            return None
        high_ns = self.fold.high_ns + now_ns - self._heard_ns
        closed = self.fold.closed_by(high_ns, self._closed_by_ns)
        self._closed_by_ns = high_ns
        return closed if len(closed) else None

    def _noted(self, output: Output) -> Output:
        if len(self._is_changed) < len(self.fold):
            self._is_changed = np.append(self._is_changed, np.zeros(len(self.fold) - len(self._is_changed), bool))
        self._is_changed[output.changed] = True
        self.pending = self.pending or len(output.changed) > 0
        return output
