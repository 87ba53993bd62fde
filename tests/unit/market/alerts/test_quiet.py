"""Rows that pass without a look at any rule: none that a rule has to see, and nothing is changed by those that stay."""

from collections.abc import Callable

import numpy as np
import pytest

from market.alerts import quiet
from market.alerts.index import AlertIndex
from market.alerts.instruments import MAX_INSTRUMENT
from market.alerts.rule import Condition, Repeat, Rule, State
from market.codes import Condition as TradeCondition
from market.row_type import Rows
from market.rows import EVENT_DTYPE, QUOTE, TRADE
from tests.compiling import as_python, times_compiled

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
NOON_NS = 20_000 * DAY_NS + 12 * HOUR_NS
NAMES = ("_look_at", "_take_in", "_tick", "_integer", "_float")


@pytest.fixture(params=["compiled", "python"], autouse=True)
def is_compiled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Run it as it is, and as Python runs it."""
    for name in NAMES if request.param == "python" else ():
        monkeypatch.setattr(quiet, name, as_python(getattr(quiet, name)))
    return bool(request.param == "compiled")


def day_of(instruments: np.ndarray, ts_ns: np.ndarray) -> np.ndarray:
    """Days of UTC; of instrument 9 none is known."""
    return np.where(instruments == 9, 0, ts_ns // DAY_NS).astype(np.int32)


def trades(*prices: float, instrument: int = 7, first: int = 1, ts_event: int = NOON_NS, conditions: int = 0) -> Rows:
    rows = TRADE.blank(len(prices))
    rows["instrument"], rows["price"], rows["ts_event"], rows["conditions"] = instrument, prices, ts_event, conditions
    rows["sequence"] = np.arange(first, first + len(prices))
    return rows.view(EVENT_DTYPE)


def met(*instruments: int) -> AlertIndex:
    """Make an index with a rule between 90 and 110 for each instrument, each of which has traded at 100."""
    index = AlertIndex(day_of)
    for number, instrument in enumerate(instruments):
        index.put([Rule(2 * number, instrument, Condition.ABOVE, 110.0, since=-1)])
        index.put([Rule(2 * number + 1, instrument, Condition.BELOW, 90.0, since=-1)])
        first = trades(100.0, instrument=instrument)
        assert not passes(index, first, sequence=1), "nothing is known of it"
        index.apply(first, np.ones(1, np.int64), 0)
    return index


def passes(index: AlertIndex, *rows: Rows, sequence: int = 2, evaluate_after: int = 0) -> bool:
    return index.pass_by([(sequence + at, each.tobytes()) for at, each in enumerate(rows)], evaluate_after)


def test_prices_that_pass_are_known() -> None:
    index = met(7, 8)
    assert passes(index, trades(101.0, 102.0, first=2), trades(109.9, 90.1, instrument=8, first=2))
    assert (index.price_of(7), index.price_of(8)) == (102.0, 90.1)


@pytest.mark.parametrize(
    "rows",
    [
        trades(110.0, first=2),
        trades(101.0, 90.0, first=2),
        trades(101.0, instrument=6),
        trades(101.0, instrument=1000),
        trades(101.0, first=2, ts_event=NOON_NS + 7 * HOUR_NS),
        trades(101.0, first=2, ts_event=NOON_NS - 7 * HOUR_NS),
        trades(101.0, first=2, ts_event=NOON_NS + DAY_NS),
        trades(101.0, first=2, ts_event=-1),
    ],
    ids=["above", "below", "not met", "far beyond", "late", "early", "another day", "before 1970"],
)
def test_what_may_touch_something_stays_and_changes_nothing(rows: Rows) -> None:
    index = met(7)
    assert not passes(index, trades(101.0, first=2), rows)
    assert index.price_of(7) == 100.0
    assert index.apply(trades(101.0, first=2), np.array([2]), 0).number.tolist() == []
    assert index.price_of(7) == 101.0


def test_a_message_that_is_no_rows_stays() -> None:
    index = met(7)
    data = trades(101.0, first=2).tobytes()
    wrong_marker, wrong_kind, no_event = (bytearray(data) for _ in range(3))
    wrong_marker[TRADE.offsets["price"] - 1] ^= 1
    wrong_kind[TRADE.offsets["kind"]] = 200
    no_event[TRADE.offsets["kind"]] = 5
    for each in (b"", data[:-1], bytes(wrong_marker), bytes(wrong_kind), bytes(no_event)):
        assert not index.pass_by([(2, data), (3, each)], 0)
    assert index.price_of(7) == 100.0


def test_rows_that_form_no_price_pass_and_their_sequences_count() -> None:
    index = met(7)
    quote = QUOTE.blank(1)
    quote["instrument"], quote["sequence"] = 7, 5
    for at, rows in enumerate(
        [
            trades(200.0, first=2, conditions=int(TradeCondition.ODD_LOT)),
            trades(0.0, -1.0, np.inf, np.nan, first=3),
            trades(500.0, instrument=MAX_INSTRUMENT + 1),
            quote.view(EVENT_DTYPE),
            trades(101.0, first=5),
        ]
    ):
        assert passes(index, rows, sequence=2 + at)
        assert index.price_of(7) == 100.0
    assert passes(index, trades(101.0, first=8), sequence=9)
    assert index.price_of(7) == 101.0


def test_ticks_that_are_not_evaluated_stay() -> None:
    assert not passes(met(7), trades(101.0, first=2), evaluate_after=2)


def test_while_rules_wait_for_the_tape_all_stays() -> None:
    index = met(7)
    index.put([Rule(9, 7, Condition.ABOVE, 105.0, since=5)])
    assert not passes(index, trades(101.0, first=2))


def test_rows_of_a_message_are_counted_over_its_parts() -> None:
    index = met(7)
    assert passes(index, trades(101.0, 101.0, first=2), sequence=2)
    assert passes(index, trades(101.0, first=4), sequence=2)
    assert index.apply(trades(101.0, 111.0, first=5), np.array([2, 2]), 0).row.tolist() == [4]


def test_near_midnight_less_is_sure() -> None:
    index = met(7)
    midnight_ns = NOON_NS + 12 * HOUR_NS
    for sequence, (before_s, is_sure) in enumerate([(3600, False), (3001, True), (25, False), (20, False)], 2):
        assert passes(index, trades(101.0, first=sequence, ts_event=midnight_ns - before_s * 10**9)) == is_sure
        if not is_sure:
            rows = trades(101.0, first=sequence, ts_event=midnight_ns - before_s * 10**9)
            index.apply(rows, np.array([sequence]), 0)


def test_a_day_that_is_not_known_is_never_sure() -> None:
    index = met(9)
    assert not passes(index, trades(101.0, instrument=9, first=2))


def test_whoever_learns_a_day_is_sure_of_nothing_before_the_next_tick() -> None:
    index = met(7)
    index.put(
        [Rule(9, 7, Condition.ABOVE, 105.0, repeat=Repeat.DAILY, state=State.DORMANT, since=-1, fired_day=20_000)]
    )
    index.learn(7, 100.0, 99.0, 20_001)
    assert not passes(index, trades(101.0, first=2))
    assert index.apply(trades(106.0, first=2, ts_event=NOON_NS + DAY_NS), np.array([2]), 0).number.tolist() == [9]


def test_a_restored_index_is_sure_again_with_the_first_tick() -> None:
    index = AlertIndex.restore(day_of, met(7).freeze().encode())
    assert not passes(index, trades(101.0, first=2))
    index.apply(trades(101.0, first=2), np.array([2]), 0)
    assert passes(index, trades(102.0, first=3), sequence=3)


def test_all_is_compiled_once(is_compiled: bool) -> None:
    assert passes(met(7), trades(101.0, first=2))
    functions: list[Callable[..., object]] = [getattr(quiet, name) for name in NAMES[:2]] if is_compiled else []
    assert [times_compiled(each) for each in functions] == [1] * len(functions)
