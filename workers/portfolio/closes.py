"""What portfolios were worth at each close: made soon after it, at the start where one was missed, and made again.

A portfolio's day is valued at the last regular close among the venues of all that it ever traded; one with cash alone
goes by New York. Days are functions of the ledger and of closing prices, so making them again changes nothing. The
newest few are made again with every close, as a closing price may come late, and all those behind an entry that takes
effect in the past.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import numpy as np
from nats.errors import Error as NatsError

from market.candles.sessions import Segments
from market.candles.timeframe import Session
from market.ledger.decimals import ZERO
from market.ledger.transaction import Transaction
from market.portfolio.closing_prices import ClosingPrices
from market.portfolio.history import Day, closed_day, closes_between, standings
from market.symbols import SymbolError, SymbolKey
from mesh.calendars import Calendars
from mesh.candles.postgres import StoreAway
from mesh.candles.store import CandleStore
from mesh.directory import Directory
from mesh.ledger.days import DayStore, Due
from mesh.ledger.store import LedgerStore
from mesh.pool import PostgresAway

_logger = logging.getLogger(__name__)

HOME_VENUE = "XNYS"
SETTLED_AFTER = timedelta(seconds=120)
LONGEST = timedelta(days=400)
_AGAIN = timedelta(days=4)
_BEFORE = timedelta(days=10)  # far enough back for a close before, and for a closing price
_LOOK_S = 30.0
_AT_ONCE = 100
_ENTRIES_AT_ONCE = 20_000
_1970 = date(1970, 1, 1)


class Closes:
    """Makes the days of portfolios."""

    def __init__(
        self,
        directory: Directory,
        calendars: Calendars,
        candles: CandleStore,
        ledger: LedgerStore,
        days: DayStore,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.made = 0
        self._directory = directory
        self._calendars = calendars
        self._candles = candles
        self._ledger = ledger
        self._days = days
        self._now = now

    async def run(self, partitions: Callable[[], Collection[int]], venues: Callable[[], Collection[str]]) -> None:
        """Make what is due of the `partitions` that are owned, where something at `venues` is held, for ever."""
        while True:
            for partition in partitions():
                try:
                    await self.make(partition, venues())
                except (PostgresAway, StoreAway, NatsError, TimeoutError) as error:
                    _logger.warning("days of partition %d wait: %s", partition, str(error) or type(error).__name__)
            await asyncio.sleep(_LOOK_S)

    async def make(self, partition: int, venues: Collection[str]) -> None:
        """Make all days of a partition's portfolios that are due now."""
        settled = self._now() - SETTLED_AFTER
        newest = max(
            (
                max(closes.values())
                for closes in (await self._closes({*venues, HOME_VENUE}, settled)).values()
                if closes
            ),
            default=None,
        )
        after = UUID(int=0)
        while newest is not None and (due := await self._days.due(partition, newest, after, _AT_ONCE)):
            for some in _shares(due):
                await self._make_some(some, newest)
            after = due[-1].portfolio

    async def _make_some(self, due: Sequence[Due], until: datetime) -> None:
        entries = {each.portfolio: await self._ledger.effective(each.portfolio) for each in due}
        symbols = {entry.symbol for some in entries.values() for entry in some if entry.symbol}
        after = {each.portfolio: _after(each, entries[each.portfolio], until) for each in due}
        first = min(after.values())
        times = await self._times({_venue_of(symbol) for symbol in symbols} | {HOME_VENUE})
        prices = await self._prices(symbols, first, until)
        for each in due:
            days = await asyncio.to_thread(
                _days_of, each.currency, entries[each.portfolio], after[each.portfolio], until, times, prices
            )
            await self._days.write(each, days, after[each.portfolio], until)
            self.made += len(days)

    async def _closes(self, venues: Collection[str], until: datetime) -> Mapping[str, Mapping[date, datetime]]:
        times = await self._times(venues)
        return {venue: closes_between(each, until - _BEFORE, until) for venue, each in times.items()}

    async def _times(self, venues: Collection[str]) -> dict[str, Segments]:
        return {venue: await self._calendars.of(venue) for venue in sorted(venues)}

    async def _prices(self, symbols: Collection[str], after: datetime, until: datetime) -> ClosingPrices:
        found = {symbol: self._directory.get(SymbolKey.parse(symbol)) for symbol in symbols}
        numbers = {symbol: int(each.number) for symbol, each in found.items() if each is not None}
        first, last = ((each.date() - _1970).days for each in (after - _BEFORE, until + timedelta(1)))
        wanted = np.array(sorted(numbers.values()), np.uint32)
        return ClosingPrices(numbers, await self._candles.days_between(wanted, Session.REGULAR, first, last))


def _shares(due: Sequence[Due]) -> Iterator[list[Due]]:
    """Divide portfolios into shares that do not have too many entries to be held in memory together."""
    share: list[Due] = []
    for each in due:
        if share and sum(one.entries for one in share) + each.entries > _ENTRIES_AT_ONCE:
            yield share
            share = []
        share.append(each)
    yield share


def _after(due: Due, entries: Sequence[Transaction], until: datetime) -> datetime:
    """Say behind which instant all days have to be made: there is nothing to be valued before the first entry."""
    first = entries[0].executed_at if entries else until
    again = first if due.until is None else due.until - _AGAIN
    changed = again if due.since is None else min(due.since, again)
    return max(min(changed, until) - timedelta(microseconds=1), until - LONGEST)


def _days_of(
    currency: str,
    entries: Sequence[Transaction],
    after: datetime,
    until: datetime,
    times: Mapping[str, Segments],
    prices: ClosingPrices,
) -> list[Day]:
    """Make the days of a portfolio that closed behind `after`, up to `until`."""
    if not entries:
        return []
    venues = {_venue_of(entry.symbol) for entry in entries if entry.symbol} or {HOME_VENUE}
    closes: dict[date, datetime] = {}
    for venue in venues:
        for day, close in closes_between(times[venue], after - _BEFORE, until).items():
            closes[day] = max(close, closes.get(day, close))
    begun = [(day, at) for day, at in sorted(closes.items()) if at >= entries[0].executed_at]
    made, before = [], ZERO
    for (day, at), standing in zip(begun, standings(entries, [at for _, at in begun]), strict=True):
        if at > after:
            made.append(closed_day(day, at, currency, standing, before, prices.on(day, standing.holdings)))
        before = standing.deposited
    return made


def _venue_of(symbol: str) -> str:
    try:
        return SymbolKey.parse(symbol).venue
    except SymbolError:
        return HOME_VENUE
