"""What applying a batch gives: candles, changes, and the rows that were not folded."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from market.candles.candles import Candles
from market.candles.checks import GAP, PASSED_OVER, REASONS, Codes
from market.candles.order import Disorder
from market.candles.refold import Refold
from market.codes import CandleFlag
from market.row_type import Rows, take

I8 = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]

_NO_POSITIONS = np.zeros(0, np.intp)


@dataclass(frozen=True, slots=True)
class Rejected:
    """Rows with one fault, and the tape sequence of each; those of a `gap` were folded, the rows before them miss."""

    reason: str
    rows: Rows
    tape_sequence: I8


@dataclass(frozen=True, slots=True)
class FoldCounts:
    """How many rows of a batch were what. `bad` is by reason; `gap_rows` are missing; `duplicates` were passed over.

    `corrections` are rows that withdrew a trade or replaced one.
    """

    trades: int = 0
    late_amended: int = 0
    late_dropped: int = 0
    duplicates: int = 0
    gaps: int = 0
    gap_rows: int = 0
    corrections: int = 0
    bad: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Output:
    """The effects of a batch.

    `closed`: candles that closed or were amended after that; one may be there twice, and the higher (revision, trades)
    is the newer. `changed`: places, each once, whose live candles are others now. `still_open`: candles that a
    correction changed and that have not closed, of whatever minute. `late`: rows too late to be folded. With a
    question, `refold`, the batch is not done: the rest comes once it is answered, rejected rows and counts at the end.
    """

    closed: Candles
    changed: Places
    still_open: Candles
    late: Rows
    late_at: I8
    bad: tuple[Rejected, ...]
    counts: FoldCounts
    refold: Refold | None = None


class Recorder:
    """Gathers a batch's effects while its chunks are folded; positions are those in the batch."""

    def __init__(self, events: Rows, tape_sequence: I8, places: int) -> None:
        self._events, self._tape_sequence = events, tape_sequence
        self._changed = np.zeros(places, bool)
        self._closed: list[Candles] = []
        self._still_open: list[Candles] = []
        self._late: list[Places] = []
        self._bad: dict[str, list[Places]] = {}
        self._trades = self._amended = self._duplicates = self._gap_rows = self._corrections = 0

    def sequence_of(self, position: int | np.intp) -> int:
        """Give the tape sequence of a row."""
        return int(self._tape_sequence[position])

    def give_out(self, candles: Candles) -> None:
        """Note candles that closed or were amended."""
        self._closed.append(candles)

    def fold(self, places: Places, amended: int) -> None:
        """Note trades that were folded, `amended` of them after their minute had closed."""
        self._changed[places] = True
        self._trades += len(places)
        self._amended += amended

    def amend(self, place: int, candles: Candles) -> None:
        """Note a row that withdrew a trade or replaced one, and the candles that it changed."""
        is_closed = candles.flags & CandleFlag.CLOSED > 0
        self._closed.append(candles.take(is_closed))
        self._still_open.append(candles.take(~is_closed))
        self._changed[place] = True
        self._corrections += 1

    def refuse(self, reason: str, position: int) -> None:
        """Note a row that amends nothing, and why."""
        self._bad.setdefault(reason, []).append(np.array([position]))

    def drop_late(self, positions: Places) -> None:
        """Note trades that came too late."""
        self._late.append(positions)

    def reject(self, codes: Codes, start: int) -> None:
        """Note the rows of a chunk, which begins at `start`, that have a code other than 0."""
        for code in np.unique(codes[(codes > 0) & (codes < PASSED_OVER)]).tolist():
            self._bad.setdefault(REASONS[code], []).append(np.flatnonzero(codes == code) + start)

    def disorder(self, found: Disorder, start: int) -> None:
        """Note repeated and missing rows of a chunk."""
        self._duplicates += len(found.repeated)
        self._gap_rows += int(found.missing.sum())
        if len(found.after_gap):
            self._bad.setdefault(GAP, []).append(np.sort(found.after_gap) + start)

    def asking(self, refold: Refold) -> Output:
        """Give what there is so far, with a question."""
        nothing = self._events[:0], self._tape_sequence[:0]
        return Output(*self._given(), *nothing, (), FoldCounts(), refold)

    def output(self) -> Output:
        """Give everything that was noted and not given yet."""
        bad = {reason: np.concatenate(positions) for reason, positions in self._bad.items()}
        late = np.concatenate(self._late) if self._late else _NO_POSITIONS
        closed, changed, still_open = self._given()
        return Output(
            closed=closed,
            changed=changed,
            still_open=still_open,
            late=take(self._events, late) if len(late) else self._events[:0],
            late_at=self._tape_sequence[late],
            bad=tuple(Rejected(reason, take(self._events, at), self._tape_sequence[at]) for reason, at in bad.items()),
            counts=FoldCounts(
                trades=self._trades,
                late_amended=self._amended,
                late_dropped=len(late),
                duplicates=self._duplicates,
                gaps=len(bad.get(GAP, ())),
                gap_rows=self._gap_rows,
                corrections=self._corrections,
                bad={reason: len(at) for reason, at in bad.items() if reason != GAP},
            ),
        )

    def _given(self) -> tuple[Candles, Places, Candles]:
        given = Candles.concat(self._closed), np.flatnonzero(self._changed), Candles.concat(self._still_open)
        self._closed.clear()
        self._still_open.clear()
        self._changed[:] = False
        return given
