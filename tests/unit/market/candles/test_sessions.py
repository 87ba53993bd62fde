"""A venue's time: windows in New York, Tokyo, Chicago, and where nothing is known; days of 23 and 25 hours."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from market.candles.calendar import SegmentsError, build_segments, from_bytes, to_bytes
from market.candles.sessions import MINUTE_NS, Segments, continuous
from market.candles.timeframe import Session, Timeframe

NEW_YORK, TOKYO, CHICAGO = "America/New_York", "Asia/Tokyo", "America/Chicago"
NAT = np.iinfo(np.int64).min
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
REGULAR, EXTENDED = Session.REGULAR, Session.EXTENDED


def instant(text: str, zone: str) -> int:
    """Nanoseconds of a local time."""
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


def minute(text: str, zone: str = "UTC") -> int:
    return instant(text, zone) // MINUTE_NS


def segments(zone: str, sessions: list[tuple[str, ...]]) -> Segments:
    """Sessions as (day, open, close) or (day, open, break, break end, close), in local time."""
    times = [[instant(each, zone) for each in (s[1], s[-1], *s[2:-1])] for s in sessions]
    columns = np.array([[*row, NAT, NAT][:4] for row in times])
    days = np.array([date.fromisoformat(s[0]).toordinal() - date(1970, 1, 1).toordinal() for s in sessions], np.int32)
    return build_segments(*columns.T, days, zone)


def new_york(*days: str, closes: str = "16:00") -> Segments:
    return segments(NEW_YORK, [(day, f"{day} 09:30", f"{day} {closes}") for day in days])


def window(of: Segments, timeframe: Timeframe, at: int) -> tuple[str, str, Session]:
    found = of.window(timeframe, at)
    return text(found.start_ns), text(found.end_ns), found.session


def text(ns: int) -> str:
    return (EPOCH + timedelta(microseconds=ns // 1000)).strftime("%Y-%m-%d %H:%M")


def kinds(of: Segments, day: str, zone: str) -> list[tuple[str, str, Session]]:
    """A local day's stretches, in local time."""
    begin = minute(f"{day} 00:00", zone)
    end = minute(f"{(datetime.fromisoformat(day) + timedelta(1)).date()} 00:00", zone)
    found = of.covering(begin, end - 1)
    local = [
        [(EPOCH + timedelta(minutes=at)).astimezone(ZoneInfo(zone)).strftime("%H:%M") for at in column.tolist()]
        for column in (found.start, found.end)
    ]
    return list(zip(*local, map(Session, found.session.tolist()), strict=True))


WEEK = new_york("2026-11-23", "2026-11-24", "2026-11-25", "2026-11-27", "2026-11-30")


def test_a_weekday_in_new_york_is_night_session_and_evening() -> None:
    assert kinds(WEEK, "2026-11-24", NEW_YORK) == [
        ("00:00", "09:30", EXTENDED),
        ("09:30", "16:00", REGULAR),
        ("16:00", "00:00", EXTENDED),
    ]


@pytest.mark.parametrize("day", ["2026-11-26", "2026-11-28", "2026-11-29"])
def test_a_holiday_and_a_weekend_are_one_stretch_each_day(day: str) -> None:
    assert kinds(WEEK, day, NEW_YORK) == [("00:00", "00:00", EXTENDED)]


def test_a_half_day_ends_early() -> None:
    half = segments(NEW_YORK, [("2026-11-27", "2026-11-27 09:30", "2026-11-27 13:00")])
    assert kinds(half, "2026-11-27", NEW_YORK)[1] == ("09:30", "13:00", REGULAR)
    at = minute("2026-11-27 12:59", NEW_YORK)
    assert window(half, Timeframe.H1, at) == ("2026-11-27 17:30", "2026-11-27 18:00", REGULAR)
    assert window(half, Timeframe.D1, at) == ("2026-11-27 00:00", "2026-11-27 18:00", REGULAR)


