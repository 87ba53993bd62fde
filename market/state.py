"""The live state of every instrument, folded from events, a batch at a time.

The table *is* rows of type STATE: what is kept is what travels on `quote.<exch>.<symbol>`, so publishing is a gather of
bytes and a snapshot is a copy. Instrument numbers index it.
"""

import numpy as np
import numpy.typing as npt

from market import rows
from market.codes import NOT_PRICE_FORMING, Kind, QuoteFlag, TradingState
from market.grouping import group
from market.row_type import Rows, take
from market.trading_day import TradingDays

EPOCH_SHIFT = 32
MAX_EPOCH = (1 << 21) - 1  # epoch and count together stay below 2**53, so that JavaScript numbers hold a sequence

_UNKNOWN = ("bid", "ask", "last", "open", "high", "low", "prev_close")
_UNAVAILABLE = (TradingState.HALTED, TradingState.PAUSED, TradingState.ORDER_ACCEPTANCE)
_TRADABLE = (TradingState.TRADING,)


class MarketState:
    """The state table of one feed, its one owner.

    A sequence is `epoch << 32 | count`: each start of a feed takes a higher epoch, so sequences never go backwards,
    and counts one up per event of an instrument, so a gap within an epoch can be seen.
    """

    def __init__(self, epoch: int, days: TradingDays) -> None:
        if not 1 <= epoch <= MAX_EPOCH:
            raise ValueError(f"epoch is {epoch}; it must be from 1 to {MAX_EPOCH}")
        self._days = days
        self._first_sequence = epoch << EPOCH_SHIFT
        self._table = _blank_states(0)
        self._day = np.zeros(0, np.int32)

    def __len__(self) -> int:
        return len(self._table)

    def reserve(self, instruments: int) -> None:
        """Make room for instrument numbers below `instruments`."""
        missing = instruments - len(self._table)
        if missing > 0:
            grown = _blank_states(missing)
            grown["instrument"] = np.arange(len(self._table), instruments)
            grown["sequence"] = self._first_sequence
            self._table = np.frombuffer(bytearray(self._table.tobytes() + grown.tobytes()), rows.STATE.dtype)
            self._day = np.append(self._day, np.zeros(missing, np.int32))

    def restore(self, states: Rows) -> None:
        """Take over an earlier epoch's states; sequences start in this epoch all the same."""
        if not len(states):
            return
        self.reserve(int(states["instrument"].max()) + 1)
        at = states["instrument"].astype(np.intp)
        self._table.view(f"V{rows.STATE.width_bytes}")[at] = states.view(f"V{rows.STATE.width_bytes}")
        self._table["sequence"][at] = self._first_sequence
        self._day[at] = self._days.of(states["ts_event"].astype(np.int64))

    def snapshot(self, instruments: npt.NDArray[np.intp] | None = None) -> Rows:
        """Copy the states of `instruments` (all by default) as STATE rows."""
        return self._table.copy() if instruments is None else take(self._table, instruments)

    @property
    def sequences(self) -> npt.NDArray[np.uint64]:
        """View every instrument's last sequence number."""
        return self._table["sequence"]

    def known(self) -> npt.NDArray[np.intp]:
        """List the instruments that ever had an event."""
        return np.flatnonzero(self._table["ts_event"])

    def apply(self, events: Rows) -> npt.NDArray[np.intp]:
        """Fold a batch of events in, number each event in place, return the instruments that changed.

        `events` are rows of `EVENT_DTYPE`, writable, in order; every instrument number is below `len(self)`, except
        those of status rows about a whole venue, which keep sequence 0.
        """
        known = events["instrument"] < len(self._table)
        if not known.all():
            numbered = take(events, known)
            changed = self.apply(numbered)
            events["sequence"][known] = numbered["sequence"]
            return changed
        groups = group(events["instrument"])
        changed = groups.keys.astype(np.intp)
        first = self._table["sequence"][changed].astype(np.int64) + 1
        sequences = np.empty(len(events), np.int64)
        sequences[groups.order] = np.repeat(first - groups.starts, groups.sizes) + np.arange(len(events))
        events["sequence"] = sequences
        self._roll_days(events, changed)
        self._apply_quotes(events)
        self._apply_trades(events)
        self._apply_corrections(events)
        self._apply_status(events)
        for name in ("sequence", "ts_event", "ts_recv"):
            self._table[name][changed] = events[name][groups.lasts]
        return changed

    def _roll_days(self, events: Rows, changed: npt.NDArray[np.intp]) -> None:
        """Begin a new day for instruments that see its first event: last becomes the previous close."""
        days = self._days.of(events["ts_event"].astype(np.int64))
        if np.all(self._day[changed] >= days.max(initial=0)):
            return
        newest = np.zeros(len(self._table), np.int32)
        np.maximum.at(newest, events["instrument"].astype(np.intp), days)
        rolled = np.flatnonzero(newest > self._day)
        traded = rolled[~np.isnan(self._table["last"][rolled])]
        self._table["prev_close"][traded] = self._table["last"][traded]
        for name in ("open", "high", "low"):
            self._table[name][rolled] = np.nan
        self._table["volume"][rolled] = 0
        self._day[rolled] = newest[rolled]

    def _apply_quotes(self, events: Rows) -> None:
        quotes, _ = rows.of_kind(events, Kind.QUOTE)
        at = quotes["instrument"].astype(np.intp)
        for name in ("flags", "bid", "bid_size", "ask", "ask_size"):
            self._table[name][at] = quotes[name]  # of several for one instrument, the last stays

    def _apply_trades(self, events: Rows) -> None:
        trades, _ = rows.of_kind(events, Kind.TRADE)
        if not len(trades):
            return
        groups = group(trades["instrument"])
        self._table["volume"][groups.keys] += np.add.reduceat(trades["size"][groups.order], groups.starts)
        forming = trades["conditions"] & np.uint64(NOT_PRICE_FORMING) == 0
        if not forming.all():
            trades = take(trades, forming)
            groups = group(trades["instrument"])
        if not len(trades):
            return
        prices = trades["price"].astype(np.float64)[groups.order]
        at, table = groups.keys.astype(np.intp), self._table
        table["last"][at], table["last_size"][at] = trades["price"][groups.lasts], trades["size"][groups.lasts]
        opened = np.isnan(table["open"][at])
        table["open"][at[opened]] = prices[groups.starts[opened]]
        table["high"][at] = np.fmax(table["high"][at], np.maximum.reduceat(prices, groups.starts))
        table["low"][at] = np.fmin(table["low"][at], np.minimum.reduceat(prices, groups.starts))

    def _apply_corrections(self, events: Rows) -> None:
        """Take a withdrawn trade's size out of the day's volume.

        Last, high and low stand until a later trade: without the day's trades there is no saying what they were before.
        """
        corrections, _ = rows.of_kind(events, Kind.CORRECTION)
        np.subtract.at(self._table["volume"], corrections["instrument"].astype(np.intp), corrections["size"])

    def _apply_status(self, events: Rows) -> None:
        status, _ = rows.of_kind(events, Kind.STATUS)
        halted = np.isin(status["state"], _UNAVAILABLE)
        for flagged, states in ((True, halted), (False, np.isin(status["state"], _TRADABLE))):
            at = status["instrument"][states].astype(np.intp)
            flags = self._table["flags"][at]
            halt = np.uint8(QuoteFlag.HALTED)
            self._table["flags"][at] = flags | halt if flagged else flags & ~halt


def _blank_states(count: int) -> Rows:
    states = rows.STATE.blank(count)
    for name in _UNKNOWN:
        states[name] = np.nan
    return states
