"""The fold: a tape's rows into candles of every timeframe, the same ones however the rows are batched.

Time is the tape's alone. The newest time on it, less a bound, is the watermark: a window closes when the watermark
reaches its end, and a trade that comes after its minute has closed amends it, until it is too late. A batch is cut
where the newest time enters another minute: there amendments are given out, windows close and minutes settle.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from market.candles.beginning import Children, numbers_of, seed
from market.candles.candles import Candles
from market.candles.checks import FoldRules, judge
from market.candles.chunk import Chunk
from market.candles.codec import CodecError
from market.candles.frozen import Frozen, freeze, thaw
from market.candles.ladder import Ladder
from market.candles.minutes import PLANES, MinutePlanes, Trades
from market.candles.output import Output, Recorder
from market.candles.places import PlaceTable
from market.candles.sessions import MINUTE_NS, Segments, continuous
from market.candles.timeframe import Session, Timeframe
from market.candles.view import View
from market.codes import NO_INSTRUMENT, NOT_PRICE_FORMING, Condition
from market.row_type import Rows

CHUNK_ROWS = 24_576  # what a chunk makes on the way stays in the processor's cache

Bools = npt.NDArray[np.bool_]
I8 = npt.NDArray[np.int64]
U4 = npt.NDArray[np.uint32]
Places = npt.NDArray[np.intp]


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
        self._high_ns = 0
        self._closed_ns = 0  # windows that end until here have been given out
        self._amended: list[tuple[int, Places]] = []  # of this step: minutes, and places of late trades

    def __len__(self) -> int:
        return len(self._table)

    @property
    def high_ns(self) -> int:
        """The newest time on the tape; 0 before any."""
        return self._high_ns

    @property
    def watermark_ns(self) -> int:
        """The time at and before which windows that end are closed."""
        return max(self._high_ns - self._rules.bound_ns, 0)

    @property
    def settled_ns(self) -> int:
        """The time before which nothing changes any more: trades of then are too late."""
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
        """Fold event rows in, in tape order; `tape_sequence` is, for each row, that of its message on the tape."""
        recorder = Recorder(events, tape_sequence, self._ladder.planes.room)
        for start in range(0, len(events), CHUNK_ROWS):
            self._apply_chunk(events[start : start + CHUNK_ROWS], start, recorder)
        self._give_out(self.watermark_ns, recorder)
        return recorder.output()

    def closed_by(self, high_ns: int, after_ns: int = 0) -> Candles:
        """Give the candles that would close if `high_ns` were the newest time on the tape; nothing changes.

        Those that closed on the tape are left out, and those that `after_ns`, an earlier `high_ns`, gave.
        """
        begin_ns = max(self._closed_ns, after_ns - self._rules.bound_ns)
        return self._view.closings(begin_ns, high_ns - self._rules.bound_ns)

    def live(self, places: Places, timeframes: Iterable[Timeframe] = Timeframe) -> Candles:
        """Give the candles that hold the newest minute of each place, where that minute has not settled yet."""
        planes, wanted = self._ladder.planes, list(timeframes)
        found: list[Candles] = []
        for minute in reversed(planes.filled):
            is_newest = planes.of(minute).trades[places] > 0
            found += self._view.containing(minute, places[is_newest], wanted, self.watermark_ns, is_open=True)
            places = places[~is_newest]
            if not len(places):
                break
        return Candles.concat(found)

    def now(self, numbers: U4) -> Candles:
        """Give every candle of the instruments that is open, or to which late trades may still come."""
        places = self._table.places(numbers)
        places = np.unique(places[places >= 0])
        return Candles.concat(list(self._view.held(places, self.settled_ns, self.watermark_ns)))

    def freeze(self) -> Frozen:
        """Copy the whole state; `encode` writes it, where the fold need not wait."""
        return freeze(self._table, self._ladder, {"high_ns": self._high_ns, "closed_ns": self._closed_ns})

    @classmethod
    def restore(cls, rules: FoldRules, venues: Mapping[str, Segments], data: bytes) -> "CandleFold":
        """Make the fold whose state was frozen and encoded; raises CodecError for other bytes."""
        frozen, fold = Frozen.decode(data), cls(rules, venues)
        try:
            fold._table.meet(frozen.facts["venues"])
            fold.enlist(*frozen.enlisted)
            thaw(frozen, fold._table, fold._ladder)
            fold._high_ns, fold._closed_ns = frozen.facts["high_ns"], frozen.facts["closed_ns"]
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise CodecError(f"the state is not whole: {error}") from error
        return fold

    def _apply_chunk(self, events: Rows, start: int, recorder: Recorder) -> None:
        chunk = Chunk.of(events, self._table.places(events["instrument"]))
        codes = judge(chunk, self._rules)
        order = self._table.sequences.by_place(chunk.place) if codes is None else None
        good = self._in_order(chunk, order, start, recorder)
        positions = None
        if codes is not None:
            recorder.reject(codes if good is None else np.where(good, codes, 0), start)
            good = codes == 0 if good is None else good & (codes == 0)
        if good is not None:
            kept = np.flatnonzero(good)
            chunk, positions, order = chunk.take(kept), kept + start, None
        if len(chunk):
            positions = np.arange(start, start + len(chunk)) if positions is None else positions
            self._fold(chunk, positions, order, recorder)

    def _in_order(self, chunk: Chunk, order: Places | None, start: int, recorder: Recorder) -> Bools | None:
        """Follow the sequences of every known instrument's rows; tell which rows are no repetitions, None if all."""
        place, sequence, known = chunk.place, chunk.sequence, None
        if place.min() < 0:
            known = np.flatnonzero(place >= 0)
            place, sequence = place[known], sequence[known]
        disorder = self._table.sequences.follow(place, sequence, order)
        if disorder is None:
            return None
        if known is not None:
            disorder = disorder.at(known)
        recorder.disorder(disorder, start)
        good = np.ones(len(chunk), bool)
        good[disorder.repeated] = False
        return good

    def _fold(self, chunk: Chunk, positions: Places, order: Places | None, recorder: Recorder) -> None:
        """Fold a chunk of good rows in; `order` is that by place, where it is known."""
        at, ts = chunk.trades, chunk.ts
        trades = Trades(chunk.place[at], ts[at], chunk.price, chunk.size, chunk.conditions)
        ts_recv, positions = chunk.ts_recv[at], positions[at]
        is_in_order = bool(ts[0] >= self._high_ns and (ts[1:] >= ts[:-1]).all())
        high = ts if is_in_order else np.maximum(np.maximum.accumulate(ts), self._high_ns)
        before = np.zeros(0, np.int64)
        if not is_in_order or not self._rules.bound_ns or high[-1] // MINUTE_NS > self._high_ns // MINUTE_NS:
            before = np.append(np.int64(self._high_ns), high[:-1])
        cuts, rises = [0, len(trades)], np.zeros(0, np.intp)
        if high[-1] // MINUTE_NS > self._high_ns // MINUTE_NS:
            rises = np.flatnonzero(high // MINUTE_NS != before // MINUTE_NS)
            cuts[1:1] = rises.tolist() if isinstance(at, slice) else np.searchsorted(at, rises).tolist()
        watermark = before[at] - self._rules.bound_ns if len(before) else None
        if watermark is None and order is not None and isinstance(at, slice):
            # Columns of places are read and written faster forwards than to and fro; of each place all stays in order.
            trades, ts_recv = trades.ordered(order), ts_recv.take(order, mode="clip")
        for number, (begin, end) in enumerate(pairwise(cuts)):
            if number:
                self._enter(int(high[rises[number - 1]]), recorder)
            if begin < end:
                part = slice(begin, end)
                self._fold_trades(
                    trades.take(part),
                    None if watermark is None else watermark[part],
                    ts_recv[part],
                    positions[part],
                    recorder,
                    is_in_order=is_in_order,
                )
        self._high_ns = int(high[-1])

    def _fold_trades(
        self,
        trades: Trades,
        watermark: I8 | None,
        ts_recv: I8,
        positions: Places,
        recorder: Recorder,
        *,
        is_in_order: bool,
    ) -> None:
        """Fold trades in; `watermark` is that before each of them, None where all are after it."""
        minute = trades.ts // MINUTE_NS
        self._move_closing_prints(minute, trades)
        if self._high_ns // MINUTE_NS - PLANES < self._ladder.first_minute:
            own = minute >= self._ladder.first_minute
            trades, minute, ts_recv = trades.take(own), minute[own], ts_recv[own]
            positions, watermark = positions[own], None if watermark is None else watermark[own]
        late = None
        if watermark is not None and (trades.ts <= watermark).any():
            is_folded = trades.ts >= watermark - self._rules.lateness_ns
            if not is_folded.all():
                recorder.drop_late(positions[~is_folded])
                trades, minute = trades.take(is_folded), minute[is_folded]
                watermark, ts_recv = watermark[is_folded], ts_recv[is_folded]
            late = (minute + 1) * MINUTE_NS <= watermark
            late_minutes = np.unique(minute[late]).tolist()
            self._amended += [(each, trades.place[late & (minute == each)]) for each in late_minutes]
        if not len(trades):
            return
        self._ladder.planes.add(minute, trades, self._forming(minute, trades), late, is_in_order=is_in_order)
        self._table.ts_event[trades.place], self._table.ts_recv[trades.place] = trades.ts, ts_recv
        recorder.fold(trades.place, 0 if late is None else int(late.sum()))

    def _move_closing_prints(self, minute: I8, trades: Trades) -> None:
        """Put trades stamped at the very end of a regular session into its last minute."""
        at = np.flatnonzero(minute * MINUTE_NS == trades.ts)
        for venue, each, own in self._by_window(at, minute, trades):
            if self._ladder.venues[venue].is_closing(each):
                minute[own] -= 1

    def _forming(self, minute: I8, trades: Trades) -> Bools | None:
        """Tell which trades form prices; None for all of them."""
        odd = np.flatnonzero(trades.conditions & np.uint8(NOT_PRICE_FORMING))
        if not len(odd):
            return None
        forming = np.ones(len(trades), bool)
        for venue, each, own in self._by_window(odd, minute, trades):
            session = self._ladder.windows(venue, each)[0].session
            excluded = NOT_PRICE_FORMING if session is Session.REGULAR else Condition.ODD_LOT
            forming[own] = trades.conditions[own] & np.uint8(excluded) == 0
        return forming

    def _by_window(self, at: Places, minute: I8, trades: Trades) -> Iterator[tuple[int, int, Places]]:
        """Part the trades at positions `at` by venue and minute, of which there are few."""
        venues, minutes = self._table.venue[trades.place[at]], minute[at]
        for venue, each in set(zip(venues.tolist(), minutes.tolist(), strict=True)):
            yield venue, each, at[(venues == venue) & (minutes == each)]

    def _enter(self, high_ns: int, recorder: Recorder) -> None:
        """Let the newest time enter another minute: give out what closed, and settle minutes that are past."""
        watermark_ns = high_ns - self._rules.bound_ns
        self._give_out(watermark_ns, recorder)
        for minute in self._ladder.planes.filled:
            # A trade at the very end of a session is of the minute before, and not yet too late at that instant.
            if (minute + 1) * MINUTE_NS < watermark_ns - self._rules.lateness_ns:
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
