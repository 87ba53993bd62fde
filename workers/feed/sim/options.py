"""The options of the simulated market, read from a feed specification and checked."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from workers.feed.adapter import FeedSpec, SpecError
from workers.feed.sim.universe import REAL_SYMBOLS

TIME_ZONE = "America/New_York"
PROFILES = ("day", "flat")

_ZONE = ZoneInfo(TIME_ZONE)
_TIME_OF_DAY = re.compile(r"\d\d:\d\d(:\d\d)?")
_YEARS = range(1990, 2200)  # within what nanoseconds in 64 bits can hold
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Start:
    """When the simulated clock starts: at `moment`, at `time_of_day` on the present date in New York, or now."""

    moment: datetime | None = None
    time_of_day: time | None = None

    def of(self, now_ns: int) -> int:
        """Give the start in ns since 1970 UTC, where the wall clock says `now_ns`."""
        if self.moment is not None:
            return _nanoseconds(self.moment)
        if self.time_of_day is not None:
            today = datetime.fromtimestamp(now_ns // _NS, _ZONE).date()
            return local_ns(today, self.time_of_day)
        return now_ns


@dataclass(frozen=True, slots=True)
class SimOptions:
    """How the market behaves: `rate` events/s on average, and the other options as the package's docstring has them."""

    rate: int
    seed: int
    start: Start
    profile: str
    symbols: int
    depth_ms: int
    slice_ms: int


def read_options(spec: FeedSpec) -> SimOptions:
    """Read a specification; raises SpecError, naming the option and its bounds."""
    if spec.path:
        raise SpecError(f"feed {spec.name!r} takes no path, but has {spec.path!r}")
    spec.only("rate", "seed", "time", "profile", "symbols", "depth_ms", "slice_ms")
    profile = spec.options.get("profile", PROFILES[0])
    if profile not in PROFILES:
        raise SpecError(f"feed {spec.name!r}: profile={profile} must be one of {', '.join(PROFILES)}")
    return SimOptions(
        rate=_whole(spec, "rate", 2000, 10, 1_000_000),
        seed=_whole(spec, "seed", 1, 0, 2**32 - 1),
        start=_start(spec),
        profile=profile,
        symbols=_whole(spec, "symbols", REAL_SYMBOLS, 1, 100_000),
        depth_ms=_whole(spec, "depth_ms", 100, 0, 60_000),
        slice_ms=_whole(spec, "slice_ms", 5, 1, 100),
    )


def local_ns(day: date, at: time) -> int:
    """Give a date and time of day in New York as ns since 1970 UTC."""
    return _nanoseconds(datetime.combine(day, at, _ZONE))


def _whole(spec: FeedSpec, option: str, default: int, low: int, high: int) -> int:
    text = spec.options.get(option)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise SpecError(f"feed {spec.name!r}: {option}={text} must be a whole number from {low:,} to {high:,}")
    return value


def _start(spec: FeedSpec) -> Start:
    text = spec.options.get("time", "now")
    if text == "now":
        return Start()
    try:
        if _TIME_OF_DAY.fullmatch(text):
            return Start(time_of_day=time.fromisoformat(text))
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min  # noqa: DTZ901 - the year alone is looked at, and refused below
    if moment.year not in _YEARS:
        raise SpecError(
            f"feed {spec.name!r}: time={text} must be now, HH:MM, HH:MM:SS or an ISO 8601 date and time "
            f"of the years {_YEARS.start} to {_YEARS.stop - 1}"
        )
    return Start(moment=moment if moment.tzinfo else moment.replace(tzinfo=_ZONE))


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * _NS + moment.microsecond * 1000
