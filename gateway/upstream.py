"""The gateway's side of the market: which instruments it watches on NATS, and their latest states.

    watch -> SUB quote.<exch>.<symbol> -> cache (at once) and snapshot service (authoritative) -> table
                                       -> every change from then on                            -> table -> listener

The subscription is in force before the snapshot is asked for, on the same connection, so a change is in the answer or
in the stream; the table takes only newer sequences, so it never goes back.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence

import numpy as np
import numpy.typing as npt
from nats.errors import Error as NatsError

from gateway.interest import Interest
from gateway.metrics import Metrics
from gateway.quote_table import QuoteTable
from gateway.venues import Venues
from market import rows, subjects, symbols
from market.book import BOOK_BYTES
from market.instrument import Instrument, InstrumentId
from market.row_type import RowError, Rows
from mesh.connection import Connection
from mesh.directory import Directory
from mesh.quote_cache import QuoteCache

_logger = logging.getLogger(__name__)

SNAPSHOT_TIMEOUT_S = 1.0
_SNAPSHOTS_AT_ONCE = 64
_SWEEP_S = 1.0

Numbers = npt.NDArray[np.intp]


class UnknownSymbolError(Exception):
    """No instrument has that symbol; the message names it."""


class Upstream:
    """One gateway's watched instruments."""

    def __init__(
        self,
        connection: Connection,
        directory: Directory,
        cache: QuoteCache | None,
        linger_s: float,
        on_changed: Callable[[Numbers], None],
        metrics: Metrics,
    ) -> None:
        self.directory = directory
        self.table = QuoteTable()
        self.venues = Venues()
        self.updates = 0
        self._connection = connection
        self._cache = cache
        self._on_changed = on_changed
        self._metrics = metrics
        self._interest = Interest(linger_s)
        self._bulk = connection.open_bulk(rows.STATE.width_bytes, self._receive)
        self._refreshing = asyncio.Semaphore(_SNAPSHOTS_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_connected(self) -> bool:
        """Whether NATS is there now."""
        return self._connection.is_connected

    @property
    def subscriptions(self) -> int:
        """How many instruments are subscribed on NATS."""
        return len(self._bulk.sids)

    async def run(self) -> None:
        """Follow the directory and the venues, and drop what nobody watches any more, while the task lives."""
        await self._connection.subscribe("status.*", cb=self.venues.on_status)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.directory.follow())
            tasks.create_task(self._sweep())

    def resolve(self, text: str) -> Instrument:
        """Find the instrument that `AAPL` or `XNAS:AAPL` means; raises SymbolError or UnknownSymbolError.

        A bare symbol means the venue whose feed is alive; among several, the first that was listed.
        """
        venue, symbol = symbols.split(text)
        found = [each for each in self.directory.with_symbol(symbol) if venue in {None, each.key.venue}]
        if not found:
            raise UnknownSymbolError(f"no instrument is called {text!r:.80}")
        return next((each for each in found if self.venues.is_alive(each.key.venue, time.monotonic())), found[0])

    async def watch(self, instruments: Sequence[Instrument]) -> None:
        """Watch instruments, once more each, and return when what can be known of them now is in the table.

        Raises TooManySubscriptionsError, with the instruments counted as watched all the same: `unwatch` them.
        """
        numbers = [int(each.number) for each in instruments]
        self.table.reserve(max(numbers, default=-1) + 1)
        self._interest.add(numbers)
        fresh = {each.number: each for each in instruments if each.number not in self._bulk.sids}
        self._connection.subscribe_many(
            self._bulk, {number: subjects.quote(each.key) for number, each in fresh.items()}
        )
        cached = await self._from_cache(list(fresh.values()))
        for number in cached:
            self._start(self._refresh(fresh[number]))
        # What the table still holds of an instrument that was let go may be old; without the cache the feed says.
        asked = [
            each
            for each in instruments
            if not self.table.sequence(each.number) or (each.number in fresh and each.number not in cached)
        ]
        if asked:
            await asyncio.gather(*(self._refresh(each) for each in asked))

    def unwatch(self, numbers: Iterable[int]) -> None:
        """Watch instruments once less each; they stay subscribed for the linger time."""
        self._interest.remove(numbers, time.monotonic())

    async def ask(self, instrument: Instrument) -> tuple[Rows, Rows] | None:
        """Ask the feed for the present value: one STATE row, and 20 LEVEL rows or none; None if nobody answers."""
        if not self.is_connected:
            return None
        try:
            answer = await self._connection.request(subjects.snapshot(instrument.key), timeout=SNAPSHOT_TIMEOUT_S)
            state = rows.STATE.read(answer.data[: rows.STATE.width_bytes])
            levels = rows.LEVEL.read(answer.data[rows.STATE.width_bytes :])
        except (NatsError, TimeoutError) as error:
            _logger.debug("no snapshot of %s: %s", instrument.key, error or type(error).__name__)
            return None
        except RowError as error:
            _logger.warning("the snapshot of %s cannot be read: %s", instrument.key, error)
            return None
        return (state, levels) if len(state) == 1 and levels.nbytes in {0, BOOK_BYTES} else None

    async def present(self, instrument: Instrument) -> tuple[Rows, Rows] | None:
        """Give the newest state known, and the depth where the feed answers; None where nothing is known."""
        answer = await self.ask(instrument)
        if answer is not None:
            return answer
        state = await self._at_hand(instrument)
        return None if state is None else (state, rows.LEVEL.blank(0))

    async def latest(self, instrument: Instrument) -> Rows | None:
        """Give the newest state at hand, else ask the feed; None where there is none."""
        state = await self._at_hand(instrument)
        if state is not None:
            return state
        answer = await self.ask(instrument)
        return None if answer is None else answer[0]

    async def refresh_all(self) -> None:
        """Ask anew for everything watched: changes may have been missed while NATS was away."""
        for number in list(self._bulk.sids):
            instrument = self.directory.numbered(number)
            if instrument is not None:
                self._start(self._refresh(instrument))

    async def _at_hand(self, instrument: Instrument) -> Rows | None:
        """Give the state that is watched, else the cached one."""
        number = int(instrument.number)
        if number in self._bulk.sids and self.is_connected and self.table.sequence(number):
            return self.table.state(number)
        cached = await self._cache.read([instrument.key]) if self._cache is not None else {}
        return cached.get(instrument.key)

    async def _from_cache(self, instruments: Sequence[Instrument]) -> set[InstrumentId]:
        """Take over what the cache has; return the numbers of those."""
        if self._cache is None or not instruments:
            return set()
        cached = await self._cache.read([each.key for each in instruments])
        found = [each for each in instruments if each.key in cached]
        for each in found:
            self._take(np.array([each.number], np.intp), cached[each.key])
        return {each.number for each in found}

    async def _refresh(self, instrument: Instrument) -> None:
        async with self._refreshing:
            answer = await self.ask(instrument)
        if answer is not None:
            self._take(np.array([instrument.number], np.intp), answer[0])

    def _receive(self, slots: Numbers, payloads: npt.NDArray[np.uint8]) -> None:
        states = payloads.view(rows.STATE.dtype).reshape(-1)
        self.updates += len(states)
        self._metrics.received_age_s.observe((time.time_ns() - int(states["ts_recv"][-1])) / 1e9)
        self._take(slots, states)

    def _take(self, numbers: Numbers, states: Rows) -> None:
        changed = self.table.merge(numbers, states)
        if len(changed):
            self._on_changed(changed)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            self._connection.unsubscribe_many(self._bulk, self._interest.expired(time.monotonic()))
