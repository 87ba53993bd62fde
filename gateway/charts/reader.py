"""Gathers a chart's candles: the worker's newest, the tables' history, and what comes before for the indicators."""

import time

import numpy as np
from nats.errors import Error as NatsError

from gateway.candle_source import CandleSource
from gateway.charts.page import Page, Read, answered, page_of
from gateway.charts.query import ChartQuery
from gateway.charts.shape import combine_sessions, shown, start_of_day
from gateway.problems import Problem, log_reason, retry_after
from market.candles.candles import Candles, from_rows
from market.candles.sessions import DAY_NS, Segments, continuous
from market.instrument import Instrument
from mesh.calendars import Calendars
from mesh.candles.postgres import StoreAway

_AGAIN_S = 2.0


class ChartReader:
    """Reads pages of charts."""

    def __init__(self, source: CandleSource, calendars: Calendars) -> None:
        self._source = source
        self._calendars = calendars

    async def read(self, instrument: Instrument, query: ChartQuery) -> Page:
        """Read a page; raises Problem where the tables are away and the cache does not reach back far enough."""
        now_ns = time.time_ns()
        end_ns = query.end_ns if query.end_ns is not None else now_ns + DAY_NS  # a simulated day may be ahead of ours
        newest = await self._newest(instrument, query, end_ns)
        if query.start_ns is None:
            read = await self._back_from(instrument, query, end_ns, query.limit + max(query.warm_up, 1), newest)
        else:
            before = await self._back_from(instrument, query, query.start_ns, max(query.warm_up, 1), newest)
            after = await self._on_from(instrument, query, (query.start_ns, end_ns), query.limit + 1, newest)
            read = Read(Candles.concat([before.candles, after]), before.is_all)
        if query.is_filled and query.end_ns is not None:  # up to the candle after it there may be gaps
            beyond = await self._on_from(instrument, query, (query.end_ns, now_ns + DAY_NS), 1, newest)
            read = Read(Candles.concat([read.candles, beyond]), read.is_all)
        segments = await self._segments(instrument) if query.is_filled or query.needs_day else continuous()
        if query.needs_day and not read.is_all:
            read = Read(await self._with_day(instrument, query, read.candles, segments), is_all=False)
        return page_of(query, read, segments, now_ns)

    async def _newest(self, instrument: Instrument, query: ChartQuery, end_ns: int) -> Candles:
        """Ask the worker for what may not be in the tables; where it does not answer, take what the cache has."""
        number = int(instrument.number)
        now = await self._source.now([number])
        if number in now.answered:
            found = from_rows(now.rows)
        else:
            found = await self._source.cached(instrument, query.timeframe, 0, end_ns)
        is_wanted = (found.timeframe == query.timeframe) & np.isin(found.session, query.sessions)
        return found.take(is_wanted & (found.instrument == number))

    async def _back_from(
        self, instrument: Instrument, query: ChartQuery, end_ns: int, count: int, newest: Candles
    ) -> Read:
        """Read the newest `count` candles that start before a time."""
        rows = 2 * count if query.is_combined else count
        number = int(instrument.number)
        try:
            stored = await self._source.store.before(number, query.timeframe, end_ns, query.sessions, rows)
            is_all = len(stored) < rows
        except StoreAway as error:
            stored, is_all = await self._cached(instrument, query, end_ns, rows, error), False
        first_ns = int(stored.start_ns[0]) if not is_all else 0
        recent = newest.take((newest.start_ns >= first_ns) & (newest.start_ns < end_ns))
        candles = _charted(query, [recent, stored])
        return Read(candles.take(np.arange(max(0, len(candles) - count), len(candles))), is_all)

    async def _on_from(
        self, instrument: Instrument, query: ChartQuery, span_ns: tuple[int, int], count: int, newest: Candles
    ) -> Candles:
        """Read the oldest `count` candles that start in a span."""
        rows = 2 * count if query.is_combined else count
        start_ns, end_ns = span_ns
        number, sessions = int(instrument.number), query.sessions
        try:
            stored = await self._source.store.between(number, query.timeframe, start_ns, end_ns, sessions, rows)
        except StoreAway:  # and what comes before, which the cache has, was there
            cached = await self._source.cached(instrument, query.timeframe, start_ns, end_ns)
            stored = cached.take(np.flatnonzero(np.isin(cached.session, sessions))[:rows])
        last_ns = end_ns if len(stored) < rows else int(stored.start_ns[-1]) + 1
        recent = newest.take((newest.start_ns >= start_ns) & (newest.start_ns < last_ns))
        candles = _charted(query, [recent, stored])
        return candles.take(np.arange(min(count, len(candles))))

    async def _with_day(
        self, instrument: Instrument, query: ChartQuery, candles: Candles, segments: Segments
    ) -> Candles:
        """Put the rest of the first candle's trading day before the candles."""
        first, end = answered(query, candles)
        if first == end:
            return candles
        begins_ns = start_of_day(segments, int(candles.start_ns[first]))
        ends_ns = int(candles.start_ns[0])
        if begins_ns >= ends_ns:
            return candles
        number, sessions = int(instrument.number), query.sessions
        try:
            earlier = await self._source.store.between(number, query.timeframe, begins_ns, ends_ns, sessions)
        except StoreAway as error:
            raise unavailable(instrument, str(error)) from error
        return Candles.concat([_charted(query, [earlier]), candles])

    async def _cached(
        self, instrument: Instrument, query: ChartQuery, end_ns: int, count: int, away: StoreAway
    ) -> Candles:
        """Give the newest `count` candles before a time that the cache has; raises Problem where it has fewer."""
        cached = await self._source.cached(instrument, query.timeframe, 0, end_ns)
        places = np.flatnonzero(np.isin(cached.session, query.sessions))
        if len(places) < count:
            raise unavailable(instrument, str(away)) from away
        return cached.take(places[-count:])

    async def _segments(self, instrument: Instrument) -> Segments:
        try:
            return await self._calendars.of(instrument.key.venue)
        except (NatsError, TimeoutError) as error:
            raise unavailable(
                instrument, f"their calendar cannot be read: {str(error) or type(error).__name__}"
            ) from error


def _charted(query: ChartQuery, parts: list[Candles]) -> Candles:
    """Keep the newest state of each candle, the stored one of two alike, and leave out what a chart does not show."""
    candles = Candles.concat(parts).sorted_newest()
    return shown(combine_sessions(candles) if query.is_combined else candles)


def unavailable(instrument: Instrument, why: str) -> Problem:
    """Say that an instrument's candles cannot be read now."""
    detail = f"the candles of {instrument.key} cannot be read now"
    log_reason(detail, why or "the store does not answer")
    return Problem(503, "candles_unavailable", detail, headers=retry_after(_AGAIN_S), symbol=str(instrument.key))
