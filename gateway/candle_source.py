"""Where a gateway gets candles from: the tables, the cache where those are away, and the worker for the newest.

The tables have every candle that has been closed for a while. The worker of a partition answers for the rest: open
candles, and closed ones that may not be in the tables yet. It is asked first and the tables then, so that whatever it
has let go of meanwhile is in them.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from market import rows, subjects
from market.candles.candles import Candles, to_rows
from market.candles.timeframe import Session, Timeframe
from market.instrument import Instrument
from market.row_type import Rows
from mesh.candles.cache import CandleCache
from mesh.candles.now import ask
from mesh.candles.postgres import StoreAway
from mesh.candles.store import CandleStore
from mesh.connection import Connection

_logger = logging.getLogger(__name__)

_READS_AT_ONCE = 4  # for streams; requests have connections left
_AHEAD_NS = 86_400 * 10**9  # the clock of a simulated day may be so far ahead of ours
BOTH = (Session.REGULAR, Session.EXTENDED)


@dataclass(frozen=True, slots=True)
class Now:
    """The newest candles of some instruments, of all timeframes."""

    rows: Rows
    answered: frozenset[int]
    """The instruments whose worker has answered."""


@dataclass(frozen=True, slots=True)
class Latest:
    """The last candles of an instrument that are kept."""

    rows: Rows
    is_known: bool
    """Whether these are all; else they are what the cache had."""


class CandleSource:
    """Asks for candles; what does not answer is told, not raised, unless it says so."""

    def __init__(self, connection: Connection, store: CandleStore, cache: CandleCache | None, partitions: int) -> None:
        self.store = store
        self.cache = cache
        self._connection = connection
        self._partitions = partitions
        self._reading = asyncio.Semaphore(_READS_AT_ONCE)

    async def now(self, numbers: Sequence[int]) -> Now:
        """Ask the workers for the newest candles of instruments."""
        if not self._connection.is_connected:
            return Now(rows.CANDLE.blank(0), frozenset())
        found, partitions = await ask(self._connection, numbers, self._partitions)
        homes = subjects.partitions_of(np.array(numbers, np.uint32), self._partitions).tolist()
        answered = (number for number, home in zip(numbers, homes, strict=True) if home in partitions)
        return Now(to_rows(found), frozenset(answered))

    async def latest(self, instrument: Instrument, timeframe: Timeframe, count: int) -> Latest:
        """Give the last `count` candles, of each kind of time where a day or more is one; oldest first."""
        end_ns = time.time_ns() + _AHEAD_NS
        async with self._reading:
            try:
                found = await self.store.before(int(instrument.number), timeframe, end_ns, BOTH, count)
            except StoreAway as error:
                _logger.debug("no stored candles of %s: %s", instrument.key, error)
                cached = await self.cached(instrument, timeframe, 0, end_ns)
                return Latest(to_rows(cached.take(np.arange(len(cached))[-count:])), is_known=False)
        return Latest(to_rows(found), is_known=True)

    async def cached(self, instrument: Instrument, timeframe: Timeframe, start_ns: int, end_ns: int) -> Candles:
        """Give the candles that the cache has; none where it is away."""
        if self.cache is None:
            return Candles.of(0)
        return await self.cache.read(instrument.key, timeframe, start_ns, end_ns)
