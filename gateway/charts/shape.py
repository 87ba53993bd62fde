"""How stored candles become those of a chart: shown or not, both kinds of time as one, gaps filled, days told. Pure."""

import numpy as np
import numpy.typing as npt

from market.candles.candles import Candles
from market.candles.exact import NANOS
from market.candles.sessions import DAY_NS, MINUTE_NS, Segments, first_of_month, monday_of
from market.candles.timeframe import Session, Timeframe
from market.codes import CandleFlag

I8 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_NANOS = int(NANOS)


def shown(candles: Candles) -> Candles:
    """Leave out what has no price, and what was withdrawn."""
    return candles.take(~np.isnan(candles.close) & (candles.flags & CandleFlag.WITHDRAWN == 0))


def combine_sessions(candles: Candles) -> Candles:
    """Make one candle of those that start at the same time: prices of the regular session where it has any.

    Volume, trades and turnover are those of both, as in consolidated daily bars. They must be sorted by start and
    session.
    """
    is_pair = np.zeros(len(candles), bool)
    is_pair[:-1] = candles.start_ns[1:] == candles.start_ns[:-1]
    first = np.flatnonzero(is_pair)
    if not len(first):
        return candles
    regular, extended = candles.take(first), candles.take(first + 1)
    priced = ~np.isnan(regular.close)
    both = {
        name: np.where(priced, getattr(regular, name), getattr(extended, name))
        for name in ("open", "high", "low", "close", "session")
    }
    for name in ("revision", "trades"):
        both[name] = getattr(regular, name) + getattr(extended, name)
    for name in ("end_ns", "sequence", "ts_event", "ts_recv"):
        both[name] = np.maximum(getattr(regular, name), getattr(extended, name))
    for name in ("volume", "turnover"):
        nano = getattr(regular, f"{name}_nano").astype(np.int64) + getattr(extended, f"{name}_nano")
        whole = getattr(regular, f"{name}_whole") + getattr(extended, f"{name}_whole")
        both[f"{name}_whole"], both[f"{name}_nano"] = whole + nano // _NANOS, nano % _NANOS
    all_of = CandleFlag.CLOSED | CandleFlag.WITHDRAWN | CandleFlag.EXTENDED
    any_of = CandleFlag.AMENDED
    both["flags"] = (regular.flags & extended.flags & all_of) | ((regular.flags | extended.flags) & any_of)
    keys = {name: getattr(regular, name) for name in ("instrument", "timeframe", "start_ns")}
    combined = Candles.of(len(first), **both, **keys)
    others = np.ones(len(candles), bool)
    others[first] = others[first + 1] = False
    joined = Candles.concat([candles.take(others), combined])
    return joined.take(np.argsort(joined.start_ns, kind="stable"))


def forward_fill(candles: Candles, segments: Segments) -> tuple[Candles, Mask]:
    """Put a flat candle without volume where a regular session has none between the first and the last.

    Returns the mask of those put in.
    """
    if not len(candles):
        return candles, np.zeros(0, bool)
    timeframe = Timeframe(int(candles.timeframe[0]))
    first, last = int(candles.start_ns[0]), int(candles.start_ns[-1])
    starts = _regular_starts(segments, timeframe, first, last)
    missing = np.setdiff1d(starts[(starts > first) & (starts < last)], candles.start_ns)
    before = np.searchsorted(candles.start_ns, missing) - 1
    close = candles.close[before]
    flat = Candles.of(
        len(missing),
        instrument=candles.instrument[0],
        timeframe=int(timeframe),
        session=Session.REGULAR,
        start_ns=missing,
        open=close,
        high=close,
        low=close,
        close=close,
        flags=CandleFlag.CLOSED,
    )
    joined = Candles.concat([candles, flat])
    order = np.argsort(joined.start_ns, kind="stable")
    return joined.take(order), order >= len(candles)


def days(candles: Candles, segments: Segments) -> I8:
    """Tell the trading day of each candle, as a number; of a day or more each is a day by itself."""
    if not len(candles) or not Timeframe(int(candles.timeframe[0])).minutes:
        return np.arange(len(candles), dtype=np.int64)
    minutes = candles.start_ns // MINUTE_NS
    covering = segments.covering(int(minutes[0]), int(minutes[-1]))
    found: I8 = covering.day[np.searchsorted(covering.start, minutes, "right") - 1].astype(np.int64)
    return found


def start_of_day(segments: Segments, start_ns: int) -> int:
    """Give the first instant of the trading day that a time is in."""
    minute = start_ns // MINUTE_NS
    nearby = segments.covering(minute - 2 * 1440, minute)
    at = len(nearby) - 1
    while at > 0 and nearby.day[at - 1] == nearby.day[-1]:
        at -= 1
    return int(nearby.start[at]) * MINUTE_NS


def _regular_starts(segments: Segments, timeframe: Timeframe, first_ns: int, last_ns: int) -> I8:
    """Give the starts of all windows of regular sessions from one time to another."""
    covering = segments.covering(first_ns // MINUTE_NS, last_ns // MINUTE_NS + 1)
    regular = covering.session == Session.REGULAR
    if not timeframe.minutes:
        day = covering.day[regular]
        label = {Timeframe.W1: monday_of, Timeframe.MO1: first_of_month}.get(timeframe, lambda each: each)(day)
        return np.unique(label).astype(np.int64) * DAY_NS
    start, end = covering.start[regular].astype(np.int64), covering.end[regular].astype(np.int64)
    counts = -(-(end - start) // timeframe.minutes)
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    minutes: I8 = np.repeat(start, counts) + place * timeframe.minutes
    return minutes * MINUTE_NS
