"""The core of the candle worker: one partition of the tape, a fold for each feed on it. Pure.

What the directory does not know yet is asked for once; what it still does not know then goes to quarantine.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from market import rows
from market.candles.beginning import Children, first_possible
from market.candles.candles import Candles
from market.candles.checks import FoldRules
from market.candles.codec import CodecError
from market.candles.fold import CandleFold
from market.candles.frozen import Frozen
from market.candles.output import FoldCounts
from market.candles.refold import Reading, RefoldAnswer
from market.candles.sessions import MINUTE_NS, Segments
from market.row_type import RowError, Rows
from mesh.actor.protocols import StateError, Step
from mesh.actor.reader import Delivery
from workers.candle.effects import UNREADABLE, Effects, Reject, rejects_of
from workers.candle.questions import Newcomer, PastMinute, Question, Strangers
from workers.candle.source import Source

I8 = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]

SCHEMA = 1
_BEHIND = 16  # messages
_BEHIND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Showing:
    """What is to be shown: candles that closed or were corrected, and each source's places whose open ones are due."""

    closed: tuple[Candles, ...]
    due: tuple[tuple[Source, Places], ...]


@dataclass(frozen=True, slots=True)
class CoreRules:
    """How cores work: the folds' rules, and when a silent source counts as idle."""

    fold: FoldRules
    idle_ns: int


class Pace(Protocol):
    """How often a candle may be shown, at present."""

    window_ns: int


@dataclass(frozen=True, slots=True)
class FrozenCore:
    """The folds of a partition as they were."""

    folds: Mapping[str, Frozen]

    def encode(self) -> bytes:
        """Give a msgpack map from feed to the fold's own bytes."""
        return msgspec.msgpack.encode({name: fold.encode() for name, fold in self.folds.items()})


@dataclass(slots=True)
class _Part:
    """Rows of one feed, in order, and the tape sequence of each."""

    feed: str
    events: Rows
    tape_sequences: I8


@dataclass(slots=True)
class Counts:
    """What was folded since the core began."""

    rows: int = 0
    trades: int = 0
    closed: int = 0
    late_amended: int = 0
    late_dropped: int = 0
    duplicates: int = 0
    gaps: int = 0
    gap_rows: int = 0
    corrections: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)

    def add(self, counts: FoldCounts, closed: int) -> None:
        """Add what a batch gave."""
        for name in ("trades", "late_amended", "late_dropped", "duplicates", "gaps", "gap_rows", "corrections"):
            setattr(self, name, getattr(self, name) + getattr(counts, name))
        self.closed += closed
        for reason, count in counts.bad.items():
            self.reject(reason, count)

    def reject(self, reason: str, count: int) -> None:
        """Add rows that were rejected for a reason."""
        self.quarantined[reason] = self.quarantined.get(reason, 0) + count


