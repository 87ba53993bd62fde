"""MarketState against an oracle that takes one event at a time, in plain Python."""

import math
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from market import rows
from market.codes import NO_INSTRUMENT, NOT_PRICE_FORMING, Kind, QuoteFlag, TradingState
from market.row_type import Rows
from market.state import MarketState
from market.trading_day import TradingDays

INSTRUMENTS = 4
DAY_NS = 86_400_000_000_000
FIRST_NS = int(datetime(2026, 3, 6, tzinfo=UTC).timestamp()) * 1_000_000_000
NAN = math.nan
HALTS = {TradingState.HALTED, TradingState.PAUSED, TradingState.ORDER_ACCEPTANCE}

prices = st.integers(1, 10**6).map(lambda ticks: ticks / 100)
sizes = st.integers(1, 1000) | st.floats(0.001, 1000)  # fractions of shares are traded too
times = st.integers(0, 3 * DAY_NS - 1).map(lambda ns: FIRST_NS + ns)
numbers = st.integers(0, INSTRUMENTS - 1)


def event(kind: Kind, **values: object) -> Rows:
    row = rows.EVENT_TYPES[kind].blank(1)
    for name, value in values.items():
        row[name] = value
    return row


def events_of(kind: Kind, **fields: st.SearchStrategy[object]) -> st.SearchStrategy[Rows]:
    common = {"instrument": numbers, "ts_event": times, "ts_recv": times}
    return st.fixed_dictionaries({**common, **fields}).map(lambda values: event(kind, **values))


trades = events_of(Kind.TRADE, price=prices, size=sizes, conditions=st.integers(0, 31))
quotes = events_of(
    Kind.QUOTE,
    flags=st.integers(0, 3),
    bid=prices | st.just(NAN),
    bid_size=sizes,
    ask=prices | st.just(NAN),
    ask_size=sizes,
)
corrections = events_of(Kind.CORRECTION, price=prices, size=sizes)
status = events_of(
    Kind.STATUS,
    instrument=numbers | st.just(NO_INSTRUMENT),
    state=st.sampled_from([int(each) for each in TradingState]),
)
event_lists = st.lists(trades | quotes | corrections | status, max_size=30)


