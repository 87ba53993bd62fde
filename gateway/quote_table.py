"""The latest state of every watched instrument, indexed by number: what snapshots and updates are made of."""

import numpy as np
import numpy.typing as npt

from market import rows
from market.row_type import Rows, take
from market.state import blank_states

_WHOLE_ROW = f"V{rows.STATE.width_bytes}"
Numbers = npt.NDArray[np.intp]


class QuoteTable:
    """Keeps states monotonic: a row that is not newer than the one held changes nothing."""

    def __init__(self) -> None:
        self._table = rows.STATE.blank(0)
        self._place = np.zeros(0, np.intp)

    def reserve(self, instruments: int) -> None:
        """Make room for instrument numbers below `instruments`."""
        missing = instruments - len(self._table)
        if missing > 0:
            blank = blank_states(max(missing, len(self._table) // 2))
            self._table = np.frombuffer(bytearray(self._table.tobytes() + blank.tobytes()), rows.STATE.dtype)
            self._place = np.zeros(len(self._table), np.intp)

    def merge(self, numbers: Numbers, states: Rows) -> Numbers:
        """Take over the STATE rows that are newer; return the numbers of those, each once.

        A row that carries another instrument's number than the one it came for is not taken.
        """
        newer = (states["sequence"] > self._table["sequence"][numbers]) & (states["instrument"] == numbers)
        if not newer.all():
            numbers, states = numbers[newer], take(states, newer)
        # Whoever wrote last to an instrument's place finds itself there: each is counted once, without a sort.
        arrival = np.arange(len(numbers))
        self._place[numbers] = arrival
        is_last = self._place[numbers] == arrival
        changed: Numbers = numbers[is_last]
        if len(changed) < len(numbers):  # two feeds, at a takeover, may interleave: the newest must come last
            order = np.argsort(states["sequence"], kind="stable")
            numbers, states = numbers[order], take(states, order)
        self._table.view(_WHOLE_ROW)[numbers] = states.view(_WHOLE_ROW)  # of several for one, the last stays
        return changed

    def put(self, numbers: Numbers, states: Rows) -> None:
        """Take over STATE rows as they are, each instrument once."""
        self._table.view(_WHOLE_ROW)[numbers] = states.view(_WHOLE_ROW)

    def states(self, numbers: Numbers) -> Rows:
        """Copy the states of instruments, where nothing is known with sequence 0 and no prices."""
        return take(self._table, numbers)

    def state(self, number: int) -> Rows:
        """Copy one instrument's state: a single STATE row, where nothing is known with sequence 0 and no prices."""
        return take(self._table, np.array([number], np.intp))

    def sequences(self, numbers: Numbers) -> npt.NDArray[np.int64]:
        """Give the sequences of the states held, 0 where nothing is known."""
        return self._table["sequence"][numbers].astype(np.int64)

    def sequence(self, number: int) -> int:
        """Give the sequence of the state held, 0 where nothing is known."""
        return int(self._table["sequence"][number])

    def ts_event_ns(self, number: int) -> int:
        """Give the exchange's time of the state held."""
        return int(self._table["ts_event"][number])
