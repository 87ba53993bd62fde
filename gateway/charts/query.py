"""What a request for candles asks for, read and bounded. Pure."""

import re
from dataclasses import dataclass

from gateway.charts.indicators import MOST_INDICATORS, AskedIndicator, parse_indicator
from gateway.images import from_iso
from gateway.problems import Problem, invalid_field
from market.candles.timeframe import Session, Timeframe

MOST_CANDLES = 5000
_SECOND_NS = 1_000_000_000
_EARLIEST_NS = 631_152_000 * _SECOND_NS  # 1990
_AHEAD_NS = 86_400 * _SECOND_NS
_WHOLE = re.compile(r"[0-9]{1,12}")

SESSIONS: dict[str, tuple[Session, ...]] = {
    "all": (Session.REGULAR, Session.EXTENDED),
    "regular": (Session.REGULAR,),
    "extended": (Session.EXTENDED,),
}
FILLS = ("none", "previous")


@dataclass(frozen=True, slots=True)
class ChartQuery:
    """One request: candles that start in [start, end), at most `limit`.

    With `start_ns` the oldest of them, else the newest.
    """

    timeframe: Timeframe
    start_ns: int | None
    end_ns: int | None
    limit: int
    session: str
    is_filled: bool
    indicators: tuple[AskedIndicator, ...]

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The kinds of time wanted."""
        return SESSIONS[self.session]

    @property
    def is_combined(self) -> bool:
        """Whether a candle is of both kinds of time together."""
        return self.session == "all" and not self.timeframe.minutes

    @property
    def warm_up(self) -> int:
        """How many candles before the first are needed for the indicators, those of the trading day not counted."""
        return max((each.warm_up for each in self.indicators), default=0)

    @property
    def needs_day(self) -> bool:
        """Whether an indicator needs the candles from the start of the trading day on."""
        return bool(self.timeframe.minutes) and any(each.is_daily for each in self.indicators)


def read_query(
    interval: str, start: str | None, end: str | None, limit: str, indicators: str, fill: str, session: str, now_ns: int
) -> ChartQuery:
    """Read the parameters; raises Problem, which names the parameter and its bound."""
    try:
        timeframe = Timeframe.of(interval)
    except ValueError:
        raise invalid_field("interval", f"one of {', '.join(each.text for each in Timeframe)}") from None
    start_ns, end_ns = _time("start", start, now_ns), _time("end", end, now_ns)
    if start_ns is not None and end_ns is not None and start_ns >= end_ns:
        raise invalid_field("end", "later than start")
    _one_of("fill", fill, FILLS)
    _one_of("session", session, tuple(SESSIONS))
    if not _WHOLE.fullmatch(limit) or not 1 <= int(limit) <= MOST_CANDLES:
        raise invalid_field("limit", f"a whole number from 1 to {MOST_CANDLES}")
    return ChartQuery(timeframe, start_ns, end_ns, int(limit), session, fill == "previous", _indicators(indicators))


def _indicators(text: str) -> tuple[AskedIndicator, ...]:
    names = list(dict.fromkeys(text.split(","))) if text else []
    if len(names) > MOST_INDICATORS:
        raise invalid_field("indicators", f"at most {MOST_INDICATORS}")
    try:
        return tuple(parse_indicator(name) for name in names)
    except ValueError as error:
        raise invalid_field("indicators", str(error)) from None


def _time(field: str, text: str | None, now_ns: int) -> int | None:
    if text is None:
        return None
    try:
        # A plus in a query is a space to those who do not escape it.
        time_ns = int(text) * _SECOND_NS if _WHOLE.fullmatch(text) else from_iso(text.replace(" ", "+"))
    except ValueError:
        raise _bad_time(field) from None
    if not _EARLIEST_NS <= time_ns <= now_ns + _AHEAD_NS:
        raise _bad_time(field)
    return time_ns


def _bad_time(field: str) -> Problem:
    return invalid_field(field, "ISO 8601 with its zone, or whole seconds since 1970, from 1990 to a day from now")


def _one_of(field: str, text: str, choices: tuple[str, ...]) -> None:
    if text not in choices:
        raise invalid_field(field, f"one of {', '.join(choices)}")
