"""Corrections: what they withdraw, what they ask for, what becomes of every window, and what they cannot amend."""

import numpy as np
import pytest

from market import rows
from market.candles.candles import Candles
from market.candles.checks import FoldRules
from market.candles.fold import CandleFold
from market.candles.minute_index import KEPT_MINUTES, Begin, MinuteIndex
from market.candles.output import Output
from market.candles.refold import RefoldAnswer
from market.candles.sessions import MINUTE_NS
from market.candles.timeframe import Timeframe
from market.codes import CandleFlag, Condition, CorrectionFlag, Kind, TradeFlag
from market.row_type import Rows
from tests.candle_tables import Tables, fold_in
from tests.unit.market.candles.test_fold import NOON, S, Tape, new_fold, new_york, told

NOTHING = Candles.of(0)
DAY_S = 86_400


class Feed:
    """A fold, its tape and its tables; every batch is one message."""

    def __init__(self, fold: CandleFold | None = None) -> None:
        self.fold, self.tables, self.tape = fold or new_fold(), Tables(), Tape()
        self._events: list[Rows] = []

    def apply(self, *events: Rows) -> Output:
        at = [len(batch) for batch in self._events]
        self._events.append(rows.join(events))
        where = np.repeat(np.arange(len(self._events)), [*at, len(events)])
        output = fold_in(
            self.fold, self._events[-1], np.full(len(events), len(at)), self.tables, rows.join(self._events), where
        )
        self.tables.flush()
        return output

    def trade(self, at_s: float, price: float = 10.0, **fields: object) -> Rows:
        return self.tape.trade(at_s, price, **fields)

    def bust(self, now_s: float, at_s: float, price: float = 10.0, size: float = 1.0, **fields: object) -> Rows:
        fields = {"flags": CorrectionFlag.BUST, "ts_trade": NOON + int(at_s * S), **fields}
        return self.tape.row(Kind.CORRECTION, now_s, price=price, size=size, **fields)

    def replaced(self, now_s: float, at_s: float, price: float = 10.0, **fields: object) -> Rows:
        return self.bust(now_s, at_s, price, flags=CorrectionFlag.REPLACED, **fields)

    def stored(self, *timeframes: Timeframe) -> list[tuple[object, ...]]:
        return told(self.tables.candles, *timeframes)


def test_a_trade_withdrawn_in_its_open_minute_is_not_in_the_candle_that_closes() -> None:
    feed = Feed()
    output = feed.apply(feed.trade(1, 10), feed.trade(2, 12), feed.bust(3, 2, 12))
    assert (output.counts.corrections, output.counts.bad, output.changed.tolist()) == (1, {}, [0])
    feed.apply(feed.tape.quote(90))
    assert feed.stored() == [(0, 10.0, 10.0, 10.0, 10.0, 1.0, 1, 1)]


def test_a_closed_minute_is_amended_in_every_window_that_is_closed() -> None:
    feed = Feed()
    feed.apply(feed.trade(1, 10), feed.trade(30, 14), feed.trade(70, 11), feed.tape.quote(310))
    feed.apply(feed.bust(311, 30, 14))
    assert feed.stored(Timeframe.M1, Timeframe.M5) == [
        (0, 10.0, 10.0, 10.0, 10.0, 1.0, 1, 1),
        (60, 11.0, 11.0, 11.0, 11.0, 1.0, 1, 0),
        (0, 10.0, 11.0, 10.0, 11.0, 2.0, 2, 1),
    ]


