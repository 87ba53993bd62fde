"""A partition of alerts between the runtime and the tables: the index of its rules, and how far it is."""

import asyncio
import contextlib
import logging
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from market.alerts.columns import DayOf, RuleColumns, Touches
from market.alerts.frozen import Frozen
from market.alerts.index import AlertIndex
from market.row_type import RowError, Rows
from market.rows import EVENT_BYTES, join, read_events
from mesh.actor.protocols import StateError, Step
from mesh.actor.reader import Delivery

_logger = logging.getLogger(__name__)

_WRITE_NS = 1_000_000_000
_HEAD = struct.Struct(">Q")  # the revision


@dataclass(frozen=True, slots=True)
class FrozenCore:
    """An index, and the revision of the tables that it includes."""

    revision: int
    index: Frozen

    def encode(self) -> bytes:
        """Give the bytes of a checkpoint."""
        return _HEAD.pack(self.revision) + self.index.encode()


class AlertCore:
    """See `mesh.actor.protocols.Core`: deliveries are a question that the shell answers with transactions.

    Whoever holds `lock` may change the rest: `revision` is that of the last transaction that the index includes, and
    what came of the tape up to `evaluated` is in the tables. `position` is how far the tape was read. `moving` are
    instruments whose previous close should be asked for once the tape was read to its end.
    """

    schema = 1

    def __init__(self, index: AlertIndex, revision: int, evaluated: int, position: int) -> None:
        self.index = index
        self.revision = revision
        self.evaluated = evaluated
        self.position = position
        self.moving: list[int] = []
        self.lock = asyncio.Lock()
        self.rows = 0
        self.pending = 0
        self.wakes_at_ns: int | None = None

    def apply(self, deliveries: Sequence[Delivery], now_ns: int) -> Step:
        """Ask to have ticks evaluated."""
        return Step(question=deliveries)

    def timer(self, now_ns: int) -> Step:
        """Ask to have it written down how far ticks were evaluated that touched nothing."""
        self.wakes_at_ns = None
        return Step(question=())

    def reached(self, position: int, is_written: bool, now_ns: int) -> None:
        """Hear that all that came of the tape up to a position is in the tables, and maybe the position itself."""
        self.evaluated = position
        if is_written:
            self.wakes_at_ns = None
        elif self.wakes_at_ns is None:
            self.wakes_at_ns = now_ns + _WRITE_NS

    def freeze(self) -> FrozenCore:
        """Copy the state."""
        return FrozenCore(self.revision, self.index.freeze())

    def pass_by(self, deliveries: Sequence[Delivery]) -> bool:
        """Let messages pass whose rows no rule has to see; False: `evaluate` has to, and nothing is changed yet."""
        if not self.index.pass_by([(each.sequence, each.payload) for each in deliveries], self.evaluated):
            return False
        self.rows += sum(len(each.payload) for each in deliveries) // EVENT_BYTES
        self.position = deliveries[-1].sequence
        return True

    def evaluate(self, rows: Rows, tape_sequences: npt.NDArray[np.int64], position: int) -> Touches:
        """Let the rules see what was read up to `position`; the index is behind it then, the tables are not yet."""
        self.rows += len(rows)
        self.position = position
        return self.index.apply(rows, tape_sequences, self.evaluated)


def restored(day_of: DayOf, saved: bytes) -> tuple[AlertIndex, int]:
    """Read a checkpoint: the index and its revision; raises StateError."""
    try:
        (revision,) = _HEAD.unpack_from(saved)
        return AlertIndex.restore(day_of, saved[_HEAD.size :]), revision
    except (struct.error, ValueError) as error:
        raise StateError(f"the checkpoint cannot be read: {error}") from error


def loaded(day_of: DayOf, rules: RuleColumns, evaluated: int) -> AlertIndex:
    """Make an index of rules that saw the tape up to `evaluated`."""
    index = AlertIndex(day_of)
    index.load(rules, evaluated)
    return index


def rows_of(deliveries: Sequence[Delivery]) -> tuple[Rows, npt.NDArray[np.int64]]:
    """Read the rows of messages, and each one's sequence on the tape; a message that holds none is passed over."""
    sequences = np.array([each.sequence for each in deliveries], np.int64)
    sizes_bytes = np.array([len(each.payload) for each in deliveries], np.int64)
    if not (sizes_bytes % EVENT_BYTES).any():
        with contextlib.suppress(RowError):  # to look at all of them at once costs little more than at one
            rows = read_events(b"".join([each.payload for each in deliveries]))
            return rows, np.repeat(sequences, sizes_bytes // EVENT_BYTES)
    parts = [_rows_of(each) for each in deliveries]
    return join(parts), np.repeat(sequences, [len(part) for part in parts])


def _rows_of(delivery: Delivery) -> Rows:
    try:
        return read_events(delivery.payload)
    except RowError as error:
        _logger.warning("message %d of the tape cannot be read: %s", delivery.sequence, error)
        return read_events(b"")