@pytest.mark.parametrize(
    ("at", "timeframe", "expected"),
    [
        ("09:29", Timeframe.H1, ("2026-11-24 14:00", "2026-11-24 14:30", EXTENDED)),
        ("09:30", Timeframe.H1, ("2026-11-24 14:30", "2026-11-24 15:30", REGULAR)),
        ("15:59", Timeframe.H1, ("2026-11-24 20:30", "2026-11-24 21:00", REGULAR)),
        ("16:00", Timeframe.H1, ("2026-11-24 21:00", "2026-11-24 22:00", EXTENDED)),
        ("09:44", Timeframe.M15, ("2026-11-24 14:30", "2026-11-24 14:45", REGULAR)),
        ("09:36", Timeframe.M5, ("2026-11-24 14:35", "2026-11-24 14:40", REGULAR)),
        ("09:36", Timeframe.M1, ("2026-11-24 14:36", "2026-11-24 14:37", REGULAR)),
        ("12:00", Timeframe.D1, ("2026-11-24 00:00", "2026-11-24 21:00", REGULAR)),
        ("08:00", Timeframe.D1, ("2026-11-24 00:00", "2026-11-25 05:00", EXTENDED)),
        ("12:00", Timeframe.W1, ("2026-11-23 00:00", "2026-11-27 21:00", REGULAR)),
        ("08:00", Timeframe.W1, ("2026-11-23 00:00", "2026-11-30 05:00", EXTENDED)),
        ("12:00", Timeframe.MO1, ("2026-11-01 00:00", "2026-11-30 21:00", REGULAR)),
        ("08:00", Timeframe.MO1, ("2026-11-01 00:00", "2026-12-01 05:00", EXTENDED)),
    ],
)
def test_windows_begin_with_their_stretch_and_are_named_by_their_day(
    at: str, timeframe: Timeframe, expected: tuple[str, str, Session]
) -> None:
    assert window(WEEK, timeframe, minute(f"2026-11-24 {at}", NEW_YORK)) == expected


@pytest.mark.parametrize(("day", "hours"), [("2026-03-08", 23), ("2026-11-01", 25), ("2026-06-07", 24)])
def test_a_day_on_which_clocks_change_is_shorter_or_longer(day: str, hours: int) -> None:
    nearby = new_york("2026-03-06", "2026-03-09") if day < "2026-06" else new_york("2026-10-30", "2026-11-02")
    found = nearby.window(Timeframe.D1, minute(f"{day} 12:00", NEW_YORK))
    begin = nearby.window(Timeframe.H1, minute(f"{day} 00:00", NEW_YORK))
    assert (found.end_ns - begin.start_ns) // (60 * MINUTE_NS) == hours
    assert text(found.start_ns) == f"{day} 00:00"


def test_the_session_moves_in_utc_when_clocks_change() -> None:
    spring = new_york("2026-03-06", "2026-03-09")
    opens = [text(spring.window(Timeframe.H1, minute(f"{day} 09:30", NEW_YORK)).start_ns) for day in
             ("2026-03-06", "2026-03-09")]  # fmt: skip
    assert opens == ["2026-03-06 14:30", "2026-03-09 13:30"]


def test_lunch_is_outside_the_session_and_hours_begin_anew_after_it() -> None:
    day = "2026-11-24"
    tokyo = segments(TOKYO, [(day, f"{day} 09:00", f"{day} 11:30", f"{day} 12:30", f"{day} 15:30")])
    assert kinds(tokyo, day, TOKYO) == [
        ("00:00", "09:00", EXTENDED),
        ("09:00", "11:30", REGULAR),
        ("11:30", "12:30", EXTENDED),
        ("12:30", "15:30", REGULAR),
        ("15:30", "00:00", EXTENDED),
    ]
    assert window(tokyo, Timeframe.H1, minute(f"{day} 11:29", TOKYO)) == (
        "2026-11-24 02:00",
        "2026-11-24 02:30",
        REGULAR,
    )
    assert window(tokyo, Timeframe.H1, minute(f"{day} 12:30", TOKYO))[0] == "2026-11-24 03:30"
    assert window(tokyo, Timeframe.D1, minute(f"{day} 09:00", TOKYO))[1] == "2026-11-24 06:30"


def test_a_session_over_midnight_is_one_and_belongs_to_its_own_day() -> None:
    futures = segments(
        CHICAGO,
        [
            ("2026-11-23", "2026-11-22 17:00", "2026-11-23 16:00"),
            ("2026-11-24", "2026-11-23 17:00", "2026-11-24 16:00"),
        ],
    )
    late, early = minute("2026-11-23 23:59", CHICAGO), minute("2026-11-24 00:00", CHICAGO)
    assert futures.window(Timeframe.D1, late) == futures.window(Timeframe.D1, early)
    assert window(futures, Timeframe.D1, late) == ("2026-11-24 00:00", "2026-11-24 22:00", REGULAR)
    assert futures.window(Timeframe.H1, late).end_ns == early * MINUTE_NS
    pause = minute("2026-11-23 16:30", CHICAGO)
    assert window(futures, Timeframe.D1, pause) == ("2026-11-23 00:00", "2026-11-23 23:00", EXTENDED)


def test_the_end_of_a_session_is_told_from_the_middle_and_from_other_ends() -> None:
    closes = minute("2026-11-24 16:00", NEW_YORK)
    assert WEEK.is_closing(closes)
    for other in ("09:30", "00:00", "15:59", "16:01"):
        assert not WEEK.is_closing(minute(f"2026-11-24 {other}", NEW_YORK))
    assert not continuous().is_closing(minute("2026-11-24 00:00"))


