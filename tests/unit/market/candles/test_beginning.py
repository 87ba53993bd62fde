"""A fold that begins in the middle: the rest of the tape and the stored candles give what the whole tape gives."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from market import rows
from market.candles.beginning import Children, Past, day_begins, first_possible, pasts
from market.candles.calendar import build_segments
from market.candles.candles import Candles
from market.candles.checks import FoldRules
from market.candles.fold import CandleFold
from market.candles.sessions import DAY_NS, MINUTE_NS, Segments, continuous
from market.candles.timeframe import Session, Timeframe
from market.codes import NO_INSTRUMENT
from market.row_type import Rows, take

S = 1_000_000_000
NAT = np.full(12, np.iinfo(np.int64).min)
DAYS = np.array([day for day in range(20514, 20530) if (day + 3) % 7 < 5], np.int32)  # from Monday 2026-03-02
OPENS = DAYS.astype(np.int64) * DAY_NS + 870 * MINUTE_NS
XNYS = build_segments(OPENS, OPENS + 390 * MINUTE_NS, NAT, NAT, DAYS, "America/New_York")
TIMES: Mapping[str, Segments] = {"XNYS": XNYS, "COIN": continuous()}
REGULAR, EXTENDED = Session.REGULAR, Session.EXTENDED
LONG = (Timeframe.D1, Timeframe.W1, Timeframe.MO1)


def minute(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // 60


def trades(*given: tuple[str, int, float]) -> Rows:
    """Time, instrument, price."""
    made = rows.TRADE.blank(len(given))
    for at, (time, instrument, price) in enumerate(given):
        row = made[at]
        row["instrument"], row["sequence"], row["price"], row["size"] = instrument, at + 1, price, 1.5
        row["ts_event"] = row["ts_recv"] = minute(time) * MINUTE_NS + at
    return np.frombuffer(made.tobytes(), rows.EVENT_DTYPE)


def new_fold() -> CandleFold:
    return CandleFold(FoldRules(), TIMES)


def folded(fold: CandleFold, events: Rows) -> Candles:
    fold.enlist(np.array([1, 2], np.uint32), ["XNYS", "COIN"])
    return fold.apply(events, np.zeros(len(events), np.int64)).closed.sorted_newest()


def children(stored: Candles, first_minute: int) -> dict[str, list[Children]]:
    """What a store gives that holds these candles."""
    found: dict[str, list[Children]] = {}
    for number, (venue, times) in enumerate(TIMES.items(), 1):
        for past in pasts(times, first_minute):
            own = stored.take((stored.instrument == number) & (stored.session == past.session))
            start, end = (each * MINUTE_NS for each in times.span_of(past.day, past.session))
            is_minute = (own.timeframe == Timeframe.M1) & (own.start_ns >= start) & (own.start_ns < end)
            is_minute &= (own.start_ns < first_minute * MINUTE_NS) & (not past.is_over)
            day = own.start_ns // DAY_NS
            is_day = (own.timeframe == Timeframe.D1) & (day >= past.first_day) & (day <= past.last_day)
            found.setdefault(venue, []).append(Children(past, own.take(is_minute), own.take(is_day)))
    return found


TAPE = trades(
    ("2026-03-02 15:00", 1, 10.0),
    ("2026-03-02 15:00", 2, 20.0),
    ("2026-03-03 12:00", 1, 14.0),
    ("2026-03-03 15:10", 1, 9.0),
    ("2026-03-04 11:00", 1, 12.0),
    ("2026-03-04 15:01", 1, 11.0),
    ("2026-03-04 15:02", 2, 22.0),
    ("2026-03-04 15:31", 1, 13.0),
    ("2026-03-04 15:33", 1, 8.0),
    ("2026-03-04 15:36", 2, 19.0),
    ("2026-03-05 15:00", 1, 10.5),
    ("2026-04-10 15:00", 1, 10.0),
)


@pytest.mark.parametrize(
    "begin", ["2026-03-02 14:00", "2026-03-03 05:00", "2026-03-03 12:01", "2026-03-04 15:02", "2026-03-04 15:32"]
)
def test_the_rest_of_the_tape_with_stored_children_gives_the_candles_of_the_whole(begin: str) -> None:
    whole, first = folded(new_fold(), TAPE), minute(begin)
    fold = new_fold()
    fold.begin(first, children(whole, first), is_known=True)
    again = CandleFold.restore(FoldRules(), TIMES, fold.freeze().encode())
    rest = take(TAPE, np.flatnonzero(TAPE["ts_event"].astype(np.int64) >= (first - 2) * MINUTE_NS))
    expected = whole.take(whole.end_ns > first * MINUTE_NS)
    for found in (folded(fold, rest), folded(again, rest)):
        assert len(found) == len(expected)
        for name in ("instrument", "timeframe", "session", "start_ns", "end_ns", "trades", "revision", "open", "high"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
        for name in ("low", "close", "volume_whole", "volume_nano", "turnover_whole", "turnover_nano"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


def test_of_what_began_before_without_children_nothing_is_given_out() -> None:
    whole, first = folded(new_fold(), TAPE), minute("2026-03-04 15:32")
    nothing = children(Candles.of(0), first)
    fold = new_fold()
    fold.begin(first, nothing, is_known=False)
    again = CandleFold.restore(FoldRules(), TIMES, fold.freeze().encode())
    began = whole.take((whole.start_ns >= first * MINUTE_NS) & ~np.isin(whole.timeframe, LONG))
    later = whole.take(np.isin(whole.timeframe, LONG) & (whole.start_ns >= (20517 * DAY_NS)))
    for found in (folded(fold, TAPE), folded(again, TAPE)):
        keys = set(zip(found.timeframe.tolist(), found.session.tolist(), found.start_ns.tolist(), strict=True))
        wanted = Candles.concat([began, later])
        assert keys == set(
            zip(wanted.timeframe.tolist(), wanted.session.tolist(), wanted.start_ns.tolist(), strict=True)
        )
    known = new_fold()
    known.begin(first, nothing, is_known=True)
    month = folded(known, TAPE)
    assert month.trades[(month.timeframe == Timeframe.MO1) & (month.instrument == 1)].tolist()[:1] == [2]


def test_a_window_is_shown_once_its_day_is_known_though_it_has_no_trades_yet() -> None:
    first = minute("2026-03-04 15:32")
    stored = folded(new_fold(), TAPE)
    stored = stored.take(stored.start_ns < minute("2026-03-04 15:30") * MINUTE_NS)
    fold = new_fold()
    fold.begin(first, children(stored, first), is_known=False)
    found = folded(fold, TAPE)
    quarter = found.take((found.timeframe == Timeframe.M15) & (found.instrument == 1))
    assert quarter.start_ns[0] == minute("2026-03-04 15:30") * MINUTE_NS


def test_candles_of_files_and_without_prices_count_as_they_are() -> None:
    first = minute("2026-03-04 15:00")
    days = Candles.of(
        2,
        instrument=1,
        timeframe=Timeframe.D1,
        start_ns=[20514 * DAY_NS, 20515 * DAY_NS],
        open=[5.0, np.nan],
        high=[6.0, np.nan],
        low=[4.0, np.nan],
        close=[5.5, np.nan],
        volume_whole=[100, 7],
    )
    past = next(each for each in pasts(XNYS, first) if each.session is REGULAR)
    fold = new_fold()
    fold.begin(first, {"XNYS": [Children(past, Candles.of(0), days)]}, is_known=True)
    found = folded(fold, TAPE)
    week = found.take((found.timeframe == Timeframe.W1) & (found.session == REGULAR) & (found.instrument == 1))
    assert (week.open[0], week.high[0], week.low[0], week.close[0]) == (5.0, 13.0, 4.0, 10.5)
    assert (week.trades[0], week.volume[0]) == (4, 113.0)


@pytest.mark.parametrize(
    ("begin", "expected"),
    [
        (
            "2026-03-04 15:00",
            [(REGULAR, "2026-03-04 14:59", 20516, 20515), (EXTENDED, "2026-03-04 14:29", 20516, 20515)],
        ),
        (
            "2026-03-04 22:00",
            [(REGULAR, "2026-03-04 20:59", 20516, 20516), (EXTENDED, "2026-03-04 21:59", 20516, 20515)],
        ),
        (
            "2026-03-05 05:00",
            [(REGULAR, "2026-03-04 20:59", 20516, 20516), (EXTENDED, "2026-03-05 04:59", 20516, 20516)],
        ),
    ],
)
def test_each_kind_of_time_has_a_past(begin: str, expected: Sequence[tuple[Session, str, int, int]]) -> None:
    found = [(past.session, past.minute, past.day, past.last_day) for past in pasts(XNYS, minute(begin))]
    assert found == [(session, minute(last), day, last_day) for session, last, day, last_day in expected]


def test_where_a_venue_never_closes_there_is_one_kind_of_time() -> None:
    (past,) = pasts(continuous(), minute("2026-03-04 15:00"))
    assert past == Past(REGULAR, minute("2026-03-04 14:59"), 20516, 20513, 20515)


def test_the_first_possible_row_is_of_an_instrument_and_its_time_is_neither_ancient_nor_ahead() -> None:
    events = trades(*[("2026-03-04 15:00", 1, 10.0)] * 4).copy()
    events["ts_event"][0], events["instrument"][1] = 5, NO_INSTRUMENT
    events["ts_event"][2] += 60 * S
    assert first_possible(events, FoldRules()) == 3
    assert first_possible(events[:3], FoldRules()) is None


@pytest.mark.parametrize("at", ["2026-03-04 05:00", "2026-03-04 14:29", "2026-03-04 15:00", "2026-03-05 04:59"])
def test_a_day_begins_at_local_midnight_for_all_its_time(at: str) -> None:
    assert day_begins(XNYS, minute(at)) == minute("2026-03-04 05:00")


def test_a_day_that_begins_the_evening_before_begins_then() -> None:
    night = build_segments(OPENS - 900 * MINUTE_NS, OPENS, NAT, NAT, DAYS, "America/New_York")
    assert day_begins(night, minute("2026-03-04 12:00")) == minute("2026-03-03 23:30")