class CandleCore:
    """One partition's folds; see `mesh.actor.protocols.Core`."""

    schema = SCHEMA

    def __init__(
        self,
        rules: CoreRules,
        pace: Pace,
        venues: Mapping[str, Segments],
        venue_of: Callable[[int], str | None],
        now_ns: int,
    ) -> None:
        self._rules = rules
        self._pace = pace
        self._venues = venues
        self._venue_of = venue_of
        self._sources: dict[str, Source] = {}
        self._parts: list[_Part] = []
        self._strangers: frozenset[int] = frozenset()
        self._reading: Reading | None = None  # the last one of this part
        self._shown_at_ns = now_ns
        self.pending = 0
        self.wakes_at_ns: int | None = None
        self.counts = Counts()

    def restore(self, saved: bytes, now_ns: int) -> None:
        """Go on from a frozen state; raises StateError."""
        try:
            folds = msgspec.msgpack.decode(saved, type=dict[str, bytes])
            for feed, data in folds.items():
                self._sources[feed] = self._source(CandleFold.restore(self._rules.fold, self._venues, data), now_ns)
        except (msgspec.DecodeError, CodecError) as error:
            raise StateError(str(error)) from error
        self._plan(now_ns)

    def freeze(self) -> FrozenCore:
        """Copy the state of every fold."""
        return FrozenCore({feed: source.fold.freeze() for feed, source in self._sources.items()})

    def apply(self, deliveries: Sequence[Delivery], now_ns: int) -> Step:
        """Fold in messages of the tape; a step may ask who some instruments are, then `resume` goes on."""
        rejects: list[Reject] = []
        for feed, messages in groupby(deliveries, key=lambda delivery: delivery.source):
            self._parts += self._read(feed, list(messages), rejects)
        return self._go_on(tuple(rejects), now_ns)

    def resume(self, question: Strangers, now_ns: int) -> Step:
        """Go on after the directory was read again: whom it still does not know is unknown."""
        self._strangers |= question.numbers
        return self._go_on((), now_ns)

    def begin(
        self,
        newcomer: Newcomer,
        first_minute: int,
        children: Mapping[str, Sequence[Children]],
        now_ns: int,
        *,
        is_known: bool,
    ) -> Step:
        """Go on with a feed's fold begun at a minute: see `CandleFold.begin`."""
        fold = CandleFold(self._rules.fold, self._venues)
        fold.begin(first_minute, children, is_known=is_known)
        self._sources[newcomer.feed] = self._source(fold, now_ns)
        return self._go_on((), now_ns)

    def reading(self, question: PastMinute) -> Reading:
        """Make what has to be given the feed's rows on the stretch of the tape that is asked for."""
        return self._sources[question.feed].fold.reading(question.refold)

    def first_minute(self, question: PastMinute) -> int:
        """Tell from which minute on candles of the feed are folded here; those before it are the tables'."""
        return self._sources[question.feed].fold.first_minute

    def amend(self, answer: RefoldAnswer, now_ns: int) -> Step:
        """Go on after a past minute was read."""
        self._reading = answer.reading
        return self._go_on((), now_ns, answer)

    def timer(self, now_ns: int) -> Step:
        """Show what is due, and close what silent feeds leave open."""
        closed = [each for source in self._sources.values() if (each := source.close_idle(now_ns)) is not None]
        durable = Effects(Candles.concat(closed)) if closed else None
        return Step(durable=durable, live=self._show(closed, now_ns))

    def now(self, numbers: npt.NDArray[np.uint32]) -> Candles:
        """Give the candles of these instruments that are open, or that late trades may still change."""
        return Candles.concat([Candles.of(0), *(source.fold.now(numbers) for source in self._sources.values())])

    def settled(self) -> list[tuple[npt.NDArray[np.uint32], int]]:
        """Give each feed's instruments, and the time before which their candles do not change any more."""
        folds = [source.fold for source in self._sources.values()]
        return [(fold.numbers(np.arange(len(fold))), fold.settled_ns) for fold in folds]

    @property
    def watermarks_ns(self) -> dict[str, int]:
        """How far each feed's time is."""
        return {feed: source.fold.watermark_ns for feed, source in self._sources.items()}

    def _read(self, feed: str, messages: Sequence[Delivery], rejects: list[Reject]) -> list[_Part]:
        """Read a run of one feed's messages at once, and one by one where that fails."""
        try:
            return [_part(feed, messages)]
        except RowError:
            if len(messages) > 1:
                return [part for message in messages for part in self._read(feed, [message], rejects)]
        rejects.append(Reject(UNREADABLE, messages[0].sequence, messages[0].payload))
        self.counts.reject(UNREADABLE, 1)
        return []

    def _go_on(self, rejects: tuple[Reject, ...], now_ns: int, answer: RefoldAnswer | None = None) -> Step:
        closed: list[Candles] = []
        shown: list[Candles] = []
        question: Question | None = None
        while self._parts:
            part = self._parts[0]
            source = self._sources.get(part.feed)
            if source is None:
                at = first_possible(part.events, self._rules.fold)
                if at is not None:
                    minute = int(part.events["ts_event"][at]) // MINUTE_NS
                    question = Newcomer(part.feed, int(part.tape_sequences[at]), minute)
                    break
                # Rows with impossible times alone say nothing of the feed: they are rejected, and it is a newcomer yet.
                source = self._source(CandleFold(self._rules.fold, self._venues), now_ns)
            if answer is None and (unknown := self._enlist(source.fold, part.events)):
                question = Strangers(unknown)
                break
            if answer is None:
                output = source.apply(part.events, part.tape_sequences, now_ns)
            else:
                output, answer = source.resolve(answer), None
            self.counts.add(output.counts, len(output.closed))
            if len(output.closed):
                closed.append(output.closed)
            shown += [output.closed, output.still_open]
            if output.refold is not None:
                is_known = self._reading is not None and self._reading.serves(output.refold)
                question = PastMinute(part.feed, output.refold, self._reading if is_known else None)
                break
            self._parts, self._reading = self._parts[1:], None
            self.counts.rows += len(part.events)
            rejects += rejects_of(output)
        durable = Effects(Candles.concat([Candles.of(0), *closed]), rejects) if closed or rejects else None
        return Step(durable=durable, live=self._show([each for each in shown if len(each)], now_ns), question=question)

    def _enlist(self, fold: CandleFold, events: Rows) -> frozenset[int]:
        """Enlist new instruments of a batch; give those that nobody knows and nobody was asked for."""
        unknown = fold.unknown(events)
        if not len(unknown):
            return frozenset()
        venues = [self._venue_of(number) for number in unknown.tolist()]
        strangers = frozenset(number for number, venue in zip(unknown.tolist(), venues, strict=True) if venue is None)
        if strangers - self._strangers:
            return strangers - self._strangers
        known = [place for place, venue in enumerate(venues) if venue is not None]
        fold.enlist(unknown[known], [venue for venue in venues if venue is not None])
        return frozenset()

    def _source(self, fold: CandleFold, now_ns: int) -> Source:
        return Source(fold, self._rules.idle_ns, now_ns)

    def _show(self, closed: Sequence[Candles], now_ns: int) -> Showing | None:
        due: list[tuple[Source, Places]] = []
        if now_ns - self._shown_at_ns >= self._window_ns:
            due = [(source, source.take_changed()) for source in self._sources.values() if source.pending]
            self._shown_at_ns = now_ns if due else self._shown_at_ns
        self._plan(now_ns)
        return Showing(tuple(closed), tuple(due)) if closed or due else None

    @property
    def _window_ns(self) -> int:
        """How often open candles are shown: while there is much to catch up with, less often."""
        return self._pace.window_ns if self.pending < _BEHIND else max(self._pace.window_ns, _BEHIND_NS)

    def _plan(self, now_ns: int) -> None:
        if any(source.pending for source in self._sources.values()):
            self.wakes_at_ns = max(now_ns, self._shown_at_ns + self._window_ns)
        else:
            self.wakes_at_ns = min((source.idle_at_ns for source in self._sources.values()), default=None)


def _part(feed: str, messages: Sequence[Delivery]) -> _Part:
    counts = [len(message.payload) // rows.EVENT_BYTES for message in messages]
    if any(len(message.payload) % rows.EVENT_BYTES for message in messages):
        raise RowError("a message is not whole rows")
    payload = messages[0].payload if len(messages) == 1 else b"".join(message.payload for message in messages)
    sequences = np.repeat(np.array([message.sequence for message in messages], np.int64), counts)
    return _Part(feed, rows.read_events(payload), sequences)
