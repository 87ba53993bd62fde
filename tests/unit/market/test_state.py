"""The state of instruments, by single cases; tests/property/test_market_state.py compares it with an oracle."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from market import rows
from market.codes import NO_INSTRUMENT, Condition, Kind, QuoteFlag, TradingState
from market.row_type import Rows
from market.state import MAX_EPOCH, MarketState
from market.trading_day import TradingDays

ZONE = ZoneInfo("America/New_York")
HALTED = QuoteFlag.HALTED


def at(day: int, hour: int = 10) -> int:
    return int(datetime(2026, 3, day, hour, tzinfo=ZONE).timestamp()) * 1_000_000_000


def event(kind: Kind, ts_event: int = at(2), instrument: int = 0, **values: float) -> Rows:
    row = rows.EVENT_TYPES[kind].blank(1)
    row["instrument"], row["ts_event"] = instrument, ts_event
    for name, value in values.items():
        row[name] = value
    return row


def trade(price: float, size: float = 1, **values: float) -> Rows:
    return event(Kind.TRADE, price=price, size=size, **values)


def status(state: TradingState, **values: float) -> Rows:
    return event(Kind.STATUS, state=state, **values)


def market(epoch: int = 1, instruments: int = 2) -> MarketState:
    state = MarketState(epoch, TradingDays("America/New_York"))
    state.reserve(instruments)
    return state


def apply(state: MarketState, *events: Rows) -> Rows:
    """Fold events in as one batch; return the first instrument's state."""
    state.apply(rows.join(events))
    return state.snapshot()[0]


@pytest.mark.parametrize("epoch", [0, -1, MAX_EPOCH + 1])
def test_an_epoch_out_of_bounds_is_refused(epoch: int) -> None:
    with pytest.raises(ValueError, match=f"epoch is {epoch}; it must be from 1 to {MAX_EPOCH}"):
        MarketState(epoch, TradingDays("UTC"))


def test_the_last_sequence_of_the_last_epoch_is_exact_as_a_javascript_number() -> None:
    assert (MAX_EPOCH << 32) + 2**32 - 1 < 2**53


def test_a_new_instrument_knows_nothing_and_begins_its_epoch() -> None:
    state = market(epoch=3)
    row = state.snapshot()[1]
    assert row["instrument"] == 1
    assert row["sequence"] == 3 << 32
    assert all(np.isnan(row[name]) for name in ("bid", "ask", "last", "open", "high", "low", "prev_close"))
    assert row["volume"] == row["bid_size"] == row["ask_size"] == row["last_size"] == row["ts_event"] == 0
    assert state.known().tolist() == []


def test_making_room_keeps_what_is_there() -> None:
    state = market()
    apply(state, trade(100))
    before = state.snapshot()
    state.reserve(50)
    state.reserve(10)
    assert len(state) == 50
    assert state.snapshot()[:2].tobytes() == before.tobytes()


def test_no_events_change_nothing() -> None:
    state = market()
    before = state.snapshot()
    assert state.apply(rows.join([])).tolist() == []
    assert state.snapshot().tobytes() == before.tobytes()


def test_events_are_numbered_in_place_one_up_per_instrument() -> None:
    state = market(epoch=2)
    batch = rows.join([trade(1), trade(2, instrument=1), trade(3), trade(4)])
    assert state.apply(batch).tolist() == [0, 1]
    assert (batch["sequence"] - (2 << 32)).tolist() == [1, 1, 2, 3]
    assert (state.sequences - (2 << 32)).tolist() == [3, 1]


def test_a_status_about_a_venue_is_no_instruments_and_keeps_sequence_zero() -> None:
    state = market()
    general = status(TradingState.SYSTEM_START, instrument=NO_INSTRUMENT)
    batch = rows.join([general, trade(1), general])
    assert state.apply(batch).tolist() == [0]
    assert batch["sequence"].tolist() == [0, (1 << 32) + 1, 0]
    assert state.apply(rows.join([general])).tolist() == []


def test_odd_lots_and_extended_hours_count_only_towards_volume() -> None:
    row = apply(
        market(),
        trade(100, 10),
        trade(200, 3, conditions=Condition.ODD_LOT),
        trade(1, 5, conditions=Condition.EXTENDED_HOURS | Condition.INTERMARKET_SWEEP),
    )
    assert [row[name] for name in ("last", "last_size", "open", "high", "low", "volume")] == [
        100,
        10,
        100,
        100,
        100,
        18,
    ]


def test_trades_that_form_no_price_leave_it_unknown() -> None:
    row = apply(market(), trade(200, 3, conditions=Condition.ODD_LOT))
    assert np.isnan(row["last"])
    assert row["volume"] == 3


def test_other_conditions_form_prices() -> None:
    row = apply(market(), trade(7, conditions=Condition.INTERMARKET_SWEEP | Condition.SINGLE_PRICE_CROSS))
    assert row["last"] == row["open"] == 7


