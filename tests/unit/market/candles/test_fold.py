"""The fold: closing, amending, dropping, rejecting, showing; every rule once, with numbers that can be read."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from market import rows
from market.candles.calendar import build_segments
from market.candles.candles import Candles
from market.candles.checks import FoldRules
from market.candles.codec import CodecError
from market.candles.fold import CandleFold
from market.candles.output import FoldCounts, Output
from market.candles.sessions import DAY_NS, MINUTE_NS, Segments
from market.candles.timeframe import Session, Timeframe
from market.codes import NO_INSTRUMENT, CandleFlag, Condition, CorrectionFlag, Kind, TradeFlag
from market.row_type import Rows

S = 1_000_000_000
DAY = 20516  # Wednesday 2026-03-04
NOON = DAY * DAY_NS + 12 * 60 * MINUTE_NS
NAT = np.iinfo(np.int64).min
SHORT = [Timeframe.M1, Timeframe.M5]


def new_fold(venues: Mapping[str, Segments] | None = None, instruments: int = 2, venue: str = "V") -> CandleFold:
    fold = CandleFold(FoldRules(), venues or {})
    fold.enlist(np.arange(instruments, dtype=np.uint32) + 7, [venue] * instruments)
    return fold


class Tape:
    """Writes rows for instruments in order of their sequences."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}

    def row(self, kind: Kind, at_s: float, instrument: int = 7, **fields: object) -> Rows:
        made = rows.EVENT_TYPES[kind].blank(1)
        self._last[instrument] = self._last.get(instrument, 0) + 1
        made["instrument"], made["sequence"] = instrument, self._last[instrument]
        made["ts_event"] = made["ts_recv"] = NOON + int(at_s * S)
        for name, value in fields.items():
            made[name] = value
        return np.frombuffer(made.tobytes(), rows.EVENT_DTYPE)

    def trade(self, at_s: float, price: float = 10.0, size: float = 1.0, **fields: object) -> Rows:
        return self.row(Kind.TRADE, at_s, price=price, size=size, **fields)

    def quote(self, at_s: float, **fields: object) -> Rows:
        return self.row(Kind.QUOTE, at_s, **fields)


def apply(fold: CandleFold, *events: Rows) -> Output:
    return fold.apply(rows.join(events), np.arange(len(events)) + 100)


