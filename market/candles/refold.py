"""A minute again from its rows: what corrections need.

A trade cannot be taken out of a bar: open, high, low and close do not say what they were without it. So the minute of
that instrument is folded again from the tape, without the trades that were withdrawn up to there. A trade that replaces
a withdrawn one takes its time, and its turn among trades of the same instant.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from market import rows
from market.candles.attribution import Attribution, rising
from market.candles.bars import Bars
from market.candles.candles import Candles
from market.candles.checks import FoldRules
from market.candles.children import Parts
from market.candles.minute_index import Begin
from market.candles.minutes import MinutePlanes, Trades
from market.candles.order import Sequences
from market.candles.places import PlaceTable
from market.candles.sessions import MINUTE_NS
from market.candles.sieve import sift
from market.candles.withdrawals import Withdrawals, are_corrections
from market.codes import Kind
from market.row_type import Rows, take

I8 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Refold:
    """The question what a minute of an instrument is made of; `sequence` is that of the row that amends it.

    It takes the tape's rows from the message `begin` to the message `last`, those of `numbers`: this instrument, and
    others that will be asked for soon. Where the minute has settled it takes stored candles of this instrument too.
    """

    number: int
    sequence: int
    minute: int
    begin: Begin
    last: int
    numbers: frozenset[int]
    parts: Parts | None


@dataclass(frozen=True, slots=True)
class RefoldAnswer:
    """What was asked for; `reading` is None where the tape no longer holds it. Candles of other times do no harm."""

    reading: "Reading | None"
    minutes: Candles
    days: Candles


class Refolded(NamedTuple):
    """A minute's bar after an amendment, of shape [1]; `is_amended` where the amendment found its trade."""

    bar: Bars
    is_amended: bool


class Reading:
    """The rows of a few instruments on a stretch of the tape, each with the newest time before it."""

    def __init__(self, rules: FoldRules, table: PlaceTable, attribution: Attribution, refold: Refold) -> None:
        self._rules, self._table, self._attribution = rules, table, attribution
        self._begin, self._last = refold.begin, refold.last
        self._wanted = np.array(sorted(refold.numbers), np.uint32)
        self._sequences = Sequences(len(table))
        self._high_ns = refold.begin.high_ns
        self._events: list[Rows] = []
        self._before: list[I8] = []
        self._sorted: tuple[Rows, I8] | None = None

    def serves(self, refold: Refold) -> bool:
        """Tell whether the stretch and the instruments are enough for a question."""
        is_within = self._begin.sequence <= refold.begin.sequence and refold.last <= self._last
        return is_within and refold.number in self._wanted

    def read(self, events: Rows) -> None:
        """Take in all rows of the feed, in tape order."""
        if not len(events):
            return
        chunk = sift(events, self._table, self._sequences, self._rules).chunk
        if not len(chunk):
            return
        high, before = rising(chunk.ts, self._high_ns)
        self._high_ns = int(high[-1])
        is_kept = np.isin(chunk.events["instrument"], self._wanted)
        is_kept &= (chunk.kind == Kind.TRADE) | (chunk.kind == Kind.CORRECTION)
        self._sorted = None
        self._events.append(take(chunk.events, is_kept))
        self._before.append(before[is_kept])

    def refolded(self, refold: Refold) -> Refolded:
        """Fold a minute again, up to the row that amends it."""
        events, before = self._up_to(refold)
        is_correction = are_corrections(events)
        named = events.view(rows.CORRECTION.dtype)["ts_trade"]
        times = np.where(is_correction, named, events["ts_event"]).astype(np.int64)
        trades = self._trades(refold.number, events, times)
        near = np.flatnonzero((times // MINUTE_NS - refold.minute) >> 1 == 0)  # that minute, and the one after it
        arrival = self._attribution.arrival(trades.take(near), before[near])
        is_own, late = np.zeros(len(events), bool), np.zeros(len(events), bool)
        is_own[near] = arrival.minute == refold.minute
        if arrival.too_late is not None:
            is_own[near] &= is_correction[near] | ~arrival.too_late
        late[near] = False if arrival.late is None else arrival.late
        found = Withdrawals(events, times, is_own)
        bar = self._bar(trades, found, refold.minute)
        bar.revision[0] = found.corrections + int(sum(late[turn.first] for turn in found.turns))
        return Refolded(bar, found.is_amended)

    def _up_to(self, refold: Refold) -> tuple[Rows, I8]:
        """Give the rows of one instrument up to that with a sequence; they are sorted once, for all instruments."""
        if self._sorted is None:
            events, before = rows.join(self._events), np.concatenate([np.zeros(0, np.int64), *self._before])
            order = np.lexsort((events["sequence"], events["instrument"]))
            self._sorted = take(events, order), before[order]
        events, before = self._sorted
        numbers = events["instrument"].astype(np.uint32)
        own = slice(*(int(np.searchsorted(numbers, refold.number, side)) for side in ("left", "right")))
        until = own.start + int(np.searchsorted(events["sequence"][own], refold.sequence, "right"))
        return events[own.start : until], before[own.start : until]

    def _trades(self, number: int, events: Rows, times: I8) -> Trades:
        """Read trades; of corrections, what they say of the trades that they withdraw."""
        as_trades = events.view(rows.TRADE.dtype)
        place = self._table.places(np.full(len(events), number, np.uint32))
        price, size = (as_trades[name].astype(np.float64) for name in ("price", "size"))
        return Trades(place, times, price, size, as_trades["conditions"].astype(np.uint8))

    def _bar(self, trades: Trades, found: Withdrawals, minute: int) -> Bars:
        planes, standing = MinutePlanes(1), found.standing
        planes.minute[minute & 3] = minute
        if standing:
            trades = trades.take(np.array([turn.row for turn in standing], np.intp))
            minutes, ts = np.full(len(trades), minute), np.array([turn.ts for turn in standing], np.int64)
            forming = self._attribution.forming(minutes, trades)
            alone = Trades(np.zeros(len(trades), np.intp), ts, trades.price, trades.size, trades.conditions)
            planes.add(minutes, alone, forming, None)
        return planes.of(minute)
