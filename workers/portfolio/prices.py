"""The prices of what is held, and of nothing else: live, and asked for where they begin or were interrupted.

Symbols have numbers of this process's own, in the order in which they were first held: a holding needs one before the
directory may know its instrument.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from market import rows, subjects
from market.instrument import Instrument, Listing
from market.portfolio.prices import Prices, PriceTable
from market.row_type import Rows, take
from market.symbols import SymbolError, SymbolKey
from mesh.bulk_client import TooManySubscriptionsError
from mesh.connection import Connection
from mesh.directory import Directory
from mesh.quote_cache import QuoteCache
from mesh.snapshots import SNAPSHOTS_AT_ONCE, Snapshots, joined

_logger = logging.getLogger(__name__)

_LOOK_S = 5.0
_STRANGER = -1

Numbers = npt.NDArray[np.integer[Any]]


class HeldPrices:
    """Counts who holds each symbol, and keeps the prices of those that somebody does."""

    def __init__(self, connection: Connection, directory: Directory, cache: QuoteCache | None) -> None:
        self.updates = 0
        self._connection = connection
        self._directory = directory
        self._cache = cache
        self._snapshots = Snapshots(connection, asyncio.Semaphore(SNAPSHOTS_AT_ONCE))
        self._lane = connection.open_bulk(rows.STATE.width_bytes, self._receive)
        self._table = PriceTable()
        self._numbers: dict[str, int] = {}
        self._symbols: list[str] = []
        self._holders = np.zeros(0, np.int64)
        self._instrument = np.zeros(0, np.int64)  # the directory's number
        self._is_due = asyncio.Event()
        self._listeners: list[Callable[[Numbers], None]] = []
        directory.on_added(lambda _: self._is_due.set())

    @property
    def prices(self) -> Prices:
        """The prices known now, by number; nothing is known of a symbol that nobody held a moment ago."""
        return self._table.prices

    @property
    def subscriptions(self) -> int:
        """How many instruments are subscribed on NATS."""
        return len(self._lane.sids)

    @property
    def venues(self) -> set[str]:
        """The venues of all that is held."""
        symbols = self.symbols_of(np.flatnonzero(self._holders))
        return {instrument.key.venue for instrument in map(self._find, symbols) if instrument is not None}

    def on_changed(self, listener: Callable[[Numbers], None]) -> None:
        """Call `listener(numbers)` whenever prices became others."""
        self._listeners.append(listener)

    def numbers_of(self, symbols: Sequence[str]) -> npt.NDArray[np.uint32]:
        """Give symbols their numbers."""
        for symbol in symbols:
            if symbol not in self._numbers:
                self._numbers[symbol] = len(self._symbols)
                self._symbols.append(symbol)
        self._reserve(len(self._symbols))
        return np.array([self._numbers[symbol] for symbol in symbols], np.uint32)

    def symbols_of(self, numbers: Numbers) -> list[str]:
        """Give numbers their symbols back."""
        return [self._symbols[number] for number in numbers.tolist()]

    def listing(self, symbol: str) -> Listing | None:
        """Find how a symbol is listed; None where the directory does not know it yet."""
        instrument = self._find(symbol)
        return None if instrument is None else instrument.listing

    def hold(self, numbers: Numbers) -> None:
        """Count one more holder of each of some instruments."""
        if (self._holders[numbers] == 0).any():
            self._is_due.set()
        np.add.at(self._holders, numbers, 1)

    def release(self, numbers: Numbers) -> None:
        """Count one holder less; what nobody holds is let go a little later."""
        np.subtract.at(self._holders, numbers, 1)

    async def run(self) -> None:
        """Follow what is held while the task lives."""
        while True:
            self._is_due.clear()
            await self._follow()
            self._let_go()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_due.wait(), _LOOK_S)

    async def refresh_all(self) -> None:
        """Ask anew for all that is held: changes may have been missed while NATS was away."""
        await self._ask(np.flatnonzero(self._holders))

    async def _follow(self) -> None:
        """Subscribe to what is newly held, and ask for all of which nothing is known."""
        held = np.flatnonzero(self._holders)
        for number in held[self._instrument[held] == _STRANGER].tolist():
            instrument = self._find(self._symbols[number])
            if instrument is not None:
                self._instrument[number] = instrument.number
        known = held[self._instrument[held] != _STRANGER]
        missing = [number for number in known.tolist() if number not in self._lane.sids]
        keys = [SymbolKey.parse(self._symbols[number]) for number in missing]
        try:
            self._connection.subscribe_many(self._lane, dict(zip(missing, map(subjects.quote, keys), strict=True)))
        except TooManySubscriptionsError as error:
            _logger.warning("no live prices of %d more instruments that are held: %s", len(missing), error)
        if self._cache is not None and keys:
            self._take(joined((await self._cache.read(keys)).values()))
        await self._ask(known[np.isin(known, missing) | ~self._table.is_known(known)])

    async def _ask(self, numbers: Numbers) -> None:
        found = map(self._directory.numbered, self._instrument[numbers].tolist())
        self._take(await self._snapshots.of([each for each in found if each is not None]))

    def _let_go(self) -> None:
        self._connection.unsubscribe_many(
            self._lane, [number for number in self._lane.sids if not self._holders[number]]
        )

    def _receive(self, numbers: npt.NDArray[np.intp], payloads: npt.NDArray[np.uint8]) -> None:
        self._merge(numbers, payloads.view(rows.STATE.dtype).reshape(-1))

    def _take(self, states: Rows) -> None:
        """Take over states by the directory's numbers."""
        place = {int(number): at for at, number in enumerate(self._instrument.tolist()) if number != _STRANGER}
        at = np.array([place.get(number, _STRANGER) for number in states["instrument"].tolist()], np.intp)
        self._merge(at[at != _STRANGER], take(states, at != _STRANGER))

    def _merge(self, numbers: Numbers, states: Rows) -> None:
        self.updates += len(states)
        is_own = self._instrument[numbers] == states["instrument"]
        if not is_own.all():  # a row came under another's subject
            numbers, states = numbers[is_own], take(states, is_own)
        changed = self._table.merge(numbers, states)
        if len(changed):
            for listener in self._listeners:
                listener(changed)

    def _find(self, symbol: str) -> Instrument | None:
        try:
            return self._directory.get(SymbolKey.parse(symbol))
        except SymbolError:
            return None

    def _reserve(self, count: int) -> None:
        if count > len(self._holders):
            missing = max(count, 64, 2 * len(self._holders)) - len(self._holders)
            self._holders = np.append(self._holders, np.zeros(missing, np.int64))
            self._instrument = np.append(self._instrument, np.full(missing, _STRANGER, np.int64))
            self._table.reserve(len(self._holders))
