"""What a fan-out keeps of each of its clients: when it is due, and how it can be written to."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

NEVER = np.iinfo(np.int64).max
NO_DESCRIPTOR = -1
_NO_ROW = -1
_STEP = 1024


class Columns(NamedTuple):
    """An element per client; client 0 is nobody."""

    descriptor: npt.NDArray[np.int32]
    """Where its frames are written to directly; NO_DESCRIPTOR while they cannot be."""
    free_tick: npt.NDArray[np.int64]
    """When it may be sent something; NEVER until it watches something."""
    interval_ticks: npt.NDArray[np.int64]
    slowness: npt.NDArray[np.int8]
    """How often its interval is doubled, as it does not read."""
    stalled_tick: npt.NDArray[np.int64]
    """Since when it has taken nothing of what it was sent; NEVER if it takes it."""
    left_off: npt.NDArray[np.int64]
    """The first row of a frame that it did not take, or less than 0."""


_BLANK = Columns(*map(np.array, (NO_DESCRIPTOR, NEVER, 1, 0, NEVER, _NO_ROW)))


class Clients:
    """Gives clients numbers, and keeps their columns."""

    def __init__(self) -> None:
        self.columns = _grown(None)
        self.used = 1
        self._left: list[int] = []

    def join(self, interval_ticks: int) -> int:
        """Add a client; return its number, good until it leaves."""
        if self._left:
            client = self._left.pop()
        else:
            client = self.used
            self.used += 1
            if self.used > len(self.columns.free_tick):
                self.columns = _grown(self.columns)
        self.columns.interval_ticks[client] = interval_ticks
        return client

    def leave(self, client: int) -> None:
        """Forget a client."""
        for column, blank in zip(self.columns, _BLANK, strict=True):
            np.asarray(column)[client] = blank
        self._left.append(client)

    def is_any_free(self, tick: int) -> bool:
        """Whether a client may be sent something at a tick."""
        return bool((self.columns.free_tick[: self.used] <= tick).any())

    def stalled(self, since_tick: int) -> list[int]:
        """List the clients that have taken nothing since a tick."""
        return np.flatnonzero(self.columns.stalled_tick[: self.used] <= since_tick).tolist()

    @property
    def slow(self) -> int:
        """How many clients are sent less as they do not read."""
        return int(np.count_nonzero(self.columns.slowness))


def _grown(columns: Columns | None) -> Columns:
    kinds = (np.int32, np.int64, np.int64, np.int8, np.int64, np.int64)
    added = [np.full(_STEP, blank, kind) for blank, kind in zip(_BLANK, kinds, strict=True)]
    if columns is None:
        return Columns(*added)
    return Columns(*(np.concatenate([column, more]) for column, more in zip(columns, added, strict=True)))
