"""Venues' time: made from the library's sessions, published, and read by those who know no library."""

from __future__ import annotations

import signal
from datetime import UTC, date, datetime

import pytest
from nats.errors import Error as NatsError

from infra.local.servers import NatsServer
from market.candles.calendar import to_bytes
from market.candles.sessions import Segments, continuous
from market.candles.timeframe import Session, Timeframe
from mesh.calendars import Calendars
from mesh.connection import connect
from mesh.settings import MeshSettings
from mesh.streams import CALENDARS, declared, ensure
from workers.calendars import segments_of, times_of

R, E = Session.REGULAR, Session.EXTENDED


@pytest.fixture(scope="module")
def new_york() -> Segments:
    return segments_of("XNYS")


def hours(segments: Segments, first: str, last: str) -> list[tuple[str, str, Session]]:
    """Give the stretches from one UTC time to another, with the days that they belong to."""
    part = segments.covering(minute(first), minute(last))
    return [
        (f"{datetime.fromtimestamp(start * 60, UTC):%d %H:%M}", str(date.fromordinal(719_163 + day)), Session(session))
        for start, day, session in zip(part.start.tolist(), part.day.tolist(), part.session.tolist(), strict=True)
    ]


def minute(text: str) -> int:
    return int(datetime.fromisoformat(text + "+00:00").timestamp()) // 60


def test_day_of_new_york_has_three_stretches_and_moves_with_summer_time(new_york: Segments) -> None:
    # Summer time began on Sunday the 8th, which has 23 hours.
    assert hours(new_york, "2026-03-06 05:00", "2026-03-10 03:59") == [
        ("06 05:00", "2026-03-06", E),
        ("06 14:30", "2026-03-06", R),
        ("06 21:00", "2026-03-06", E),
        ("07 05:00", "2026-03-07", E),
        ("08 05:00", "2026-03-08", E),
        ("09 04:00", "2026-03-09", E),
        ("09 13:30", "2026-03-09", R),
        ("09 20:00", "2026-03-09", E),
    ]
    autumn = hours(new_york, "2026-11-01 04:00", "2026-11-02 14:30")  # a Sunday of 25 hours
    assert [start for start, _, _ in autumn] == ["01 04:00", "02 05:00", "02 14:30"]


def test_half_day_and_holiday_of_new_york(new_york: Segments) -> None:
    assert hours(new_york, "2026-11-26 05:00", "2026-11-28 04:59") == [
        ("26 05:00", "2026-11-26", E),  # Thanksgiving
        ("27 05:00", "2026-11-27", E),
        ("27 14:30", "2026-11-27", R),
        ("27 18:00", "2026-11-27", E),
    ]
    hour = new_york.window(Timeframe.H1, minute("2026-11-27 17:45"))
    assert (hour.start_ns // 60_000_000_000, hour.end_minute) == (
        minute("2026-11-27 17:30"),
        minute("2026-11-27 18:00"),
    )


@pytest.mark.parametrize(
    ("venue", "expected"),
    [
        ("XTKS", ["00:00 R", "02:30 E", "03:30 R", "06:30 E", "15:00 E"]),
        ("XHKG", ["01:30 R", "04:00 E", "05:00 R", "08:00 E", "16:00 E"]),
    ],
)
def test_lunch_is_outside_the_session(venue: str, expected: list[str]) -> None:
    # A Friday; from the opening, in UTC, to local midnight.
    day = hours(segments_of(venue), f"2026-11-20 {expected[0][:5]}", "2026-11-20 16:00")
    assert [f"{start[3:]} {'RE'[session]}" for start, _, session in day][:5] == expected


def test_session_over_midnight_is_one_stretch_of_the_next_day() -> None:
    chicago = segments_of("CMES")
    monday = chicago.covering(minute("2026-06-01 03:00"), minute("2026-06-01 06:00"))
    assert monday.session.tolist() == [R]
    assert monday.day.tolist() == [(date(2026, 6, 1) - date(1970, 1, 1)).days]
    assert monday.start[0] == minute("2026-05-31 22:00")


@pytest.mark.parametrize("venue", ["IEXG", "XSIM", "XNAS", "ARCX", "BATS", "XASE"])
def test_american_venues_keep_new_yorks_hours(venue: str, new_york: Segments) -> None:
    assert to_bytes(segments_of(venue)) == to_bytes(new_york)


def test_venue_known_for_fewer_years_has_those() -> None:
    assert len(segments_of("AIXK")) > 1000


def test_unknown_venue_never_closes() -> None:
    assert to_bytes(segments_of("CRYP")) == to_bytes(continuous())


async def test_times_are_made_once_and_published_for_all(nats_server: NatsServer, new_york: Segments) -> None:
    settings = MeshSettings(nats_url=nats_server.url)
    connection = await connect(settings, "test")
    try:
        js = connection.jetstream()
        await ensure(js, declared(settings))
        calendars = await Calendars.open(js)
        bucket = await js.key_value(CALENDARS)
        today = date(2026, 11, 22)
        for _ in range(2):
            found = await times_of(calendars, ["XNYS", "CRYP"], today)
            assert to_bytes(found["XNYS"]) == to_bytes(new_york)
            assert (await bucket.get("XNYS")).revision == 1
        await times_of(calendars, ["XNYS"], date(2026, 12, 1))  # another month, the same sessions
        assert (await bucket.get("XNYS")).revision == 1

        reader = await Calendars.open(js)
        assert to_bytes(await reader.of("XNYS")) == to_bytes(new_york)
        assert to_bytes(await reader.of("NONE")) == to_bytes(continuous())
        await bucket.put("XNYS", b"of another version")
        assert to_bytes(await reader.of("XNYS")) == to_bytes(new_york), "kept for a minute"
        assert await calendars.published("XNYS") is None
        await bucket.delete("XNYS")
        assert to_bytes((await times_of(calendars, ["XNYS"], date(2026, 12, 1)))["XNYS"]) == to_bytes(new_york)
    finally:
        await connection.close()


async def test_known_time_is_given_while_the_bucket_is_away(nats_server: NatsServer, new_york: Segments) -> None:
    settings = MeshSettings(nats_url=nats_server.url)
    connection = await connect(settings, "test")
    try:
        js = connection.jetstream()
        await ensure(js, declared(settings))
        now_s = 1000.0
        calendars = Calendars(await js.key_value(CALENDARS), lambda: now_s)
        await times_of(calendars, ["XNYS"], date(2026, 11, 22))
        await calendars.of("XNYS")
        nats_server.kill(signal.SIGSTOP)
        now_s += 3600
        assert to_bytes(await calendars.of("XNYS")) == to_bytes(new_york)
        with pytest.raises((NatsError, TimeoutError)):
            await calendars.of("XTKS")
    finally:
        nats_server.kill(signal.SIGCONT)
        await connection.close()
