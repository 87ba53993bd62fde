"""The generic feed runner: takes an adapter's batches when they are due, and carries each to both lanes.

adapter.batches -> number instruments -> fold into the image -> tape (every event, acknowledged)
                                                             -> trade, status (every row)
                                                             -> quote, depth (the latest, once per window)
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from market.codes import NO_INSTRUMENT
from market.instrument import Instrument, Listing
from market.row_type import Rows
from market.symbols import SymbolKey
from mesh.directory import Directory
from mesh.tape_publisher import TapePublisher
from workers.feed.adapter import Adapter, Batch, NowNs
from workers.feed.image import MarketImage
from workers.feed.lanes import LiveLanes, status_by_venue

_logger = logging.getLogger(__name__)

_MS_NS = 1_000_000
_IDLE_NS = 50 * _MS_NS
# Windows of many instruments end at as many moments; sending what is due every few milliseconds is soon enough.
_FLUSH_NS = 5 * _MS_NS


@dataclass(slots=True)
class FeedFigures:
    """What the runner did since it started."""

    rows: int = 0
    last_recv_ns: int = 0
    lag_ns: int = 0  # how late the last batch was published


class FeedRunner:
    """Runs one adapter; everything it needs is handed to it."""

    def __init__(
        self,
        adapter: Adapter,
        image: MarketImage,
        lanes: LiveLanes,
        tape: TapePublisher,
        directory: Directory,
        tape_linger_ns: int,
        now_ns: NowNs,
        on_changed: Callable[[npt.NDArray[np.intp]], None],
    ) -> None:
        self.figures = FeedFigures()
        self.venues = list(adapter.venues)
        self._adapter = adapter
        self._image = image
        self._lanes = lanes
        self._tape = tape
        self._directory = directory
        self._tape_linger_ns = tape_linger_ns
        self._now_ns = now_ns
        self._on_changed = on_changed
        self._numbers = np.zeros(0, np.int64)  # adapter's index -> instrument number
        self._venue_of = np.zeros(0, np.int16)
        self._tape_flushed_ns = 0

    async def run(self) -> None:
        """Publish the source to its end, then go on flushing for as long as the task lives."""
        batches = self._adapter.batches(self._now_ns)
        while (batch := await self._next(batches)) is not None:
            await self._until(batch.due_ns)
            if batch.listed:
                await self._enlist(batch.listed)
            await self._publish(batch)
        _logger.info("the source has ended after %d rows; its last state is still served", self.figures.rows)
        while True:
            await self._until(self._now_ns() + _IDLE_NS)

    def present(self, key: SymbolKey) -> bytes | None:
        """Give the rows of the snapshot service's answer."""
        instrument = self._directory.get(key)
        if instrument is None or instrument.number >= len(self._image.state):
            return None
        return self._image.present(instrument.number)

    def adopt(self, instruments: list[Instrument]) -> None:
        """Make room and subjects for instruments."""
        self._image.reserve(self._directory.capacity)
        self._lanes.add(instruments)
        missing = self._directory.capacity - len(self._venue_of)
        self._venue_of = np.append(self._venue_of, np.full(missing, -1, np.int16))
        position = {venue: at for at, venue in enumerate(self.venues)}
        for instrument in instruments:
            # What an earlier start listed at other venues is kept, but is no longer this feed's to vouch for.
            self._venue_of[instrument.number] = position.get(instrument.key.venue, -1)

    async def _next(self, batches: Iterator[Batch]) -> Batch | None:
        # A source that is read flat out never waits; acknowledgements and requests need a turn all the same.
        await asyncio.sleep(0)
        return next(batches, None)

    async def _enlist(self, listed: tuple[Listing, ...]) -> None:
        instruments = await self._directory.enlist(listed)
        self._numbers = np.append(self._numbers, [int(instrument.number) for instrument in instruments])
        self.adopt(instruments)

    async def _until(self, due_ns: int) -> None:
        """Wait for `due_ns`, sending what falls due on the way."""
        while (now_ns := self._now_ns()) < due_ns:
            await self._flush(now_ns)
            has_more = self._tape.unacked_bytes or self._image.has_pending
            wake_ns = min(due_ns, now_ns + (_FLUSH_NS if has_more else _IDLE_NS))
            await asyncio.sleep(max(wake_ns - self._now_ns(), 0) / 1e9)

    async def _publish(self, batch: Batch) -> None:
        now_ns = self._now_ns()
        events, levels = self._stamp(batch.events, now_ns), self._stamp(batch.levels, now_ns)
        self._on_changed(self._image.apply(events, levels))
        self._tape.append(events)
        self._lanes.trades(events)
        for venue, status in status_by_venue(events, self.venues, self._venue_of):
            self._lanes.status(venue, status)
        await self._flush(now_ns)
        figures = self.figures
        figures.rows += len(events)
        figures.last_recv_ns = now_ns
        figures.lag_ns = now_ns - batch.due_ns if batch.due_ns else 0
        await self._tape.room()

    def _stamp(self, batch_rows: Rows, now_ns: int) -> Rows:
        """Fill in what is the runner's: the instrument's number and the time of receipt."""
        local = batch_rows["instrument"]
        whole_venue = local == NO_INSTRUMENT
        if whole_venue.any():
            local = np.where(whole_venue, 0, local)
            batch_rows["instrument"] = np.where(whole_venue, NO_INSTRUMENT, self._numbers[local])
        else:
            batch_rows["instrument"] = self._numbers[local]
        batch_rows["ts_recv"] = now_ns
        return batch_rows

    async def _flush(self, now_ns: int) -> None:
        self._lanes.quotes(*self._image.due_quotes(now_ns))
        self._lanes.depth(*self._image.due_depth(now_ns))
        await self._lanes.send()
        # It is looked at every few ms: a moment too early is nearer to what was asked for than the next time.
        if now_ns - self._tape_flushed_ns >= self._tape_linger_ns - _FLUSH_NS // 2:
            self._tape.flush()
            self._tape_flushed_ns = now_ns