def test_a_correction_takes_the_withdrawn_size_out_of_the_volume_and_leaves_prices() -> None:
    row = apply(market(), trade(100, 10), trade(120, 5), event(Kind.CORRECTION, price=120, size=5))
    assert [row[name] for name in ("last", "high", "volume")] == [120, 120, 10]


def test_a_new_day_closes_the_old_one() -> None:
    state = market()
    apply(state, trade(100, 10), trade(90, 10))
    row = apply(state, event(Kind.QUOTE, at(3), bid=95, ask=96))
    assert row["prev_close"] == row["last"] == 90
    assert all(np.isnan(row[name]) for name in ("open", "high", "low"))
    assert row["volume"] == 0
    assert row["bid"] == 95


def test_a_batch_may_hold_the_close_of_one_day_and_the_open_of_the_next() -> None:
    row = apply(market(), trade(100, 10), trade(90, 10), trade(95, 1, ts_event=at(3)))
    assert [row[name] for name in ("prev_close", "open", "last", "volume")] == [90, 95, 95, 1]


def test_each_instrument_begins_its_own_day() -> None:
    state = market()
    state.apply(rows.join([trade(100), trade(50, instrument=1)]))
    state.apply(rows.join([trade(101, ts_event=at(3))]))
    assert state.snapshot()["prev_close"][0] == 100
    assert np.isnan(state.snapshot()["prev_close"][1])


def test_a_late_event_of_the_old_day_does_not_begin_it_again() -> None:
    state = market()
    apply(state, trade(100, 10))
    apply(state, trade(101, 1, ts_event=at(3)))
    row = apply(state, trade(100.5, 2, ts_event=at(2)))
    assert [row[name] for name in ("prev_close", "open", "volume")] == [100, 101, 3]


def test_a_day_without_a_trade_leaves_the_previous_close_unknown() -> None:
    state = market()
    apply(state, event(Kind.QUOTE, bid=1, ask=2))
    assert np.isnan(apply(state, event(Kind.QUOTE, at(3), bid=1, ask=2))["prev_close"])


@pytest.mark.parametrize("halting", [TradingState.HALTED, TradingState.PAUSED, TradingState.ORDER_ACCEPTANCE])
def test_a_halt_shows_until_trading_is_on_again(halting: TradingState) -> None:
    state = market()
    assert apply(state, status(halting))["flags"] == HALTED
    assert apply(state, status(TradingState.SHORT_SALE_RESTRICTED))["flags"] == HALTED
    assert apply(state, status(TradingState.TRADING))["flags"] == 0


def test_the_last_word_about_a_halt_counts_within_a_batch_too() -> None:
    trading, halted = status(TradingState.TRADING), status(TradingState.HALTED)
    calm = event(Kind.QUOTE, bid=1, ask=2)
    assert apply(market(), trading, halted)["flags"] == HALTED
    assert apply(market(), halted, trading)["flags"] == 0
    assert apply(market(), halted, calm)["flags"] == 0
    assert apply(market(), calm, halted)["flags"] == HALTED
    assert apply(market(), event(Kind.QUOTE, flags=HALTED), trading)["flags"] == 0


def test_a_halt_leaves_the_other_flags() -> None:
    extended = event(Kind.QUOTE, flags=QuoteFlag.EXTENDED_HOURS)
    assert apply(market(), extended, status(TradingState.HALTED))["flags"] == QuoteFlag.EXTENDED_HOURS | HALTED


def test_restored_states_go_on_in_a_higher_epoch() -> None:
    old = market(epoch=1, instruments=5)
    old.apply(rows.join([trade(100, 10), trade(50, 5, instrument=4)]))
    new = MarketState(2, TradingDays("America/New_York"))
    new.restore(old.snapshot(old.known()))
    assert new.known().tolist() == [0, 4]
    assert new.sequences.tolist() == [2 << 32] * 5
    row = apply(new, trade(101, 1))
    assert [row[name] for name in ("open", "last", "volume")] == [100, 101, 11]
    assert new.snapshot()["volume"][4] == 5


def test_restoring_nothing_changes_nothing() -> None:
    state = market()
    before = state.snapshot()
    state.restore(before[:0])
    assert state.snapshot().tobytes() == before.tobytes()


def test_a_day_that_began_while_away_rolls_after_restoring() -> None:
    old = market()
    apply(old, trade(100, 10))
    new = market(epoch=2)
    new.restore(old.snapshot())
    row = apply(new, trade(105, 1, ts_event=at(3)))
    assert [row[name] for name in ("prev_close", "open", "volume")] == [100, 105, 1]


def test_a_snapshot_of_some_is_whole_rows_that_later_events_do_not_change() -> None:
    state = market(instruments=3)
    apply(state, trade(100))
    taken = state.snapshot(np.array([2, 0]))
    apply(state, trade(200))
    assert taken["instrument"].tolist() == [2, 0]
    assert taken["last"][1] == 100
    assert len(rows.STATE.read(taken.tobytes())) == 2
