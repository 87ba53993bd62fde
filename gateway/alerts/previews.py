"""How often an alert would have fired in the last days, by the candles of one minute that are stored."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from nats.errors import Error as NatsError

from gateway.accounts.limiter import AttemptLimiter
from gateway.candle_source import BOTH, CandleSource
from gateway.charts.reader import unavailable
from gateway.charts.shape import shown
from gateway.problems import Problem, retry_after
from gateway.upstream import Upstream
from market.alerts.commands import Create
from market.alerts.preview import Bars, Fired, preview
from market.alerts.rule import Reference, Rule
from market.candles.candles import Candles, from_rows
from market.candles.sessions import DAY_NS
from market.candles.timeframe import Session, Timeframe
from market.instrument import Instrument
from market.ledger.times import time_text
from market.trading_day import TradingDays
from mesh.calendars import Calendars
from mesh.candles.postgres import StoreAway

MAX_FIRINGS = 100
_AT_ONCE = 2
_BURST, _REFILL_S, _MAX_KEYS = 20, 0.5, 100_000
_MAX_CANDLES = 50_000
_S_NS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Body = dict[str, object]


class Previews:
    """Looks back; all methods raise Problem. `now_s` is seconds of a clock that never goes back."""

    def __init__(
        self, source: CandleSource, calendars: Calendars, upstream: Upstream, now_s: Callable[[], float]
    ) -> None:
        self._source = source
        self._calendars = calendars
        self._upstream = upstream
        self._now_s = now_s
        self._by_user = AttemptLimiter(_BURST, _REFILL_S, _MAX_KEYS)
        self._working = asyncio.Semaphore(_AT_ONCE)

    async def of(self, user: UUID, asked: Create, instrument: Instrument, days: int) -> Body:
        """Say how often an alert would have fired, had it been made so many days ago."""
        if wait_s := self._by_user.take(str(user), self._now_s()):
            detail = f"too many previews; the next one may be in {wait_s:.0f} s"
            raise Problem(429, "too_many_attempts", detail, headers=retry_after(wait_s))
        price, prev_close = await self._prices(instrument)
        zone = await self._zone(instrument)
        now_ns = time.time_ns()
        start_ns = _midnight_ns(now_ns - days * DAY_NS, zone)
        found = await self._candles(instrument, start_ns, now_ns + DAY_NS)  # a simulated day may be ahead
        candles = await asyncio.to_thread(_of_each_day, found, zone)
        is_extended = candles.session == Session.EXTENDED
        before = await self._price_before(instrument, start_ns, BOTH if is_extended[:1].any() else (Session.REGULAR,))
        async with self._working:
            fired = await asyncio.to_thread(_look_back, asked, candles, before, zone)
        return {
            "count": len(fired),
            "firings": [_fired(each) for each in fired[: -MAX_FIRINGS - 1 : -1]],
            "from": _text(start_ns),
            "to": _text(now_ns),
            "basis": _basis(is_extended),
            "already_true": _is_true(asked, price, prev_close),
            "price": price,
        }

    async def _prices(self, instrument: Instrument) -> tuple[float | None, float | None]:
        """Give the last price and the previous close, None where they are not known."""
        state = await self._upstream.latest(instrument)
        if state is None:
            return None, None
        return _known(float(state["last"][0])), _known(float(state["prev_close"][0]))

    async def _zone(self, instrument: Instrument) -> str:
        try:
            return (await self._calendars.of(instrument.key.venue)).zone
        except (NatsError, TimeoutError) as error:
            raise unavailable(
                instrument, f"their calendar cannot be read: {str(error) or type(error).__name__}"
            ) from error

    async def _candles(self, instrument: Instrument, start_ns: int, end_ns: int) -> Candles:
        """Read the candles of one minute that start in a span, oldest first."""
        number = int(instrument.number)
        # First: whatever the worker lets go of is in the tables then.
        newest = from_rows((await self._source.now([number])).rows)
        try:
            stored = await self._source.store.between(number, Timeframe.M1, start_ns, end_ns, BOTH, _MAX_CANDLES)
        except StoreAway as error:
            raise unavailable(instrument, str(error)) from error
        is_wanted = (newest.timeframe == Timeframe.M1) & (newest.start_ns >= start_ns)
        newest = newest.take(is_wanted & (newest.instrument == number))
        return shown(Candles.concat([newest, stored]).sorted_newest())

    async def _price_before(self, instrument: Instrument, start_ns: int, sessions: Sequence[Session]) -> float:
        """Read the last price before a day, NaN where there is none."""
        try:
            found = await self._source.store.before(int(instrument.number), Timeframe.M1, start_ns, sessions, 1)
        except StoreAway as error:
            raise unavailable(instrument, str(error)) from error
        return float(found.close[-1]) if len(found) else math.nan


def _of_each_day(candles: Candles, zone: str) -> Candles:
    """Keep those of regular hours, and the others of trading days that have none of these.

    Outside regular hours trades form no last price at most venues; but where there are no others they are all.
    """
    days, is_regular = TradingDays(zone).of(candles.start_ns), candles.session == Session.REGULAR
    return candles.take(is_regular | ~np.isin(days, days[is_regular]))


def _basis(is_extended: npt.NDArray[np.bool_]) -> str:
    """Say what was looked at; `is_extended` is bool[n], of each candle."""
    if not is_extended.any():
        return "1m candles"
    return f"1m candles{'' if is_extended.all() else ', on some days those'} outside regular hours"


def _look_back(asked: Create, candles: Candles, before: float, zone: str) -> list[Fired]:
    """Find all firings, oldest first; a reference `created` is the first price."""
    created = float(candles.open[0]) if len(candles) and asked.reference is Reference.CREATED else 0.0
    days = TradingDays(zone).of(candles.start_ns)
    bars = Bars(candles.start_ns, candles.open, candles.high, candles.low, candles.close, days)
    return preview(_rule(asked, created), bars, before, asked.cooldown_s)


def _rule(asked: Create, reference_price: float) -> Rule:
    return Rule(1, asked.instrument, asked.condition, asked.threshold, asked.reference, reference_price, asked.repeat)


def _is_true(asked: Create, price: float | None, prev_close: float | None) -> bool | None:
    """Tell whether an alert would be true now, None where that cannot be known."""
    rule = _rule(asked, price or 0.0)
    if price is None or (rule.is_relative and prev_close is None):
        return None
    return rule.touched_side(price, prev_close) != 0


def _midnight_ns(at_ns: int, zone: str) -> int:
    """Give the beginning of a day, so that the last price before it is a previous close."""
    day = datetime.fromtimestamp(at_ns // _S_NS, ZoneInfo(zone)).replace(hour=0, minute=0, second=0)
    return int(day.timestamp()) * _S_NS


def _fired(fired: Fired) -> Body:
    return {"fired_at": _text(fired.ts_event_ns), "price": fired.price, "side": fired.side}


def _text(at_ns: int) -> str:
    return time_text(_EPOCH + timedelta(microseconds=at_ns // 1000))


def _known(price: float) -> float | None:
    return None if math.isnan(price) else price
