import math

import numpy as np

from gateway.charts.shape import combine_sessions, days, forward_fill, shown, start_of_day
from market.candles.candles import Candles
from market.candles.sessions import DAY_NS, MINUTE_NS, Segments, continuous
from market.candles.timeframe import Session, Timeframe

MORNING = 1440 * 20_000 + 570  # 09:30 of a day
# Two days, each a regular session of ten minutes and a lunch in its middle.
STARTS = [MORNING - 570, MORNING, MORNING + 5, MORNING + 8, MORNING + 13]
SEGMENTS = Segments(
    np.array(STARTS + [start + 1440 for start in STARTS], np.int32),
    np.array([1, 0, 1, 0, 1] * 2, np.uint8),
    np.array([20_000] * 5 + [20_001] * 5, np.int32),
    MORNING + 1440 - 570 + 1440,
    "UTC",
)


def candles(minutes: list[int], timeframe: Timeframe = Timeframe.M1, **columns: object) -> Candles:
    close = np.arange(len(minutes)) + 10.0
    made = {
        "open": close,
        "high": close + 1,
        "low": close - 1,
        "close": close,
        "trades": 1,
        "volume_whole": 5,
        "flags": 1,
    }
    start_ns = np.array(minutes, np.int64) * MINUTE_NS
    return Candles.of(len(minutes), instrument=3, timeframe=int(timeframe), start_ns=start_ns, **(made | columns))  # type: ignore[arg-type]  # by name


def minutes(of: Candles) -> list[int]:
    return (of.start_ns // MINUTE_NS - MORNING).tolist()


def test_without_a_price_or_withdrawn_it_is_not_shown() -> None:
    made = candles([MORNING + at for at in range(3)], close=[10.0, math.nan, 12.0], flags=[1, 1, 9])
    assert minutes(shown(made)) == [0]


def test_gaps_inside_regular_sessions_are_filled_and_no_others() -> None:
    made = candles([MORNING + at for at in (-3, 1, 4, 9, 1440 + 1)])
    filled, is_filled = forward_fill(made, SEGMENTS)
    kept = [-3, 1, 4, 9, 1441]
    put_in = [0, 2, 3, 8, 10, 11, 12, 1440]
    assert minutes(filled) == sorted(kept + put_in)
    assert np.array(minutes(filled))[is_filled].tolist() == put_in
    at = minutes(filled).index(3)
    assert (filled.open[at], filled.high[at], filled.close[at], filled.volume[at], filled.trades[at]) == (
        11,
        11,
        11,
        0,
        0,
    )


def test_windows_below_a_day_begin_anew_after_lunch() -> None:
    filled, _ = forward_fill(candles([MORNING - 10, MORNING + 400], Timeframe.M5), SEGMENTS)
    assert minutes(filled) == [-10, 0, 8, 400]


def test_days_are_filled_where_there_is_a_session() -> None:
    filled, is_filled = forward_fill(candles([1440 * 20_000, 1440 * 20_003], Timeframe.D1), SEGMENTS)
    assert (filled.start_ns // DAY_NS).tolist() == [20_000, 20_001, 20_003]
    assert is_filled.tolist() == [False, True, False]


def test_weeks_and_months_are_filled_by_their_labels() -> None:
    monday = 20_000 - (20_000 + 3) % 7
    weeks = candles([1440 * (monday + 7 * at) for at in (0, 3)], Timeframe.W1)
    filled, _ = forward_fill(weeks, continuous())
    assert (filled.start_ns // DAY_NS).tolist() == [monday + 7 * at for at in range(4)]
    months = [np.datetime64(f"2024-{month:02}-01").astype(int) for month in (1, 4)]
    filled, _ = forward_fill(candles([1440 * int(day) for day in months], Timeframe.MO1), continuous())
    assert [str(np.datetime64(ns, "ns"))[:7] for ns in filled.start_ns.tolist()] == [f"2024-0{n}" for n in range(1, 5)]


def test_of_nothing_nothing_is_filled() -> None:
    filled, is_filled = forward_fill(Candles.of(0), SEGMENTS)
    assert len(filled) == len(is_filled) == 0
    assert len(combine_sessions(Candles.of(0))) == len(days(Candles.of(0), SEGMENTS)) == 0


def test_two_kinds_of_time_become_one() -> None:
    made = candles(
        [0, 1440, 1440, 2880, 2880], Timeframe.D1,
        session=[1, 0, 1, 0, 1], close=[1.0, 2.0, 3.0, math.nan, 5.0], flags=[3, 1, 2, 5, 3], revision=[0, 1, 2, 0, 0],
        volume_nano=[0, 600_000_000, 700_000_000, 0, 0], turnover_whole=7, sequence=[1, 5, 3, 0, 0],
    )  # fmt: skip
    found = combine_sessions(made)
    assert (found.start_ns // DAY_NS).tolist() == [0, 1, 2]
    assert found.close.tolist() == [1, 2, 5]
    assert found.session.tolist() == [Session.EXTENDED, Session.REGULAR, Session.EXTENDED]
    assert (found.trades.tolist(), found.revision.tolist(), found.sequence.tolist()) == (
        [1, 2, 2],
        [0, 3, 0],
        [1, 5, 0],
    )
    assert (found.volume_whole.tolist(), found.volume_nano.tolist()) == ([5, 11, 10], [0, 300_000_000, 0])
    assert found.turnover_whole.tolist() == [7, 14, 14]
    assert found.flags.tolist() == [3, 0, 5], "closed where both are, extended where both are, amended where one is"


def test_a_candles_day_is_its_segments() -> None:
    made = candles([MORNING - 1, MORNING, MORNING + 6, MORNING + 1440])
    assert days(made, SEGMENTS).tolist() == [20_000, 20_000, 20_000, 20_001]
    assert days(candles([0, 1440], Timeframe.D1), SEGMENTS).tolist() == [0, 1]


def test_a_day_begins_with_the_first_segment_of_its_label() -> None:
    for minute in (MORNING - 570, MORNING, MORNING + 9, MORNING + 869):
        assert start_of_day(SEGMENTS, minute * MINUTE_NS) == (MORNING - 570) * MINUTE_NS
    assert start_of_day(continuous(), (MORNING + 1) * MINUTE_NS) == 20_000 * DAY_NS
