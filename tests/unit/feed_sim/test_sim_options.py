from datetime import UTC, datetime

import pytest

from workers.feed.adapter import FeedSpec, SpecError
from workers.feed.sim.options import SimOptions, read_options

NOON_NS = int(datetime(2026, 3, 27, 16, tzinfo=UTC).timestamp()) * 10**9  # 12:00 in New York


def options(text: str) -> SimOptions:
    return read_options(FeedSpec.parse(text))


def test_the_default_is_a_day_of_500_names_at_2000_events_a_second_from_now() -> None:
    read = options("sim")
    assert (read.rate, read.seed, read.profile, read.symbols) == (2000, 1, "day", 500)
    assert (read.depth_ms, read.slice_ms) == (100, 5)
    assert read.start.of(NOON_NS + 5) == NOON_NS + 5


@pytest.mark.parametrize(
    ("time", "utc"),
    [
        ("09:30", datetime(2026, 3, 27, 13, 30, tzinfo=UTC)),
        ("15:59:30", datetime(2026, 3, 27, 19, 59, 30, tzinfo=UTC)),
        ("2026-01-05T09:30", datetime(2026, 1, 5, 14, 30, tzinfo=UTC)),
        ("2026-01-05T09:30:00.250Z", datetime(2026, 1, 5, 9, 30, 0, 250_000, tzinfo=UTC)),
        ("2026-01-05", datetime(2026, 1, 5, 5, tzinfo=UTC)),
    ],
)
def test_a_start_is_in_new_york_unless_it_names_an_offset(time: str, utc: datetime) -> None:
    expected_ns = int(utc.timestamp()) * 10**9 + utc.microsecond * 1000
    assert options(f"sim:time={time}").start.of(NOON_NS) == expected_ns


@pytest.mark.parametrize(
    ("option", "bounds"),
    [
        ("rate=9", "10 to 1,000,000"),
        ("rate=1000001", "10 to 1,000,000"),
        ("rate=10.5", "whole number from 10 to 1,000,000"),
        ("rate=nan", "whole number from 10 to 1,000,000"),
        ("seed=-1", "0 to 4,294,967,295"),
        ("symbols=0", "1 to 100,000"),
        ("symbols=100001", "1 to 100,000"),
        ("depth_ms=-1", "0 to 60,000"),
        ("slice_ms=0", "1 to 100"),
        ("profile=busy", "day, flat"),
        ("time=25:00", "HH:MM"),
        ("time=1989-12-31", "1990 to 2199"),
        ("time=tomorrow", "ISO 8601"),
        ("speed=2", "it knows rate, seed, time"),
    ],
)
def test_a_bad_option_is_refused_by_name_with_its_bounds(option: str, bounds: str) -> None:
    with pytest.raises(SpecError) as refused:
        options(f"sim:{option}")
    assert option.split("=", maxsplit=1)[0] in str(refused.value)
    assert bounds in str(refused.value)


def test_a_path_is_refused() -> None:
    with pytest.raises(SpecError, match=r"takes no path, but has 'FILE'"):
        options("sim:FILE,rate=10")
