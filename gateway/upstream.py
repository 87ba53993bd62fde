"""The gateway's side of the market: which instruments it watches on NATS, and their latest states.

    watch -> SUB quote.<exch>.<symbol> -> cache (at once) and snapshot service (authoritative) -> table
                                       -> every change from then on                            -> table -> listener

The subscription is in force before the snapshot is asked for, on the same connection, so a change is in the answer or
in the stream; the table takes only newer sequences, so it never goes back.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
from nats.errors import Error as NatsError

from gateway.lane import Lane
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
from mesh.snapshots import SNAPSHOT_TIMEOUT_S, SNAPSHOTS_AT_ONCE, Snapshots, joined

_logger = logging.getLogger(__name__)

_GATHER_S = 0.02  # for which a state from the cache may stand: thousands of clients, one by one, would ask one by one

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
        metrics: Metrics,
    ) -> None:
        self.directory = directory
        self.table = QuoteTable()
        self.venues = Venues()
        self.updates = 0
        self._connection = connection
        self._cache = cache
        self._listeners: list[Callable[[Numbers], None]] = []
        self._metrics = metrics
        self._lane = Lane(
            connection, connection.open_bulk(rows.STATE.width_bytes, self._receive), subjects.quote, linger_s
        )
        self._asking = asyncio.Semaphore(SNAPSHOTS_AT_ONCE)
        self._snapshots = Snapshots(connection, self._asking)
        self._tasks: set[asyncio.Task[None]] = set()
        self._cached: list[Instrument] = []  # to be refreshed

    @property
    def is_connected(self) -> bool:
        """Whether NATS is there now."""
        return self._connection.is_connected

    @property
    def subscriptions(self) -> int:
        """How many instruments are subscribed on NATS."""
        return len(self._lane)

    def on_changed(self, listener: Callable[[Numbers], None]) -> None:
        """Call `listener(numbers)` whenever states in the table changed."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Follow the directory and the venues, while the task lives."""
        await self._connection.subscribe("status.*", cb=self.venues.on_status)
        await self.directory.follow()

    def name(self, number: int) -> str:
        """Give the canonical symbol of an instrument that is, or was, watched."""
        instrument = self.directory.numbered(number)
        if instrument is None:
            raise LookupError(f"instrument {number} is watched and not in the directory")
        return str(instrument.key)

    def numbered(self, numbers: Iterable[int]) -> list[Instrument]:
        """Find instruments by their numbers; unknown ones are left out."""
        found = map(self.directory.numbered, numbers)
        return [each for each in found if each is not None]

    def resolve(self, text: str) -> Instrument:
        """Find the instrument that `AAPL` or `XNAS:AAPL` means; raises SymbolError or UnknownSymbolError.

        A bare symbol means the venue whose feed is alive; among several, the first that was listed.
        """
        venue, symbol = symbols.split(text)
        found = [each for each in self.directory.with_symbol(symbol) if venue in {None, each.key.venue}]
        if not found:
            raise UnknownSymbolError(f"no instrument is called {text!r:.80}")
        if len(found) == 1:
            return found[0]
        return next((each for each in found if self.venues.is_alive(each.key.venue, time.monotonic())), found[0])

    async def watch(self, instruments: Sequence[Instrument]) -> None:
        """Watch instruments, once more each, and return when what can be known of them now is in the table.

        Raises TooManySubscriptionsError, with the instruments counted as watched all the same: `unwatch` them.
        """
        numbers = [int(each.number) for each in instruments]
        self.table.reserve(max(numbers, default=-1) + 1)
        fresh = {each.number: each for each in self._lane.watch(instruments)}
        cached = await self._from_cache(list(fresh.values())) if fresh else set()
        if cached:
            self._refresh_soon([fresh[number] for number in cached])
        # What the table still holds of an instrument that was let go may be old; without the cache the feed says.
        asked = [
            each
            for each, sequence in zip(instruments, self.table.sequences(np.array(numbers, np.intp)), strict=True)
            if not sequence or (each.number in fresh and each.number not in cached)
        ]
        if asked:
            await self._refresh(asked)

    def unwatch(self, numbers: Iterable[int]) -> None:
        """Watch instruments once less each; they stay subscribed for the linger time."""
        self._lane.unwatch(numbers)

    def sweep(self, now_s: float) -> None:
        """Unsubscribe what nobody has watched for the linger time."""
        self._lane.sweep(now_s)

    async def ask(self, instrument: Instrument) -> tuple[Rows, Rows] | None:
        """Ask the feed for the present value: one STATE row, and 20 LEVEL rows or none; None if nobody answers."""
        if not self.is_connected:
            return None
        try:
            answer = await self._connection.request(subjects.snapshot(instrument.key), timeout=SNAPSHOT_TIMEOUT_S)
            state = rows.STATE.read(answer.data[: rows.STATE.width_bytes])
            levels = rows.LEVEL.read(answer.data[rows.STATE.width_bytes :])
        except (NatsError, TimeoutError) as error:
            _logger.debug("no snapshot of %s: %s", instrument.key, str(error) or type(error).__name__)
            return None
        except RowError as error:
            _logger.warning("the snapshot of %s cannot be read: %s", instrument.key, error)
            return None
        return (state, levels) if len(state) == 1 and levels.nbytes in {0, BOOK_BYTES} else None

    async def ask_states(self, instruments: Sequence[Instrument]) -> Rows:
        """Ask the feeds for many present states: STATE rows, without those that nobody answers for."""
        return await self._snapshots.of(instruments)

    async def ask_many(self, instruments: Sequence[Instrument]) -> dict[int, tuple[Rows, Rows]]:
        """Ask the feeds for many present values, some at a time; those that nobody answers for are left out."""

        async def one(instrument: Instrument) -> tuple[Rows, Rows] | None:
            async with self._asking:
                return await self.ask(instrument)

        answers = await asyncio.gather(*map(one, instruments))
        return {
            int(each.number): answer for each, answer in zip(instruments, answers, strict=True) if answer is not None
        }

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

    async def latest_of(self, instruments: Sequence[Instrument]) -> Rows:
        """Give the newest states of many: of those that no feed tells, the cached ones; the rest are left out."""
        states = await self.ask_states(instruments)
        told = set(states["instrument"].tolist())
        missing = {each.key: each.number for each in instruments if each.number not in told}
        cached = await self._cache.read(list(missing)) if self._cache is not None else {}
        return joined([states, *(each for key, each in cached.items() if each["instrument"][0] == missing[key])])

    async def refresh_all(self) -> None:
        """Ask anew for everything watched: changes may have been missed while NATS was away."""
        await self._refresh(self.numbered(self._lane.numbers()))

    async def _at_hand(self, instrument: Instrument) -> Rows | None:
        """Give the state that is watched, else the cached one."""
        number = int(instrument.number)
        if number in self._lane and self.is_connected and self.table.sequence(number):
            return self.table.state(number)
        cached = await self._cache.read([instrument.key]) if self._cache is not None else {}
        return cached.get(instrument.key)

    async def _from_cache(self, instruments: Sequence[Instrument]) -> set[InstrumentId]:
        """Take over what the cache has; return the numbers of those."""
        if self._cache is None or not instruments:
            return set()
        cached = await self._cache.read([each.key for each in instruments])
        found = {each.number: cached[each.key] for each in instruments if each.key in cached}
        known = [state for number, state in found.items() if state["instrument"][0] == number]
        self._take_states(joined(known))
        return set(found)

    def _refresh_soon(self, instruments: Iterable[Instrument]) -> None:
        """Ask for states that are known from the cache: those of all clients that come within a moment, at once."""
        if not self._cached:
            asyncio.get_running_loop().call_later(_GATHER_S, self._refresh_cached)
        self._cached += instruments

    def _refresh_cached(self) -> None:
        cached, self._cached = self._cached, []
        task = asyncio.ensure_future(self._refresh(cached))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _refresh(self, instruments: Sequence[Instrument]) -> None:
        self._take_states(await self.ask_states(instruments))

    def _take_states(self, states: Rows) -> None:
        if len(states):
            self._take(states["instrument"].astype(np.intp), states)

    def _receive(self, slots: Numbers, payloads: npt.NDArray[np.uint8]) -> None:
        states = payloads.view(rows.STATE.dtype).reshape(-1)
        self.updates += len(states)
        self._metrics.received_age_s.observe((time.time_ns() - int(states["ts_recv"][-1])) / 1e9)
        self._take(slots, states)

    def _take(self, numbers: Numbers, states: Rows) -> None:
        changed = self.table.merge(numbers, states)
        if len(changed):
            for listener in self._listeners:
                listener(changed)
