"""Cuts the candles of an answer out of those that were read. Pure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.charts.query import ChartQuery
from gateway.charts.shape import days, forward_fill
from market.candles.candles import Candles
from market.candles.sessions import DAY_NS, MINUTE_NS, Segments
from market.candles.timeframe import Timeframe
from market.codes import CandleFlag

_AMENDED_NS = 62 * 10**9  # for so long after its end a candle may change
_LONGEST_NS = {Timeframe.D1: 2 * DAY_NS, Timeframe.W1: 8 * DAY_NS, Timeframe.MO1: 32 * DAY_NS}
_FILLED_SPAN = 16  # times the windows asked for: so far from its end, or start, a page is filled


@dataclass(frozen=True, slots=True)
class Read:
    """What was read for an answer, oldest first: what comes before it for the indicators, and a candle after it."""

    candles: Candles
    is_all: bool
    """Whether there is nothing older."""


@dataclass(frozen=True, slots=True)
class Page:
    """The candles of an answer, oldest first, with those before them that indicators begin from."""

    candles: Candles
    is_filled: npt.NDArray[np.bool_]
    day: npt.NDArray[np.int64]
    """The trading day of each, as a number."""
    first: int
    """Where the answer begins."""
    previous_ns: int | None
    """The end of the page before; None where there is nothing before."""
    next_ns: int | None
    """The start of the page after; None where there is none yet."""
    is_settled: bool
    """Whether it stays as it is: all its candles ended long enough ago, and none can come to it."""

    @property
    def closed(self) -> int:
        """How many of the candles come before the first one that is still open."""
        is_open = self.candles.flags & CandleFlag.CLOSED == 0
        return int(np.argmax(is_open)) if is_open.any() else len(is_open)


def answered(query: ChartQuery, candles: Candles) -> tuple[int, int]:
    """Find where the answer begins and ends: from `start` the oldest, else the newest."""
    end = len(candles) if query.end_ns is None else int(np.searchsorted(candles.start_ns, query.end_ns))
    if query.start_ns is None:
        return max(0, end - query.limit), end
    first = int(np.searchsorted(candles.start_ns, query.start_ns))
    return first, min(end, first + query.limit)


def page_of(query: ChartQuery, read: Read, segments: Segments, now_ns: int) -> Page:
    """Cut an answer out, filled where that was asked for."""
    candles, is_filled = read.candles, np.zeros(len(read.candles), bool)
    if query.is_filled and len(candles):
        candles, is_filled = forward_fill(_near(query, candles), segments)
    first, end = answered(query, candles)
    following = int(candles.start_ns[end]) if end < len(candles) else None
    has_older = first > 0 or not read.is_all or len(candles) < len(read.candles)
    previous_ns = int(candles.start_ns[first]) if first < end and has_older else None
    candles, is_filled = candles.take(np.arange(end)), is_filled[:end]
    next_ns = query.end_ns if following is None and _is_past(query.end_ns, now_ns) else following
    last_ns = following if query.end_ns is None else query.end_ns
    length_ns = query.timeframe.minutes * MINUTE_NS or _LONGEST_NS[query.timeframe]
    is_closed = bool((candles.flags & CandleFlag.CLOSED).all())
    is_settled = is_closed and last_ns is not None and last_ns + length_ns + _AMENDED_NS <= now_ns
    return Page(candles, is_filled, days(candles, segments), first, previous_ns, next_ns, is_settled)


def _near(query: ChartQuery, candles: Candles) -> Candles:
    """Leave out what is so far away that filling up to it would be work without bound."""
    length_ns = query.timeframe.minutes * MINUTE_NS or _LONGEST_NS[query.timeframe]
    span_ns = _FILLED_SPAN * (query.limit + query.warm_up) * length_ns
    first, end = answered(query, candles)
    anchor_ns = candles.start_ns[max(end, 1) - 1 if query.start_ns is None else min(first, len(candles) - 1)]
    return candles.take(np.abs(candles.start_ns - anchor_ns) <= span_ns)


def _is_past(time_ns: int | None, now_ns: int) -> bool:
    return time_ns is not None and time_ns < now_ns