def test_a_settled_minute_is_replaced_in_windows_that_go_on_and_in_windows_that_are_over() -> None:
    feed = Feed()
    feed.apply(feed.trade(1, 10), feed.trade(2, 99), feed.trade(65, 11), feed.trade(700, 12), feed.trade(4000, 13))
    feed.apply(feed.trade(DAY_S, 20), feed.trade(DAY_S + 600, 21))
    feed.apply(feed.bust(DAY_S + 601, 2, 99))
    live = feed.fold.live(np.array([0]), [Timeframe.D1, Timeframe.W1])
    assert told(live, Timeframe.W1) == [(-(2 * DAY_S + DAY_S // 2), 10.0, 21.0, 10.0, 21.0, 6.0, 6, 1)]
    feed.apply(feed.tape.quote(40 * DAY_S))
    assert feed.stored(*list(Timeframe)[1:5])[:1] == [(0, 10.0, 11.0, 10.0, 11.0, 2.0, 2, 1)]
    assert [row[:5] for row in feed.stored(Timeframe.D1)] == [
        (-DAY_S // 2, 10.0, 13.0, 10.0, 13.0),
        (DAY_S // 2, 20.0, 21.0, 20.0, 21.0),
    ]
    assert [row[2:] for row in feed.stored(Timeframe.MO1)] == [(21.0, 10.0, 21.0, 6.0, 6, 1)]


def test_a_candle_of_which_every_trade_was_withdrawn_stays_and_says_so() -> None:
    feed = Feed()
    feed.apply(feed.trade(1, 10, trade_id=5), feed.tape.quote(500), feed.bust(501, 1, 10, trade_id=5))
    (minute,) = feed.stored()
    assert (minute[5:], np.isnan(np.array(minute[1:5], float)).all()) == ((0.0, 0, 1), True)
    assert feed.tables.of(Timeframe.M1).flags.tolist() == [
        CandleFlag.CLOSED | CandleFlag.AMENDED | CandleFlag.WITHDRAWN
    ]
    feed.apply(feed.tape.quote(40 * DAY_S))
    assert {row[5:] for row in feed.stored(*Timeframe)} == {(0.0, 0, 1)}


def test_a_replacement_takes_the_time_and_the_turn_of_what_it_replaces() -> None:
    feed = Feed()
    feed.apply(feed.trade(1, 10), feed.trade(1, 11), feed.trade(3, 12), feed.trade(3, 13))
    feed.apply(feed.replaced(4, 1, 10), feed.trade(5, 50), feed.trade(6, 20, flags=TradeFlag.CORRECTED))
    feed.apply(feed.replaced(7, 3, 12), feed.trade(8, 30, size=2.0, flags=TradeFlag.CORRECTED))
    feed.apply(feed.tape.quote(90))
    assert feed.stored() == [(0, 20.0, 50.0, 11.0, 50.0, 6.0, 5, 2)]


def test_a_correction_can_be_corrected() -> None:
    feed = Feed()
    feed.apply(feed.trade(1, 10, trade_id=1), feed.trade(2, 11), feed.tape.quote(65))
    feed.apply(feed.replaced(66, 1, trade_id=1), feed.trade(67, 20, trade_id=2, flags=TradeFlag.CORRECTED))
    feed.apply(feed.replaced(68, 1, trade_id=2), feed.trade(69, 5, trade_id=3, flags=TradeFlag.CORRECTED))
    assert feed.stored() == [(0, 5.0, 11.0, 5.0, 11.0, 2.0, 2, 2)]
    feed.apply(feed.bust(70, 1, trade_id=3))
    assert feed.stored() == [(0, 11.0, 11.0, 11.0, 11.0, 1.0, 1, 3)]


def test_late_trades_count_as_amendments_even_when_they_are_withdrawn() -> None:
    feed = Feed()
    feed.apply(feed.trade(1, 10), feed.tape.quote(65), feed.trade(30, 12), feed.bust(66, 30, 12))
    assert feed.stored() == [(0, 10.0, 10.0, 10.0, 10.0, 1.0, 1, 2)]


def test_a_withdrawn_trade_that_formed_no_price_takes_its_volume_alone() -> None:
    feed = Feed()
    feed.apply(feed.trade(1, 10), feed.trade(2, 90, conditions=Condition.ODD_LOT), feed.trade(3, 11))
    feed.apply(feed.bust(4, 3, 11), feed.tape.quote(90))
    assert feed.stored() == [(0, 10.0, 10.0, 10.0, 10.0, 2.0, 2, 1)]


def test_a_trade_at_the_close_is_withdrawn_from_the_sessions_last_minute() -> None:
    closes_s = 540 * 60
    feed = Feed(new_fold({"V": new_york()}))
    feed.apply(feed.trade(closes_s - 5, 10), feed.trade(closes_s, 11), feed.tape.quote(closes_s + 500))
    feed.apply(feed.bust(closes_s + 501, closes_s, 11))
    assert feed.stored() == [(closes_s - 60, 10.0, 10.0, 10.0, 10.0, 1.0, 1, 1)]


def test_what_no_candle_holds_cannot_be_withdrawn() -> None:
    feed = Feed()
    feed.apply(feed.trade(1, 10), feed.trade(2, -5.0), feed.tape.quote(100), feed.trade(3, 7))
    wrong = [feed.bust(101, 2, -5.0), feed.bust(101, 3, 7), feed.bust(101, 1, 11), feed.bust(101, 1, trade_id=9)]
    output = feed.apply(*wrong, feed.replaced(102, 3, 7), feed.trade(103, 8, flags=TradeFlag.CORRECTED))
    assert output.counts.bad == {"unmatched": 5, "unrefoldable": 1}
    assert {rejected.reason: len(rejected.rows) for rejected in output.bad} == output.counts.bad
    assert feed.stored() == [(0, 10.0, 10.0, 10.0, 10.0, 1.0, 1, 0)]


def test_what_cannot_be_read_again_is_refused() -> None:
    feed = Feed()
    feed.apply(feed.trade(1, 10), feed.tape.quote(73 * 3600))
    now_s = 73 * 3600 + 1
    output = feed.apply(feed.bust(now_s, 1), feed.bust(now_s, now_s + 90), feed.bust(now_s, 0, ts_trade=0))
    assert output.counts.bad == {"unrefoldable": 3}


def test_a_new_replacement_ends_the_wait_for_the_last_one() -> None:
    feed = Feed()
    feed.apply(feed.trade(1, 10), feed.trade(2, 11), feed.replaced(3, 1), feed.replaced(4, 0, ts_trade=0))
    output = feed.apply(feed.trade(5, 20, flags=TradeFlag.CORRECTED))
    assert output.counts.bad == {"unrefoldable": 1}


def test_what_the_tape_no_longer_holds_is_refused() -> None:
    feed = Feed()
    events = rows.join([feed.trade(1, 10), feed.replaced(2, 1), feed.trade(3, 20)])
    asking = feed.fold.apply(events, np.arange(3))
    assert asking.refold is not None
    assert (asking.refold.begin, asking.refold.last, asking.counts.trades) == (Begin(0, 0), 2, 0)
    output = feed.fold.resolve(RefoldAnswer(None, NOTHING, NOTHING))
    assert (output.counts.bad, output.counts.trades, output.refold) == ({"unrefoldable": 1}, 2, None)


def test_one_stretch_of_the_tape_serves_all_corrections_of_a_batch() -> None:
    feed = Feed(new_fold(instruments=2))
    events = [feed.trade(1), feed.trade(2, instrument=8), feed.bust(3, 1), feed.bust(4, 2, instrument=8)]
    first = feed.fold.apply(rows.join(events), np.arange(4)).refold
    assert first is not None
    reading = feed.fold.reading(first)
    for event in events:
        reading.read(event)
    reading.read(events[0][:0])
    reading.read(feed.trade(5, instrument=77))  # of nobody
    second = feed.fold.resolve(RefoldAnswer(reading, NOTHING, NOTHING)).refold
    assert second is not None
    assert (second.number, reading.serves(second), second.parts) == (8, True, None)
    done = feed.fold.resolve(RefoldAnswer(reading, NOTHING, NOTHING))
    assert (done.counts.corrections, done.refold) == (2, None)
    assert not reading.serves(first.__class__(9, 1, 0, first.begin, 1, frozenset({9}), None))


def test_an_awaited_replacement_is_part_of_the_state() -> None:
    feed = Feed()
    feed.apply(feed.trade(1, 10), feed.replaced(2, 1))
    feed.fold = CandleFold.restore(FoldRules(), {}, feed.fold.freeze().encode())
    feed.apply(feed.trade(3, 20, flags=TradeFlag.CORRECTED), feed.tape.quote(90))
    assert feed.stored() == [(0, 20.0, 20.0, 20.0, 20.0, 1.0, 1, 1)]


@pytest.mark.parametrize(("minute", "begin"), [(9, 3), (10, 3), (11, 5), (12, 5), (13, None)])
def test_a_minute_begins_where_the_tape_reached_it_or_jumped_over_it(minute: int, begin: int | None) -> None:
    index = MinuteIndex()
    assert index.find(minute) is None
    index.enter(10, Begin(3, 0))
    index.enter(12, Begin(5, 700))
    again = MinuteIndex()
    again.fill(index.column())
    found = again.find(minute)
    assert (found and found.sequence) == begin


def test_the_index_forgets_what_is_too_long_ago() -> None:
    index = MinuteIndex()
    for minute in (1, 2, 2 + KEPT_MINUTES):
        index.enter(minute, Begin(minute, 0))
    assert index.find(1) is None
    assert index.find(2) == Begin(2, 0)
    assert len(index.column()) == 2 * 3


def test_a_trade_from_before_the_folds_beginning_cannot_be_withdrawn() -> None:
    feed = Feed(new_fold())
    feed.fold.begin(NOON // MINUTE_NS + 1, {}, is_known=True)
    output = feed.apply(feed.trade(1, 10), feed.trade(61, 11), feed.bust(62, 1), feed.bust(62, 61, 11))
    assert (feed.fold.first_minute, output.counts.bad) == (NOON // MINUTE_NS + 1, {"unrefoldable": 1})
    assert output.counts.corrections == 1
