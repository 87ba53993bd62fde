"""The fold: a tape's rows into candles of every timeframe, the same ones however the rows are batched.

Time is the tape's alone. The newest time on it, less a bound, is the watermark: a window closes when the watermark
reaches its end, and a trade that comes after its minute has closed amends it, until it is too late. A batch is cut
where the newest time enters another minute: there amendments are given out, windows close and minutes settle.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from market.candles.amendments import Amendments
from market.candles.attribution import Attribution, rising
from market.candles.beginning import Children, numbers_of, seed
from market.candles.candles import Candles
from market.candles.checks import FoldRules
from market.candles.chunk import Chunk
from market.candles.codec import CodecError
from market.candles.frozen import Frozen, freeze, thaw
from market.candles.ladder import Ladder
from market.candles.minute_index import Begin
from market.candles.minutes import PLANES, MinutePlanes, Trades
from market.candles.output import Output, Recorder
from market.candles.places import PlaceTable
from market.candles.refold import Reading, Refold, RefoldAnswer
from market.candles.sessions import MINUTE_NS, Segments, continuous
from market.candles.sieve import Sifted, sift
from market.candles.timeframe import Timeframe
from market.candles.view import View
from market.codes import NO_INSTRUMENT
from market.row_type import Rows, take

_TIMES = ("high_ns", "closed_ns", "swept_ns")
CHUNK_ROWS = 24_576  # what a chunk makes on the way stays in the processor's cache

I8 = npt.NDArray[np.int64]
U4 = npt.NDArray[np.uint32]
Places = npt.NDArray[np.intp]
Work = Generator[Refold, RefoldAnswer, None]  # asks, and is told


class CandleFold:
    """One feed's share of one partition: no clock, no I/O, one owner.

    `venues` gives the time of each venue by name; one that is not there never closes. Instruments are enlisted before
    rows of them come; rows of others are bad.
    """

    def __init__(self, rules: FoldRules, venues: Mapping[str, Segments]) -> None:
        self._rules = rules
        self._segments = venues
        self._table = PlaceTable()
        self._ladder = Ladder(MinutePlanes())
        self._view = View(self._table, self._ladder)
        self._attribution = Attribution(rules, self._table, self._ladder)
        self._amendments = Amendments(self._table, self._ladder, self._attribution)
        self._high_ns = 0
        self._swept_ns = 0  # minutes that end before it have settled; it moves from minute to minute
        self._closed_ns = 0  # windows that end until here have been given out
        self._amended: list[tuple[int, Places]] = []  # of this step: minutes, and places of late trades

    def __len__(self) -> int:
        return len(self._table)

    @property
    def high_ns(self) -> int:
        """The newest time on the tape; 0 before any."""
        return self._high_ns

    @property
    def first_minute(self) -> int:
        """The minute that it began with; trades of earlier ones are left out."""
        return self._ladder.first_minute

    @property
    def watermark_ns(self) -> int:
        """The time at and before which windows that end are closed."""
        return max(self._high_ns - self._rules.bound_ns, 0)

    @property
    def settled_ns(self) -> int:
        """The time before which only corrections change anything: trades of then are too late."""
        return max(self.watermark_ns - self._rules.lateness_ns, 0)

    def unknown(self, events: Rows) -> U4:
        """Give the instrument numbers of a batch that are not enlisted, each once."""
        numbers = events["instrument"]
        missing = numbers[(self._table.places(numbers) < 0) & (numbers != NO_INSTRUMENT)]
        return np.unique(missing).astype(np.uint32)

    def enlist(self, numbers: U4, venues: Sequence[str]) -> None:
        """Give each number a place and each place its venue, in order; numbers that have one keep both."""
        self._table.add(numbers, venues)
        for name in self._table.venues[len(self._ladder.venues) :]:
            self._ladder.add_venue(self._segments[name] if name in self._segments else continuous())
        self._ladder.reserve(len(self._table))
        self._table.reserve(self._ladder.planes.room)

    def places(self, numbers: U4) -> Places:
        """Give the places of numbers; -1 for those that have none."""
        return self._table.places(numbers)

    def numbers(self, places: Places) -> U4:
        """Give the numbers of places."""
        return self._table.numbers[places]

    def begin(self, first_minute: int, children: Mapping[str, Sequence[Children]], *, is_known: bool) -> None:
        """Begin with a minute, before any row: windows begun earlier are made of what the tables have, by venue.

        Trades of earlier minutes are left out. Unless `is_known`, windows begun earlier without children are hidden.
        """
        self._ladder.first_minute = first_minute
        self._table.meet(children)
        for venue, parts in children.items():
            numbers = numbers_of(parts)
            self.enlist(numbers, [venue] * len(numbers))
            for part in parts:
                seed(self._table, self._ladder, venue, part, is_known=is_known)

    def apply(self, events: Rows, tape_sequence: I8) -> Output:
        """Fold event rows in, in tape order; `tape_sequence` is, for each row, that of its message on the tape.

        Where a row withdraws or replaces a trade the output asks a question; then nothing but `reading` and `resolve`
        may follow until an output asks none.
        """
        self._recorder = Recorder(events, tape_sequence, self._ladder.planes.room)
        self._work = self._apply(events, self._recorder)
        return self._go_on(None)

    def reading(self, refold: Refold) -> Reading:
        """Make what has to be given the rows of the tape that a question needs."""
        return Reading(self._rules, self._table, self._attribution, refold)

    def resolve(self, answer: RefoldAnswer) -> Output:
        """Go on with a batch after its question was answered."""
        return self._go_on(answer)

    def closed_by(self, high_ns: int, after_ns: int = 0) -> Candles:
        """Give the candles that would close if `high_ns` were the newest time on the tape; nothing changes.

        Those that closed on the tape are left out, and those that `after_ns`, an earlier `high_ns`, gave.
        """
        begin_ns = max(self._closed_ns, after_ns - self._rules.bound_ns)
        return self._view.closings(begin_ns, high_ns - self._rules.bound_ns)

    def live(self, places: Places, timeframes: Iterable[Timeframe] = Timeframe) -> Candles:
        """Give the candles that hold the newest minute of each place, where that minute has not settled yet."""
        return Candles.concat(list(self._view.newest(places, list(timeframes), self.watermark_ns)))

    def now(self, numbers: U4) -> Candles:
        """Give every candle of the instruments that is open, or to which late trades may still come."""
        places = self._table.places(numbers)
        places = np.unique(places[places >= 0])
        return Candles.concat(list(self._view.held(places, self.settled_ns, self.watermark_ns)))

    def freeze(self) -> Frozen:
        """Copy the whole state; `encode` writes it, where the fold need not wait."""
        facts = {name: getattr(self, f"_{name}") for name in _TIMES}
        facts["replacing"] = list(self._amendments.replacing.items())
        return freeze(self._table, self._ladder, facts, {"index": self._amendments.index.column()})

    @classmethod
    def restore(cls, rules: FoldRules, venues: Mapping[str, Segments], data: bytes) -> "CandleFold":
        """Make the fold whose state was frozen and encoded; raises CodecError for other bytes."""
        frozen, fold = Frozen.decode(data), cls(rules, venues)
        try:
            fold._table.meet(frozen.facts["venues"])
            fold.enlist(*frozen.enlisted)
            thaw(frozen, fold._table, fold._ladder)
            for name in _TIMES:
                setattr(fold, f"_{name}", frozen.facts[name])
            fold._amendments.replacing = dict(frozen.facts["replacing"])
            fold._amendments.index.fill(frozen.columns["index"])
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise CodecError(f"the state is not whole: {error}") from error
        return fold

    def _go_on(self, answer: RefoldAnswer | None) -> Output:
        try:
            return self._recorder.asking(self._work.send(answer) if answer else next(self._work))
        except StopIteration:
            return self._recorder.output()

    def _apply(self, events: Rows, recorder: Recorder) -> Work:
        for start in range(0, len(events), CHUNK_ROWS):
            sifted = sift(events[start : start + CHUNK_ROWS], self._table, self._table.sequences, self._rules)
            if sifted.disorder is not None:
                recorder.disorder(sifted.disorder, start)
            if sifted.codes is not None:
                recorder.reject(sifted.codes, start)
            yield from self._fold_chunk(sifted, start, recorder)
        self._give_out(self.watermark_ns, recorder)

    def _fold_chunk(self, sifted: Sifted, start: int, recorder: Recorder) -> Work:
        chunk, positions, begin = sifted.chunk, sifted.positions + start, 0
        if len(sifted.stops):
            last = recorder.sequence_of(positions[-1])
            reach = self._amendments.reach(take(chunk.events, sifted.stops), last)
            for stop in sifted.stops.tolist():
                self._fold(chunk.take(np.arange(begin, stop)), positions[begin:stop], recorder)
                self._pass(int(chunk.ts[stop]), int(positions[stop]), recorder)
                row, place = take(chunk.events, np.array([stop])), int(chunk.place[stop])
                made = yield from self._amendments.amend(row, place, reach, self._swept_ns)
                if isinstance(made, str):
                    recorder.refuse(made, int(positions[stop]))
                else:
                    recorder.amend(place, self._view.amended(place, made, self._closed_ns))
                begin = stop + 1
            chunk, positions = chunk.take(np.arange(begin, len(chunk))), positions[begin:]
        self._fold(chunk, positions, recorder)

    def _fold(self, chunk: Chunk, positions: Places, recorder: Recorder) -> None:
        """Fold a chunk of good rows in."""
        if not len(chunk):
            return
        at, ts = chunk.trades, chunk.ts
        trades, ts_recv = Trades(chunk.place[at], ts[at], chunk.price, chunk.size, chunk.conditions), chunk.ts_recv[at]
        is_in_order = bool(ts[0] >= self._high_ns and (ts[1:] >= ts[:-1]).all())
        high, before = ts, None
        if not is_in_order or not self._rules.bound_ns or high[-1] // MINUTE_NS > self._high_ns // MINUTE_NS:
            high, before = rising(ts, self._high_ns)
        cuts, rises = [0, len(trades)], np.zeros(0, np.intp)
        if before is not None and high[-1] // MINUTE_NS > self._high_ns // MINUTE_NS:
            rises = np.flatnonzero(high // MINUTE_NS != before // MINUTE_NS)
            cuts[1:1] = rises.tolist() if isinstance(at, slice) else np.searchsorted(at, rises).tolist()
        for number, (begin, end) in enumerate(pairwise(cuts)):
            if before is not None and number:
                rise = rises[number - 1]
                self._enter(int(high[rise]), Begin(recorder.sequence_of(positions[rise]), int(before[rise])), recorder)
            if begin < end:
                part = slice(begin, end)
                high_before = None if before is None else before[at][part]
                self._fold_trades(trades.take(part), high_before, ts_recv[part], positions[at][part], recorder)
        self._high_ns = int(high[-1])

    def _fold_trades(
        self,
        trades: Trades,
        high_before: I8 | None,
        ts_recv: I8,
        positions: Places,
        recorder: Recorder,
    ) -> None:
        """Fold trades in; `high_before` is the newest time before each of them, None where all are after it."""
        if self._high_ns // MINUTE_NS - PLANES < self._ladder.first_minute:
            own = self._attribution.minutes(trades) >= self._ladder.first_minute
            trades, ts_recv, positions = trades.take(own), ts_recv[own], positions[own]
            high_before = None if high_before is None else high_before[own]
        minute, too_late, late = self._attribution.arrival(trades, high_before)
        if too_late is not None:
            recorder.drop_late(positions[too_late])
            kept = ~too_late
            trades, minute, ts_recv = trades.take(kept), minute[kept], ts_recv[kept]
            late = None if late is None else late[kept]
        if not len(trades):
            return
        if late is not None:
            late_minutes = np.unique(minute[late]).tolist()
            self._amended += [(each, trades.place[late & (minute == each)]) for each in late_minutes]
        forming = self._attribution.forming(minute, trades)
        self._ladder.planes.add(minute, trades, forming, late)
        self._table.ts_event[trades.place], self._table.ts_recv[trades.place] = trades.ts, ts_recv
        recorder.fold(trades.place, 0 if late is None else int(late.sum()))

    def _pass(self, ts: int, position: int, recorder: Recorder) -> None:
        """Let the time of a row pass that is not folded by itself."""
        if ts // MINUTE_NS > self._high_ns // MINUTE_NS:
            self._enter(ts, Begin(recorder.sequence_of(position), self._high_ns), recorder)
        self._high_ns = max(self._high_ns, ts)

    def _enter(self, high_ns: int, begin: Begin, recorder: Recorder) -> None:
        """Let the newest time enter another minute: give out what closed, and settle minutes that are past."""
        watermark_ns = high_ns - self._rules.bound_ns
        self._give_out(watermark_ns, recorder)
        self._amendments.index.enter(high_ns // MINUTE_NS, begin)
        self._swept_ns = watermark_ns - self._rules.lateness_ns
        for minute in self._ladder.planes.filled:
            # A trade at the very end of a session is of the minute before, and not yet too late at that instant.
            if (minute + 1) * MINUTE_NS < self._swept_ns:
                self._ladder.settle(minute, self._table.of_venue)

    def _give_out(self, watermark_ns: int, recorder: Recorder) -> None:
        """Give out candles that were amended since they closed, then those that close now."""
        for minute in {minute for minute, _ in self._amended}:
            places = np.unique(np.concatenate([places for each, places in self._amended if each == minute]))
            for candles in self._view.containing(minute, places, Timeframe, self._closed_ns, is_open=False):
                recorder.give_out(candles)
        self._amended.clear()
        recorder.give_out(self._view.closings(self._closed_ns, watermark_ns))
        self._closed_ns = max(self._closed_ns, watermark_ns)