@dataclass
class Oracle:
    """One instrument, one event at a time."""

    count: int = 0
    day: date = date.min
    values: dict[str, float] = field(
        default_factory=lambda: {
            **dict.fromkeys(("flags", "ts_event", "ts_recv"), 0),
            **dict.fromkeys(("bid", "ask", "last", "open", "high", "low", "prev_close"), NAN),
            **dict.fromkeys(("bid_size", "ask_size", "last_size", "volume"), 0.0),
        }
    )

    def apply(self, row: Rows) -> None:
        now = self.values
        get = {name: row[name][0].item() for name in row.dtype.names}
        day = datetime.fromtimestamp(get["ts_event"] // 10**9, UTC).date()
        if day > self.day:
            self.day = day
            if not math.isnan(now["last"]):
                now["prev_close"] = now["last"]
            now.update(open=NAN, high=NAN, low=NAN, volume=0.0)
        self.count += 1
        now.update(ts_event=get["ts_event"], ts_recv=get["ts_recv"])
        match get["kind"]:
            case Kind.QUOTE:
                now.update({name: get[name] for name in ("flags", "bid", "bid_size", "ask", "ask_size")})
            case Kind.TRADE:
                self._trade(get)
            case Kind.CORRECTION:
                now["volume"] -= get["size"]
            case Kind.STATUS if get["state"] in HALTS:
                now["flags"] |= QuoteFlag.HALTED
            case Kind.STATUS if get["state"] == TradingState.TRADING:
                now["flags"] &= ~QuoteFlag.HALTED

    def _trade(self, get: dict[str, float]) -> None:
        now, price = self.values, get["price"]
        now["volume"] += get["size"]
        if int(get["conditions"]) & NOT_PRICE_FORMING:
            return
        now.update(last=price, last_size=get["size"])
        if math.isnan(now["open"]):
            now["open"] = price
        now["high"] = price if math.isnan(now["high"]) else max(now["high"], price)
        now["low"] = price if math.isnan(now["low"]) else min(now["low"], price)


def fold(events: list[Rows]) -> list[Oracle]:
    oracles = [Oracle() for _ in range(INSTRUMENTS)]
    for row in events:
        if row["instrument"][0] != NO_INSTRUMENT:
            oracles[row["instrument"][0]].apply(row)
    return oracles


def market(epoch: int = 1) -> MarketState:
    state = MarketState(epoch, TradingDays("UTC"))
    state.reserve(INSTRUMENTS)
    return state


def batches_of(events: list[Rows], cuts: list[int]) -> list[list[Rows]]:
    edges = [0, *sorted(cut for cut in set(cuts) if cut < len(events)), len(events)]
    return [events[start:end] for start, end in pairwise(edges)]


cut_lists = st.lists(st.integers(0, 30), max_size=8)


@given(event_lists, cut_lists)
def test_any_batches_give_what_single_events_give(events: list[Rows], cuts: list[int]) -> None:
    state = market(epoch=5)
    for batch in batches_of(events, cuts):
        state.apply(rows.join(batch))
    table = state.snapshot()
    for number, oracle in enumerate(fold(events)):
        row = table[number]
        assert int(row["sequence"]) == (5 << 32) + oracle.count
        found = {name: row[name].item() for name in oracle.values}
        np.testing.assert_equal(found, oracle.values)  # to the last bit; NaN equals NaN


@given(event_lists, cut_lists, cut_lists)
def test_the_table_does_not_depend_on_how_events_are_batched(
    events: list[Rows], cuts: list[int], others: list[int]
) -> None:
    tables = []
    for each in (cuts, others):
        state = market()
        for batch in batches_of(events, each):
            state.apply(rows.join(batch))
        tables.append(state.snapshot().tobytes())
    assert tables[0] == tables[1]


@given(event_lists, cut_lists)
def test_a_batch_names_exactly_the_instruments_it_changed(events: list[Rows], cuts: list[int]) -> None:
    state = market()
    for batch in batches_of(events, cuts):
        changed = state.apply(rows.join(batch)).tolist()
        assert changed == sorted({int(row["instrument"][0]) for row in batch} - {NO_INSTRUMENT})


@given(st.lists(st.tuples(event_lists, cut_lists), min_size=1, max_size=4))
def test_sequences_are_contiguous_within_an_epoch_and_never_go_back(
    lives: list[tuple[list[Rows], list[int]]],
) -> None:
    last = [0] * INSTRUMENTS
    kept: Rows | None = None
    for epoch, (events, cuts) in enumerate(lives, start=1):
        state = market(epoch)
        if kept is not None:
            state.restore(kept)
        expected = [epoch << 32] * INSTRUMENTS
        for batch in batches_of(events, cuts):
            joined = rows.join(batch)
            state.apply(joined)
            for number, sequence in zip(joined["instrument"].tolist(), joined["sequence"].tolist(), strict=True):
                if number == NO_INSTRUMENT:
                    assert sequence == 0
                    continue
                expected[number] += 1
                assert sequence == expected[number] > last[number]
                last[number] = sequence
        kept = state.snapshot(state.known())


def by_day(events: list[Rows]) -> list[Rows]:
    """In order of time: a restored state takes its day from the last event."""
    return sorted(events, key=lambda row: int(row["ts_event"][0]))


@settings(max_examples=60)
@given(event_lists, st.integers(0, 30))
def test_a_state_restored_in_between_goes_on_as_if_nothing_had_happened(events: list[Rows], cut: int) -> None:
    events = by_day(events)
    whole, first = market(), market()
    if events:
        whole.apply(rows.join(events))
    if events[:cut]:
        first.apply(rows.join(events[:cut]))
    second = market(epoch=2)
    second.restore(first.snapshot(first.known()))
    if events[cut:]:
        second.apply(rows.join(events[cut:]))
    kept, restored = whole.snapshot(), second.snapshot()
    kept["sequence"] = restored["sequence"] = 0
    assert kept.tobytes() == restored.tobytes()
