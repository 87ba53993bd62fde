"""The latest state of every watched instrument, indexed by number: what snapshots and updates are made of."""

import numpy as np
import numpy.typing as npt

from market import rows
from market.compiled import compiled
from market.row_type import Rows, as_bytes, take
from market.state import blank_states
from mesh.raw import put, read_big_endian

_INSTRUMENT_AT, _SEQUENCE_AT = rows.STATE.offsets["instrument"], rows.STATE.offsets["sequence"]
_WHOLE_ROW = f"V{rows.STATE.width_bytes}"
Numbers = npt.NDArray[np.intp]


class QuoteTable:
    """Keeps states monotonic: a row that is not newer than the one held changes nothing."""

    def __init__(self) -> None:
        self._table = rows.STATE.blank(0)
        self._noted = np.zeros(0, np.bool_)
        self.merge(np.zeros(0, np.intp), rows.STATE.blank(0))  # compiles it, before anybody waits for it

    def __len__(self) -> int:
        return len(self._table)

    def reserve(self, instruments: int) -> None:
        """Make room for instrument numbers below `instruments`."""
        missing = instruments - len(self._table)
        if missing > 0:
            blank = blank_states(max(missing, len(self._table) // 2))
            self._table = np.frombuffer(bytearray(self._table.tobytes() + blank.tobytes()), rows.STATE.dtype)
            self._noted = np.zeros(len(self._table), np.bool_)

    def merge(self, numbers: Numbers, states: Rows) -> Numbers:
        """Take over the STATE rows that are newer; return the numbers of those, each once.

        A row that carries another instrument's number than the one it came for is not taken.
        """
        if not states.flags.writeable:  # to the compiler that is another type
            states = take(states, np.arange(len(states)))
        changed = np.empty(len(numbers), np.intp)
        count = _merge(self.bytes, self._noted, numbers, as_bytes(states), changed)
        return changed[:count]

    def put(self, numbers: Numbers, states: Rows) -> None:
        """Take over STATE rows as they are, each instrument once."""
        self._table.view(_WHOLE_ROW)[numbers] = states.view(_WHOLE_ROW)

    def states(self, numbers: Numbers) -> Rows:
        """Copy the states of instruments, where nothing is known with sequence 0 and no prices."""
        return take(self._table, numbers)

    @property
    def bytes(self) -> npt.NDArray[np.uint8]:
        """View all states as a matrix of bytes, a row each, until the next `reserve`."""
        return as_bytes(self._table)

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


@compiled
def _merge(
    table: npt.NDArray[np.uint8],
    noted: npt.NDArray[np.bool_],
    numbers: Numbers,
    states: npt.NDArray[np.uint8],
    changed: Numbers,
) -> int:
    """Take over the newer rows; return how many instruments are in `changed`. `noted` is all False before and after."""
    count = 0
    for place in range(len(numbers)):
        number, state = numbers[place], states[place]
        is_own = read_big_endian(state, _INSTRUMENT_AT, 4) == number
        if is_own and read_big_endian(state, _SEQUENCE_AT, 8) > read_big_endian(table[number], _SEQUENCE_AT, 8):
            put(state, 0, len(state), table[number], 0)
            if not noted[number]:
                noted[number] = True
                changed[count] = number
                count += 1
    for place in range(count):
        noted[changed[place]] = False
    return count
