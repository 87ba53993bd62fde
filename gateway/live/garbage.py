"""When Python looks for garbage that reference counts do not free: seldom, as looking stops everything else.

With ten thousand connections a full collection takes a quarter of a second, and the usual thresholds bring one about
again and again while connections open. What is there at the start is never garbage, and what is left behind later comes
from connections that were closed, some KB each: so those are counted, and collected many at a time.
"""

import gc

_YOUNG_OBJECTS = 50_000  # more than a turn of the fan-out makes and drops
_CLOSED_AT_LEAST = 2000


class Garbage:
    """Collects what closed connections leave behind."""

    def __init__(self) -> None:
        self._closed = 0

    @staticmethod
    def settle() -> None:
        """Take what is there now as there to stay; once, when a process has loaded all it needs."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(_YOUNG_OBJECTS, 50, 1000)

    def closed(self) -> None:
        """Note that a connection was closed."""
        self._closed += 1

    def sweep(self, connections: int) -> None:
        """Collect if many connections were closed, compared with those that there are; called about once a second."""
        if self._closed >= max(_CLOSED_AT_LEAST, connections // 2):
            self._closed = 0
            gc.collect()
