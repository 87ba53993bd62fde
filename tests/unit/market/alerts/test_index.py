"""The index of alerts where no list of ticks tells enough."""

import numpy as np
import pytest

from market.alerts.columns import RuleColumns, Touches
from market.alerts.frozen import Frozen
from market.alerts.index import AlertIndex
from market.alerts.instruments import MAX_INSTRUMENT
from market.alerts.rule import Condition, Reference, Repeat, Rule, State
from market.candles import codec
from market.row_type import Rows
from market.rows import EVENT_DTYPE, TRADE, join

DAY = 739_000


def day_of(instruments: np.ndarray, ts_ns: np.ndarray) -> np.ndarray:
    return (DAY + ts_ns // 1_000).astype(np.int32)


def trades(*prices: float, instrument: int = 7, first: int = 1, ts_event: int = 0) -> Rows:
    rows = TRADE.blank(len(prices))
    rows["instrument"], rows["price"], rows["ts_event"] = instrument, prices, ts_event
    rows["sequence"] = np.arange(first, first + len(prices))
    return rows.view(EVENT_DTYPE)


def apply(index: AlertIndex, rows: Rows, tape_sequence: int = 1, evaluate_after: int = 0) -> Touches:
    return index.apply(rows, np.full(len(rows), tape_sequence, np.int64), evaluate_after)


def test_rules_are_written_into_columns_and_back() -> None:
    rules = [
        Rule(3, 7, Condition.CHANGE_PCT, 2.5, Reference.PREV_CLOSE, 0.0, Repeat.DAILY, State.DORMANT, 0, 9, DAY),
        Rule(1, 8, Condition.BELOW, 1.5, Reference.CREATED, 4.0, Repeat.EVERY_CROSS, State.WAITING, -1, 2, 0),
    ]
    columns = RuleColumns.of(rules)
    assert columns.rules() == rules
    assert len(columns) == 2
    assert columns.take(slice(1)).rules() == rules[:1]
    assert RuleColumns.concat([columns, columns]).rules() == rules * 2
    assert len(RuleColumns.of([])) == 0


def test_no_rows_touch_nothing() -> None:
    assert len(apply(AlertIndex(day_of), trades())) == 0


def test_of_an_instrument_that_was_never_seen_nothing_is_known() -> None:
    index = AlertIndex(day_of)
    index.put([Rule(1, 9, Condition.ABOVE, 5.0, since=-1)])
    for instrument in (0, 9, 2**32 - 1):
        assert index.price_of(instrument) is None
        assert index.prev_close_of(instrument) is None
        assert index.instrument_day(instrument) == 0
    assert len(apply(index, trades(5.0, instrument=9))) == 1


def test_prices_and_days_can_be_learned() -> None:
    index = AlertIndex(day_of)
    index.put([Rule(1, 7, Condition.CHANGE_PCT, 10.0, Reference.PREV_CLOSE, since=-1)])
    index.put([Rule(2, 8, Condition.ABOVE, 10.0, repeat=Repeat.DAILY, state=State.DORMANT, fired_day=DAY, since=-1)])
    index.learn([7, 8], [105.0, np.nan], [100.0, np.nan], [DAY, DAY + 1])
    assert (index.price_of(7), index.prev_close_of(7), index.instrument_day(7)) == (105.0, 100.0, DAY)
    assert (index.price_of(8), index.prev_close_of(8), index.instrument_day(8)) == (None, None, DAY + 1)
    assert apply(index, trades(109.9, 110.0)).row.tolist() == [1]
    assert len(apply(index, trades(10.0, instrument=8))) == 1
    index.learn(9, 1.5, 2.5, DAY)
    assert (index.price_of(9), index.prev_close_of(9)) == (1.5, 2.5)


def test_ten_per_cent_above_a_hundred_is_110() -> None:
    index = AlertIndex(day_of)
    index.put([Rule(1, 7, Condition.CHANGE_PCT, 10.0, reference_price=100.0, since=-1)])
    index.put([Rule(2, 7, Condition.CHANGE_PCT, 30.0, reference_price=0.1, since=-1)])
    assert apply(index, trades(109.99)).number.tolist() == [2]
    assert apply(index, trades(110.0, first=2)).number.tolist() == [1]


def test_a_rule_sees_the_ticks_behind_its_since() -> None:
    index = AlertIndex(day_of)
    apply(index, trades(1.0), tape_sequence=4)
    index.put([Rule(1, 7, Condition.ABOVE, 5.0, since=4), Rule(2, 7, Condition.ABOVE, 5.0, since=5)])
    index.put([Rule(3, 7, Condition.ABOVE, 5.0, since=3)])
    assert len(index) == 3
    rows = trades(6.0, 6.0, 6.0, first=2)
    touches = index.apply(rows, np.array([4, 5, 6]), 0)
    assert touches.number.tolist() == [3, 1, 2]
    assert touches.tape_sequence.tolist() == [4, 5, 6]
    assert touches.row.tolist() == [1, 0, 0]


def test_what_is_held_back_can_be_replaced_and_removed() -> None:
    index = AlertIndex(day_of)
    index.put([Rule(1, 7, Condition.ABOVE, 5.0), Rule(2, 7, Condition.ABOVE, 5.0), Rule(3, 7, Condition.ABOVE, 5.0)])
    index.put([Rule(1, 7, Condition.ABOVE, 9.0), Rule(3, 7, Condition.ABOVE, 9.0, state=State.PAUSED)])
    index.remove([2, 77])
    assert len(index) == 1
    assert len(apply(index, trades(5.0))) == 0
    assert apply(index, trades(9.0, first=2)).number.tolist() == [1]


def test_of_one_number_the_last_rule_stays() -> None:
    index = AlertIndex(day_of)
    index.load(RuleColumns.of([Rule(2, 7, Condition.ABOVE, 5.0), Rule(2, 7, Condition.ABOVE, 8.0)]), 3)
    assert len(apply(index, trades(5.0), tape_sequence=4)) == 0
    assert len(apply(index, trades(8.0, first=2), tape_sequence=5)) == 1


def test_what_was_loaded_sees_the_ticks_behind_what_was_evaluated() -> None:
    index = AlertIndex(day_of)
    index.load(
        RuleColumns.of([Rule(1, 7, Condition.ABOVE, 5.0, since=2), Rule(2, 7, Condition.ABOVE, 5.0, since=9)]), 8
    )
    assert apply(index, trades(6.0), tape_sequence=9).number.tolist() == [1]
    assert apply(index, trades(6.0, first=2), tape_sequence=10).number.tolist() == [2]
    index.load(RuleColumns.of([Rule(3, 7, Condition.ABOVE, 5.0)]), 1)
    assert apply(index, trades(6.0, first=3), tape_sequence=11).number.tolist() == [3]


def test_numbers_that_no_directory_gives_are_refused_and_passed_over() -> None:
    index = AlertIndex(day_of)
    with pytest.raises(ValueError, match="instrument 16777217 is above 16777216"):
        index.put([Rule(1, MAX_INSTRUMENT + 1, Condition.ABOVE, 5.0)])
    index.put([Rule(1, 7, Condition.ABOVE, 5.0)])
    rows = join([trades(6.0, instrument=MAX_INSTRUMENT + 1), trades(6.0)])
    assert apply(index, rows).row.tolist() == [1]
    assert index.price_of(MAX_INSTRUMENT + 1) is None


def test_what_was_removed_touches_nothing() -> None:
    index = AlertIndex(day_of)
    index.put([Rule(1, 7, Condition.ABOVE, 5.0, since=-1)])
    index.remove([1])
    assert len(apply(index, trades(6.0, 7.0))) == 0
    index.put([Rule(1, 7, Condition.ABOVE, 5.0, since=0)])
    assert len(apply(index, trades(6.0, first=3), tape_sequence=2)) == 1


def test_a_price_touches_a_hundred_thousand_rules_at_once() -> None:
    index, count = AlertIndex(day_of), 100_000
    rule = RuleColumns.of([Rule(1, 7, Condition.BELOW, 90.0, repeat=Repeat.EVERY_CROSS)])
    many = rule.take(np.zeros(count, np.intp))
    many.number[:] = np.arange(1, count + 1)
    index.load(many, 1)
    touches = index.apply(trades(100.0, 50.0, 91.0, 50.0), np.full(4, 2), 0)
    assert touches.number.tolist() == [*range(1, count + 1)] * 3
    assert touches.row.tolist() == [1] * count + [2] * count + [3] * count
    assert index.size_bytes < 100 * count


def test_a_state_of_something_else_is_not_read() -> None:
    with pytest.raises(codec.CodecError, match="begins with"):
        AlertIndex.restore(day_of, b"something else")
    with pytest.raises(codec.CodecError, match="schema of alerts is None, not 1"):
        AlertIndex.restore(day_of, codec.encode({}, {}))


def test_a_frozen_index_does_not_change() -> None:
    index = AlertIndex(day_of)
    index.put([Rule(1, 7, Condition.ABOVE, 5.0), Rule(2, 7, Condition.ABOVE, 6.0, since=5)])
    apply(index, trades(1.0))
    frozen = index.freeze()
    assert isinstance(frozen, Frozen)
    assert len(apply(index, trades(9.0, first=2), tape_sequence=2)) == 1
    restored = AlertIndex.restore(day_of, frozen.encode())
    assert (len(restored), restored.price_of(7)) == (2, 1.0)
    assert apply(restored, trades(9.0, first=2), tape_sequence=2).number.tolist() == [1]
    assert apply(restored, trades(9.0, first=3), tape_sequence=6).number.tolist() == [2]


def crowd(count: int) -> RuleColumns:
    """Give rules of other instruments, beside which what a test adds is little."""
    rules = RuleColumns.of([Rule(1, 0, Condition.ABOVE, 5.0)]).take(np.zeros(count, np.intp))
    rules.number[:] = np.arange(10_000, 10_000 + count)
    rules.instrument[:] = 100 + np.arange(count) % 50
    return rules


def test_more_rules_than_are_looked_at_at_once_are_loaded() -> None:
    index, count = AlertIndex(day_of), 150_000
    index.load(crowd(count), 1)
    for instrument in (100, 149):
        touches = apply(index, trades(5.0, instrument=instrument), tape_sequence=2)
        assert touches.number.tolist() == list(range(10_000 + instrument - 100, 10_000 + count, 50))


@pytest.mark.parametrize("reference", Reference)
def test_rules_come_and_change_one_by_one_among_many(reference: Reference) -> None:
    index = AlertIndex(day_of)
    index.load(crowd(3_000), 1)
    index.learn(7, 100.0, 100.0, DAY)
    for threshold in (40.0, 30.0, 20.0):
        for number in range(1, 31):
            percent = threshold + number / 10
            index.put([Rule(number, 7, Condition.CHANGE_PCT, percent, reference, 100.0, since=0)])
    index.remove(range(21, 31))
    assert len(apply(index, trades(120.0, 80.0), tape_sequence=2)) == 0
    assert apply(index, trades(121.0, first=3), tape_sequence=3).number.tolist() == list(range(1, 11))
    assert apply(index, trades(78.0, first=4), tape_sequence=4).number.tolist() == list(range(11, 21))
    assert len(index) == 3_000


def test_many_daily_rules_wait_for_another_day_among_many() -> None:
    index = AlertIndex(day_of)
    index.load(crowd(3_000), 1)
    for number in range(1, 31):
        index.put([Rule(number, 7, Condition.ABOVE, 5.0, repeat=Repeat.DAILY, since=0)])
        assert apply(index, trades(6.0, first=number), number + 1).number.tolist() == [number]
    assert apply(index, trades(6.0, first=31, ts_event=1_000), 32).number.tolist() == list(range(1, 31))