def test_where_nothing_is_known_every_utc_day_is_a_session() -> None:
    always = continuous()
    at = minute("2026-11-22 05:07")
    assert window(always, Timeframe.H1, at) == ("2026-11-22 05:00", "2026-11-22 06:00", REGULAR)
    assert window(always, Timeframe.D1, at) == ("2026-11-22 00:00", "2026-11-23 00:00", REGULAR)
    assert window(always, Timeframe.W1, at) == ("2026-11-16 00:00", "2026-11-23 00:00", REGULAR)
    assert window(always, Timeframe.MO1, at) == ("2026-11-01 00:00", "2026-12-01 00:00", REGULAR)
    assert len(always.covering(at, at + 2 * 1440)) == 3


@pytest.mark.parametrize("day", ["2026-11-02", "2026-12-24"])
def test_days_before_and_after_what_is_known_are_outside_sessions(day: str) -> None:
    assert window(WEEK, Timeframe.D1, minute(f"{day} 12:00", NEW_YORK))[::2] == (f"{day} 00:00", EXTENDED)


def test_days_beyond_what_is_known_meet_it_without_a_gap() -> None:
    first, last = minute("2026-11-10 03:00", NEW_YORK), minute("2026-12-15 03:00", NEW_YORK)
    found = WEEK.covering(first, last)
    assert found.end[:-1].tolist() == found.start[1:].tolist()
    assert found.start[0] <= first < last < found.last_end
    assert len(found) == 36 + 2 * 5
    assert (found.session == REGULAR).sum() == 5


@pytest.mark.parametrize("month", ["2026-10", "2026-12"])
def test_what_lies_wholly_beyond_is_covered_too(month: str) -> None:
    found = WEEK.covering(minute(f"{month}-10 00:00", NEW_YORK), minute(f"{month}-12 00:00", NEW_YORK))
    assert found.session.tolist() == [EXTENDED] * 3


def test_days_at_the_edge_of_what_is_known_are_cut_there() -> None:
    odd = Segments(WEEK.start[1:-1], WEEK.session[1:-1], WEEK.day[1:-1], int(WEEK.end[-2]), WEEK.zone)
    before, after = int(odd.start[0]) - 1, odd.last_end
    assert odd.window(Timeframe.D1, before).end_minute == odd.start[0]
    assert odd.covering(after, after).start.tolist() == [after]


@pytest.mark.parametrize(
    ("day", "session", "expected"),
    [
        ("2026-11-24", REGULAR, ("09:30", "16:00")),
        ("2026-11-24", EXTENDED, ("00:00", "00:00")),
        ("2026-11-26", EXTENDED, ("00:00", "00:00")),
        ("2027-01-04", EXTENDED, ("00:00", "00:00")),
        ("2026-11-26", REGULAR, None),
        ("2027-01-04", REGULAR, None),
    ],
)
def test_a_day_of_one_kind_of_time_has_a_span(day: str, session: Session, expected: tuple[str, str] | None) -> None:
    start, end = WEEK.span_of((date.fromisoformat(day) - EPOCH.date()).days, session)
    if expected is None:
        assert start == end
        return
    local = [(EPOCH + timedelta(minutes=at)).astimezone(ZoneInfo(NEW_YORK)).strftime("%H:%M") for at in (start, end)]
    assert tuple(local) == expected
    assert {Session(kind) for kind in WEEK.covering(start, end - 1).session.tolist()} >= {session}


def test_a_day_over_midnight_and_one_that_never_closes_have_spans() -> None:
    night = segments(CHICAGO, [("2026-11-24", "2026-11-23 17:00", "2026-11-24 16:00")])
    day = (date(2026, 11, 24) - EPOCH.date()).days
    assert night.span_of(day, REGULAR) == (minute("2026-11-23 17:00", CHICAGO), minute("2026-11-24 16:00", CHICAGO))
    assert continuous().span_of(day, REGULAR) == (day * 1440, (day + 1) * 1440)
    assert continuous().span_of(day, EXTENDED) == (day * 1440, day * 1440)


@pytest.mark.parametrize("each", [WEEK, continuous("Asia/Tokyo")], ids=["new york", "continuous"])
def test_segments_come_back_from_bytes(each: Segments) -> None:
    back = from_bytes(to_bytes(each))
    for name in ("start", "end", "session", "day", "day_end", "week_end", "month_end"):
        assert getattr(back, name).tolist() == getattr(each, name).tolist()
        assert getattr(back, name).dtype == getattr(each, name).dtype
    assert (back.zone, back.outside, back.last_end) == (each.zone, each.outside, each.last_end)


@pytest.mark.parametrize(
    "data", [b"", b"TMS2" + bytes(9), to_bytes(WEEK)[:-5], b"TMS1\x00\x02{}" + to_bytes(WEEK)[-9:], b"TMS1\x00\x02{}x"]
)
def test_other_bytes_are_no_segments(data: bytes) -> None:
    with pytest.raises(SegmentsError):
        from_bytes(data)