def told(candles: Candles, *timeframes: Timeframe) -> list[tuple[object, ...]]:
    """Start in s after noon, prices, volume, trades, revision."""
    picked = candles.take(np.isin(candles.timeframe, timeframes or [Timeframe.M1]))
    names = ("open", "high", "low", "close", "volume", "trades", "revision")
    starts = ((picked.start_ns - NOON) // S).tolist()
    return list(zip(starts, *(getattr(picked, name).tolist() for name in names), strict=True))


def test_trades_of_a_minute_are_one_candle_once_the_watermark_is_at_its_end() -> None:
    fold, tape = new_fold(), Tape()
    first = apply(fold, tape.trade(1, 10), tape.trade(2, 12, 2), tape.trade(3, 9), tape.trade(4, 11), tape.quote(61.9))
    assert len(first.closed) == 0
    assert first.changed.tolist() == [0]
    second = apply(fold, tape.quote(62))
    assert told(second.closed) == [(0, 10.0, 12.0, 9.0, 11.0, 5.0, 4, 0)]
    assert second.closed.flags.tolist() == [CandleFlag.CLOSED]
    assert (second.closed.ts_event[0], second.closed.sequence[0]) == (NOON + 4 * S, 6)
    assert len(second.changed) == 0
    assert first.counts == FoldCounts(trades=4)


def test_every_timeframe_closes_when_its_window_ends() -> None:
    fold, tape = new_fold(), Tape()
    first = apply(fold, tape.trade(1), tape.trade(601)).closed
    assert told(first, *SHORT) == [(0, 10.0, 10.0, 10.0, 10.0, 1.0, 1, 0)] * 2
    closed = apply(fold, tape.quote(40 * 86400)).closed
    assert sorted(closed.timeframe.tolist()) == list(Timeframe)
    assert told(closed, Timeframe.M15, Timeframe.MO1) == [
        (0, 10.0, 10.0, 10.0, 10.0, 2.0, 2, 0),
        (-(3 * 86400 + 43200), 10.0, 10.0, 10.0, 10.0, 2.0, 2, 0),
    ]


def test_open_and_close_go_by_event_time_and_then_by_the_tapes_order() -> None:
    fold, tape = new_fold(), Tape()
    events = [tape.trade(at, price) for at, price in ((2, 5), (1, 6), (1, 7), (3, 8), (3, 9), (2.5, 4))]
    closed = apply(fold, *events, tape.quote(90)).closed
    assert told(closed) == [(0, 6.0, 9.0, 4.0, 9.0, 6.0, 6, 0)]


def test_sums_are_exact_whatever_their_order() -> None:
    fold, tape = new_fold(), Tape()
    events = [tape.trade(1, 0.1, 1e10), *(tape.trade(2, 0.3, 1e-9) for _ in range(7)), tape.trade(3, 1, 0.9999999999)]
    closed = apply(fold, *events, tape.quote(90)).closed
    assert (closed.volume_whole[0], closed.volume_nano[0]) == (10**10 + 1, 7)
    assert (closed.turnover_whole[0], closed.turnover_nano[0]) == (10**9 + 1, 0)


def test_a_trade_after_its_minute_closed_amends_every_candle_of_it_that_is_closed() -> None:
    fold, tape = new_fold(), Tape()
    apply(fold, tape.trade(1, 10), tape.trade(65, 11))
    late = apply(fold, tape.trade(30, 12))
    assert told(late.closed, *SHORT) == [(0, 10.0, 12.0, 10.0, 12.0, 2.0, 2, 1)]
    assert late.closed.flags.tolist() == [CandleFlag.CLOSED | CandleFlag.AMENDED]
    assert late.counts.late_amended == 1
    apply(fold, tape.quote(330))
    later = apply(fold, tape.trade(299, 13), tape.trade(298, 14))
    assert told(later.closed, *SHORT) == [
        (240, 14.0, 14.0, 13.0, 13.0, 2.0, 2, 2),
        (0, 10.0, 14.0, 10.0, 13.0, 5.0, 5, 3),
    ]


def test_an_amended_minute_is_given_out_before_it_settles_in_the_same_batch() -> None:
    fold, tape = new_fold(), Tape()
    apply(fold, tape.trade(1, 10), tape.quote(65))
    closed = apply(fold, tape.trade(30, 12), tape.quote(500)).closed
    assert told(closed) == [(0, 10.0, 12.0, 10.0, 12.0, 2.0, 2, 1)]


def test_a_trade_too_late_is_handed_back() -> None:
    fold, tape = new_fold(), Tape()
    apply(fold, tape.trade(1), tape.quote(63))
    just, over = tape.trade(1), tape.trade(0.999999999)
    output = apply(fold, just, over)
    assert output.counts.late_amended == 1
    assert output.late.tobytes() == over.tobytes()
    assert output.late_at.tolist() == [101]
    only = apply(fold, tape.trade(0.5))
    assert (len(only.late), only.counts.trades, len(only.changed)) == (1, 0, 0)


def test_a_quiet_feed_closes_as_if_time_went_on_and_its_tape_still_decides() -> None:
    fold, tape = new_fold(), Tape()
    apply(fold, tape.trade(1, 10))
    early = fold.closed_by(NOON + 62 * S)
    assert told(early) == [(0, 10.0, 10.0, 10.0, 10.0, 1.0, 1, 0)]
    assert len(fold.closed_by(NOON + 100 * S, after_ns=NOON + 62 * S)) == 0
    assert told(fold.closed_by(NOON + 302 * S, after_ns=NOON + 100 * S), Timeframe.M5)
    again = apply(fold, tape.trade(30, 12), tape.quote(62))
    assert told(again.closed) == [(0, 10.0, 12.0, 10.0, 12.0, 2.0, 2, 0)]
    assert len(fold.closed_by(NOON + 62 * S)) == 0


def test_quotes_move_time_and_make_no_candle() -> None:
    fold, tape = new_fold(), Tape()
    output = apply(fold, tape.quote(1), tape.row(Kind.STATUS, 500))
    assert (len(output.closed), output.counts.trades, fold.high_ns) == (0, 0, NOON + 500 * S)
    assert fold.watermark_ns == NOON + 498 * S


def test_no_rows_change_nothing() -> None:
    output = new_fold().apply(rows.join([]), np.zeros(0, np.int64))
    assert (len(output.closed), len(output.changed), output.bad) == (0, 0, ())


BAD = [
    ("price_not_finite", {"price": np.nan}),
    ("price_not_finite", {"price": np.inf}),
    ("price_not_finite", {"price": -np.inf}),
    ("price_not_positive", {"price": 0.0}),
    ("price_not_positive", {"price": -1.0}),
    ("price_absurd", {"price": 1.0000001e8}),
    ("size_not_finite", {"size": np.nan}),
    ("size_not_positive", {"size": 0.0}),
    ("size_not_positive", {"size": -3.0}),
    ("size_absurd", {"size": 1.1e10}),
    ("turnover_absurd", {"price": 1e8, "size": 1e10}),
    ("time_before_1990", {"ts_event": 631_151_999 * S}),
    ("time_before_1990", {"ts_event": NAT}),
    ("time_in_future", {"ts_event": NOON + 15_000_000_001}),
    ("time_in_future", {"ts_event": np.iinfo(np.int64).max}),
    ("unknown_instrument", {"instrument": 9}),
    ("unknown_instrument", {"instrument": NO_INSTRUMENT - 1}),
    ("unrefoldable", {"flags": TradeFlag.CORRECTED}),
]


@pytest.mark.parametrize(("reason", "fields"), BAD)
def test_a_bad_trade_is_handed_back_with_its_reason_and_touches_nothing(reason: str, fields: dict[str, Any]) -> None:
    fold, tape = new_fold(), Tape()
    good, bad, last = tape.trade(1), tape.trade(10, **fields), tape.trade(20)
    output = apply(fold, good, bad, last)
    (rejected,) = output.bad
    assert (rejected.reason, rejected.rows.tobytes(), rejected.tape_sequence.tolist()) == (reason, bad.tobytes(), [101])
    assert output.counts.bad == {reason: 1}
    assert output.counts.trades == 2
    assert fold.high_ns == NOON + 20 * S
    assert told(apply(fold, tape.quote(90)).closed) == [(0, 10.0, 10.0, 10.0, 10.0, 2.0, 2, 0)]


def test_what_is_only_just_allowed_is_folded() -> None:
    fold, tape = new_fold(), Tape()
    events = [tape.trade(1, 1e8, 1e7), tape.trade(1, 1e5, 1e10), tape.trade(1, ts_recv=NOON - 4 * S)]
    assert apply(fold, *events).counts == FoldCounts(trades=3)


def test_bad_quotes_are_judged_by_time_alone() -> None:
    fold, tape = new_fold(), Tape()
    output = apply(fold, tape.quote(1, bid=np.nan, ask=-1), tape.quote(99, ts_recv=NOON), tape.trade(1))
    assert output.counts == FoldCounts(trades=1, bad={"time_in_future": 1})
    assert fold.high_ns == NOON + S


def test_a_correction_is_handed_back_and_so_is_the_trade_that_replaces() -> None:
    fold, tape = new_fold(), Tape()
    first = tape.trade(1)
    withdrawn = tape.row(Kind.CORRECTION, 2, flags=CorrectionFlag.REPLACED, price=10.0, size=1.0)
    output = apply(fold, first, withdrawn, tape.trade(3, 11, flags=TradeFlag.CORRECTED))
    assert output.counts == FoldCounts(trades=1, bad={"unrefoldable": 2})


def test_rows_about_the_whole_venue_are_passed_over() -> None:
    fold, tape = new_fold(), Tape()
    output = apply(fold, tape.row(Kind.STATUS, 50, instrument=NO_INSTRUMENT))
    assert (output.bad, fold.high_ns) == ((), 0)
    assert fold.unknown(tape.row(Kind.STATUS, 50, instrument=NO_INSTRUMENT)).tolist() == []


def test_repeated_rows_are_counted_and_missing_ones_reported() -> None:
    fold, tape = new_fold(), Tape()
    first, unseen, third = tape.trade(1), [tape.trade(2), tape.trade(2)], tape.trade(3)
    nobody = tape.trade(3, instrument=50)
    output = apply(fold, first, nobody, first, third, third, first)
    assert unseen
    assert output.counts == FoldCounts(trades=2, duplicates=3, gaps=1, gap_rows=2, bad={"unknown_instrument": 1})
    found = {rejected.reason: rejected for rejected in output.bad}
    assert found["gap"].rows.tobytes() == third.tobytes()
    assert found["gap"].tape_sequence.tolist() == [103]


def test_a_bad_row_that_is_repeated_is_bad_once() -> None:
    fold, tape = new_fold(), Tape()
    bad = tape.trade(1, price=0.0)
    assert apply(fold, bad, bad).counts == FoldCounts(duplicates=1, bad={"price_not_positive": 1})


def test_numbers_that_are_not_enlisted_are_told_and_then_folded() -> None:
    fold, tape = new_fold(), Tape()
    events = rows.join([tape.trade(1, instrument=3), tape.trade(1, instrument=7), tape.trade(1, instrument=900)])
    assert fold.unknown(events).tolist() == [3, 900]
    fold.enlist(np.array([900, 3, 900, 7], np.uint32), ["W", "V", "W", "X"])
    fold.enlist(np.array([900], np.uint32), ["V"])
    assert len(fold.unknown(events)) == 0
    assert len(fold) == 4
    assert fold.places(np.array([7, 8, 900, 3, 5], np.uint32)).tolist() == [0, 1, 2, 3, -1]
    output = fold.apply(events, np.zeros(3, np.int64))
    assert fold.numbers(output.changed).tolist() == [7, 900, 3]


def new_york() -> Segments:
    """Regular from 14:30 to 21:00 UTC on that one day."""
    opens, closes = np.array([NOON + 150 * MINUTE_NS]), np.array([NOON + 540 * MINUTE_NS])
    return build_segments(
        opens, closes, np.array([NAT]), np.array([NAT]), np.array([DAY], np.int32), "America/New_York"
    )


OPENS_S, CLOSES_S = 150 * 60, 540 * 60


def test_sessions_are_kept_apart() -> None:
    fold, tape = new_fold({"V": new_york()}), Tape()
    output = apply(fold, tape.trade(OPENS_S - 1, 9), tape.trade(OPENS_S, 10), tape.quote(2 * 86400))
    days = output.closed.take(output.closed.timeframe == Timeframe.D1)
    assert sorted(zip(days.session.tolist(), days.close.tolist(), days.flags.tolist(), strict=True)) == [
        (Session.REGULAR, 10.0, CandleFlag.CLOSED),
        (Session.EXTENDED, 9.0, CandleFlag.CLOSED | CandleFlag.EXTENDED),
    ]
    assert set(days.start_ns.tolist()) == {DAY * DAY_NS}
    assert len(set(days.end_ns.tolist())) == 2


def test_a_trade_stamped_at_the_close_is_of_the_sessions_last_minute() -> None:
    fold, tape = new_fold({"V": new_york()}), Tape()
    first = tape.trade(OPENS_S, 9)
    at_close = [tape.trade(CLOSES_S, 10), tape.trade(CLOSES_S, 11, instrument=8), tape.trade(CLOSES_S + 0.1, 12)]
    closed = apply(fold, first, *at_close, tape.quote(CLOSES_S + 200)).closed
    assert told(closed) == [
        (OPENS_S, 9.0, 9.0, 9.0, 9.0, 1.0, 1, 0),
        (CLOSES_S - 60, 10.0, 10.0, 10.0, 10.0, 1.0, 1, 0),
        (CLOSES_S - 60, 11.0, 11.0, 11.0, 11.0, 1.0, 1, 0),
        (CLOSES_S, 12.0, 12.0, 12.0, 12.0, 1.0, 1, 0),
    ]


@pytest.mark.parametrize(
    ("at_s", "conditions", "forms"),
    [
        (OPENS_S, 0, True),
        (OPENS_S, Condition.INTERMARKET_SWEEP, True),
        (OPENS_S, Condition.ODD_LOT, False),
        (OPENS_S, Condition.EXTENDED_HOURS, False),
        (OPENS_S - 60, Condition.ODD_LOT, False),
        (OPENS_S - 60, Condition.EXTENDED_HOURS, True),
    ],
)
def test_trades_that_form_no_price_count_to_the_volume(at_s: float, conditions: int, forms: bool) -> None:
    fold, tape = new_fold({"V": new_york()}), Tape()
    events = [tape.trade(at_s, 20, 3, conditions=conditions), tape.trade(at_s + 1, 10)]
    candle = told(apply(fold, *events, tape.quote(at_s + 90)).closed)
    assert candle == [(at_s, 20.0 if forms else 10.0, 20.0 if forms else 10.0, 10.0, 10.0, 4.0, 2, 0)]


def test_a_candle_without_a_price_has_none_until_it_has_one() -> None:
    fold, tape = new_fold(), Tape()
    closed = apply(fold, tape.trade(1, conditions=Condition.ODD_LOT), tape.quote(200)).closed
    assert np.isnan(closed.open[0])
    assert (closed.volume[0], closed.trades[0]) == (1.0, 1)
    apply(fold, tape.trade(201, 7))
    assert told(fold.live(np.array([0])), Timeframe.H1) == [(0, 7.0, 7.0, 7.0, 7.0, 2.0, 2, 0)]


def test_live_candles_are_those_of_each_places_newest_minute() -> None:
    fold, tape = new_fold(instruments=3), Tape()
    apply(fold, tape.trade(1, 10), tape.trade(1, 5, instrument=8), tape.trade(61, 11))
    live = fold.live(np.array([0, 1, 2]))
    assert told(live, *SHORT) == [
        (60, 11.0, 11.0, 11.0, 11.0, 1.0, 1, 0),
        (0, 10.0, 11.0, 10.0, 11.0, 2.0, 2, 0),
        (0, 5.0, 5.0, 5.0, 5.0, 1.0, 1, 0),
        (0, 5.0, 5.0, 5.0, 5.0, 1.0, 1, 0),
    ]
    assert set(live.flags.tolist()) == {0}
    assert len(fold.live(np.array([0]), [Timeframe.H1])) == 1
    assert len(fold.live(np.zeros(0, np.intp))) == 0


def test_now_gives_what_is_open_and_what_may_still_be_amended() -> None:
    fold, tape = new_fold(), Tape()
    apply(fold, tape.trade(1, 10), tape.trade(61, 11), tape.quote(63))
    asked = np.array([7, 8, 99, 7], np.uint32)
    now = fold.now(asked)
    assert told(now) == [(0, 10.0, 10.0, 10.0, 10.0, 1.0, 1, 0), (60, 11.0, 11.0, 11.0, 11.0, 1.0, 1, 0)]
    assert now.take(now.timeframe == Timeframe.M1).flags.tolist() == [CandleFlag.CLOSED, 0]
    apply(fold, tape.quote(250))
    assert told(fold.now(asked)) == []
    assert told(fold.now(asked), Timeframe.M5) == [(0, 10.0, 11.0, 10.0, 11.0, 2.0, 2, 0)]
    apply(fold, tape.quote(300 + 62 + 1))
    assert told(fold.now(asked), Timeframe.M5) == []
    assert len(fold.now(np.array([99], np.uint32))) == 0


@pytest.mark.parametrize("rules", [{"bound_ns": -1}, {"lateness_ns": -1}, {"bound_ns": 3 * S}])
def test_rules_that_four_minutes_cannot_hold_are_refused(rules: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="from 0 to 62 s together"):
        FoldRules(**rules)


def test_a_fold_without_any_tolerance_takes_only_what_is_in_order() -> None:
    fold, tape = CandleFold(FoldRules(bound_ns=0, lateness_ns=0), {}), Tape()
    fold.enlist(np.array([7], np.uint32), ["V"])
    output = apply(fold, tape.trade(1), tape.trade(0.9), tape.trade(60))
    assert (told(output.closed), len(output.late)) == ([(0, 10.0, 10.0, 10.0, 10.0, 1.0, 1, 0)], 1)


def filled() -> CandleFold:
    fold, tape = new_fold({"V": new_york()}), Tape()
    apply(fold, tape.trade(1, 10.25, 0.1), tape.trade(500, 1 / 3), tape.trade(OPENS_S, 12), tape.quote(OPENS_S + 1))
    return fold


def test_a_restored_fold_shows_the_same_and_knows_how_far_it_was() -> None:
    fold = filled()
    back = CandleFold.restore(FoldRules(), {"V": new_york()}, fold.freeze().encode())
    numbers = np.array([7, 8], np.uint32)
    assert told(back.now(numbers), *Timeframe) == told(fold.now(numbers), *Timeframe)
    assert (back.high_ns, len(back)) == (fold.high_ns, 2)


def test_a_frozen_state_is_not_changed_by_what_comes_after() -> None:
    fold, tape = new_fold(), Tape()
    apply(fold, tape.trade(1))
    frozen = fold.freeze()
    before = frozen.encode()
    apply(fold, tape.trade(2), tape.quote(700))
    assert frozen.encode() == before
    assert fold.freeze().encode() != before
    assert frozen.encode() == before


def test_an_empty_fold_is_restored_too() -> None:
    data = CandleFold(FoldRules(), {}).freeze().encode()
    assert len(CandleFold.restore(FoldRules(), {}, data)) == 0


DATA = filled().freeze().encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "a state begins with b'TMC1'"),
        (b"TMC0" + DATA[4:], "a state begins with b'TMC1'"),
        (DATA[:4] + b"\0\1" + DATA[6:], "the state's schema is 1, not 2"),
        (DATA[:-7], "cannot be read"),
        (DATA[:200], "cannot be read"),
        (DATA.replace(b'"numbers"', b'"sumbers"'), "not whole"),
        (DATA.replace(b'"high_ns"', b'"nigh_ns"'), "not whole"),
        (DATA.replace(b'"V"', b'"V'), "cannot be read"),
    ],
)
def test_other_bytes_are_no_state(data: bytes, reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        CandleFold.restore(FoldRules(), {}, data)


def test_a_long_tape_of_minutes_is_folded_like_a_short_one() -> None:
    fold, tape = new_fold(), Tape()
    parts = [apply(fold, tape.trade(60 * at, at + 1)).closed for at in range(200)]
    found = told(Candles.concat(parts), Timeframe.H1)
    assert [row[:5] for row in found] == [
        (hour * 3600, *(60.0 * hour + n for n in (1, 60, 1, 60))) for hour in range(3)
    ]
