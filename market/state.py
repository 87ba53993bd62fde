"""The live state of every instrument, folded from events, a batch at a time.

The table *is* rows of type STATE: what is kept is what travels on `quote.<exch>.<symbol>`, so publishing is a gather of
bytes and a snapshot is a copy. Instrument numbers index it.
"""

import numpy as np
import numpy.typing as npt

from market import rows
from market.codes import NOT_PRICE_FORMING, Kind, QuoteFlag, TradingState
from market.grouping import Groups, group
from market.row_type import Rows, take
from market.trading_day import TradingDays

EPOCH_SHIFT = 32
MAX_EPOCH = (1 << 21) - 1  # epoch and count together stay below 2**53, so that JavaScript numbers hold a sequence

_PRICES = ("bid", "ask", "last", "open", "high", "low", "prev_close")
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
        self._table = blank_states(0)
        self._day = np.zeros(0, np.int32)

    def __len__(self) -> int:
        return len(self._table)

    def reserve(self, instruments: int) -> None:
        """Make room for instrument numbers below `instruments`."""
        missing = instruments - len(self._table)
        if missing > 0:
            grown = blank_states(missing)
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
        return take(self._table, np.arange(len(self)) if instruments is None else instruments)

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
        if not len(events):
            return np.zeros(0, np.intp)
        days = self._days.of(events["ts_event"].astype(np.int64))
        turns = np.flatnonzero(np.diff(days)) + 1
        starts = np.append(0, turns)
        changed_by_day = [
            self._apply_day(part, int(day)) for part, day in zip(np.split(events, turns), days[starts], strict=True)
        ]
        return changed_by_day[0] if len(changed_by_day) == 1 else np.unique(np.concatenate(changed_by_day))

    def _apply_day(self, events: Rows, day: int) -> npt.NDArray[np.intp]:
        groups = group(events["instrument"])
        changed = groups.keys.astype(np.intp)
        first = self._table["sequence"][changed].astype(np.int64) + 1
        sequences = np.empty(len(events), np.int64)
        sequences[groups.order] = np.repeat(first - groups.starts, groups.sizes) + np.arange(len(events))
        events["sequence"] = sequences
        self._roll(changed[self._day[changed] < day], day)
        self._apply_quotes(events)
        self._apply_prints(events)
        self._apply_status(events)
        for name in ("sequence", "ts_event", "ts_recv"):
            self._table[name][changed] = events[name][groups.lasts]
        return changed

    def _roll(self, rolled: npt.NDArray[np.intp], day: int) -> None:
        """Begin a new day for instruments that see its first event: last becomes the previous close."""
        traded = rolled[~np.isnan(self._table["last"][rolled])]
        self._table["prev_close"][traded] = self._table["last"][traded]
        for name in ("open", "high", "low"):
            self._table[name][rolled] = np.nan
        self._table["volume"][rolled] = 0
        self._day[rolled] = day

    def _apply_quotes(self, events: Rows) -> None:
        quotes, _ = rows.of_kind(events, Kind.QUOTE)
        at = quotes["instrument"].astype(np.intp)
        for name in ("flags", "bid", "bid_size", "ask", "ask_size"):
            self._table[name][at] = quotes[name]  # of several for one instrument, the last stays

    def _apply_prints(self, events: Rows) -> None:
        """Fold trades in, and take a withdrawn trade's size out of the day's volume.

        Last, high and low stand until a later trade: without the day's trades there is no saying what they were before.
        """
        traded = events["kind"] == Kind.TRADE
        printed = traded | (events["kind"] == Kind.CORRECTION)
        if not printed.any():
            return
        # A correction's size lies where a trade's does.
        prints, traded = take(events, printed).view(rows.TRADE.dtype), traded[printed]
        groups = group(prints["instrument"])
        self._apply_volume(np.where(traded, prints["size"], -prints["size"]), groups)
        forming = traded & (prints["conditions"] & np.uint64(NOT_PRICE_FORMING) == 0)
        if not forming.all():
            prints = take(prints, forming)
            groups = group(prints["instrument"])
        if len(prints):
            self._apply_prices(prints, groups)

    def _apply_volume(self, sizes: npt.NDArray[np.float64], groups: Groups) -> None:
        """Add up one by one, in order: where sizes are fractions, sums of sums would depend on the batching."""
        volumes = self._table["volume"][groups.keys].astype(np.float64)
        np.add.at(volumes, np.repeat(np.arange(len(volumes)), groups.sizes), sizes[groups.order])
        self._table["volume"][groups.keys] = volumes

    def _apply_prices(self, trades: Rows, groups: Groups) -> None:
        prices = trades["price"].astype(np.float64)[groups.order]
        at, table = groups.keys.astype(np.intp), self._table
        table["last"][at], table["last_size"][at] = trades["price"][groups.lasts], trades["size"][groups.lasts]
        opened = np.isnan(table["open"][at])
        table["open"][at[opened]] = prices[groups.starts[opened]]
        table["high"][at] = np.fmax(table["high"][at], np.maximum.reduceat(prices, groups.starts))
        table["low"][at] = np.fmin(table["low"][at], np.minimum.reduceat(prices, groups.starts))

    def _apply_status(self, events: Rows) -> None:
        """Carry halts on: the last word of each instrument counts, be it a status or a quote's flags."""
        status, positions = rows.of_kind(events, Kind.STATUS)
        halted = np.isin(status["state"], _UNAVAILABLE)
        telling = halted | np.isin(status["state"], _TRADABLE)
        if not telling.any():
            return
        quotes, quoted = rows.of_kind(events, Kind.QUOTE)
        last_quoted = np.full(len(self._table), -1, np.intp)
        last_quoted[quotes["instrument"].astype(np.intp)] = quoted
        at = status["instrument"].astype(np.intp)
        telling &= positions > last_quoted[at]
        at, halted = at[telling], halted[telling]
        flags, halt = self._table["flags"][at], np.uint8(QuoteFlag.HALTED)
        self._table["flags"][at] = np.where(halted, flags | halt, flags & ~halt)


def blank_states(count: int) -> Rows:
    """Make `count` states of which nothing is known: prices NaN, which is not 0, all else zero."""
    states = rows.STATE.blank(count)
    for name in _PRICES:
        states[name] = np.nan
    return states
