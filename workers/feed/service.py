"""The feed process: builds everything one feed needs, runs it, and takes it down in order."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Mapping

import numpy as np
import numpy.typing as npt
from nats.errors import Error as NatsError

from market.instrument import Instrument
from market.row_type import Rows
from market.state import MarketState
from market.trading_day import TradingDays
from mesh import ops
from mesh.connection import Connection, connect
from mesh.directory import Directory, add_to_counter
from mesh.quote_cache import QuoteCache
from mesh.streams import FEEDS, TAPE, declared, ensure
from mesh.tape_publisher import TapePublisher
from workers.feed.adapter import Adapter
from workers.feed.cache_writer import CacheWriter
from workers.feed.checkpoint import CheckpointStore, replay_tape
from workers.feed.image import MarketImage
from workers.feed.lanes import LiveLanes
from workers.feed.runner import FeedRunner
from workers.feed.settings import FeedSettings
from workers.feed.snapshot_service import SnapshotService

_logger = logging.getLogger(__name__)

EPOCH_COUNTER = "epoch"
_NS_PER_MS = 1_000_000
_DRAIN_S = 2.0


@contextlib.asynccontextmanager
async def open_feed(settings: FeedSettings, adapter: Adapter) -> AsyncIterator["FeedService"]:
    """Connect, bring the streams about, take an epoch, restore the state; on leaving, stop in order."""
    client = await connect(settings, f"feed-{adapter.name}")
    try:
        js = client.jetstream()
        await ensure(js, declared(settings))
        epoch = await add_to_counter(await js.key_value(FEEDS), EPOCH_COUNTER, 1)
        service = FeedService(settings, adapter, client, await Directory.open(js), epoch)
        client.on_reconnect(service.reconnected)
        await service.restore()
        try:
            yield service
        finally:
            await service.stop()
    finally:
        await client.close()


class FeedService:
    """One feed process: everything it needs, built from its settings and its connection."""

    def __init__(
        self, settings: FeedSettings, adapter: Adapter, client: Connection, directory: Directory, epoch: int
    ) -> None:
        self._settings = settings
        self._adapter = adapter
        self._client = client
        self._directory = directory
        state = MarketState(epoch, TradingDays(adapter.time_zone))
        self._image = MarketImage(
            state, int(settings.quote_window_ms * _NS_PER_MS), int(settings.depth_window_ms * _NS_PER_MS)
        )
        self._tape = TapePublisher(client, adapter.name, epoch, settings.partitions, time.monotonic)
        self._lanes = LiveLanes(client)
        self._cache = QuoteCache(settings.cache_url) if settings.cache_url else None
        self._writer = (
            CacheWriter(self._cache, state, directory, settings.cache_interval_ms / 1e3) if self._cache else None
        )
        self._rate = ops.Rate(time.monotonic())
        self._checkpoints = CheckpointStore(client.jetstream(), adapter.name)
        linger_ns = int(settings.tape_linger_ms * _NS_PER_MS)
        self._runner = FeedRunner(
            adapter, self._image, self._lanes, self._tape, directory, linger_ns, time.time_ns, self._changed
        )
        _logger.info("feed %s, epoch %d, %d instruments known", adapter.name, epoch, len(directory))

    async def run(self) -> None:
        """Run the feed and all that goes on beside it, until the task is cancelled."""
        snapshots = await SnapshotService.start(self._client, self._runner.present)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._runner.run(), name="runner")
            tasks.create_task(self._tape.retry_for_ever(), name="tape retries")
            tasks.create_task(ops.beat(self._client, "feed", self._figures), name="heartbeat")
            tasks.create_task(self._keep_alive(snapshots), name="venue heartbeats")
            tasks.create_task(self._checkpoint_for_ever(), name="checkpoints")
            if self._writer is not None:
                tasks.create_task(self._writer.run(), name="cache")

    async def stop(self) -> None:
        """Wait, within bounds, for the tape to hold everything, and leave a checkpoint."""
        with contextlib.suppress(TimeoutError, NatsError):
            async with asyncio.timeout(_DRAIN_S):
                await self._tape.settled()
                await self._checkpoint()
        if self._tape.unacked_bytes:
            _logger.warning("%d bytes of the tape stay unacknowledged", self._tape.unacked_bytes)
        if self._cache is not None:
            await self._cache.close()

    async def restore(self) -> None:
        """Go on from the last checkpoint and the tape after it, where the feed is one that goes on.

        The checkpoint made at the end is the first where there was none: a feed killed before its next goes on from it.
        """
        if not self._adapter.continues:
            return
        js, state = self._client.jetstream(), self._image.state
        found = await self._checkpoints.load()
        self._tape.last_sequence = (await js.stream_info(TAPE)).state.last_seq
        if found is not None:
            states, tape_sequence = found
            self._image.reserve(self._directory.capacity)
            state.restore(states)
            replayed = await replay_tape(js, self._adapter.name, state, states, tape_sequence)
            _logger.info("restored %d instruments, and %d events from the tape", len(states), replayed)
            self._adapter.resume(self._by_name(state.snapshot(state.known())))
        await self._checkpoint()

    def _by_name(self, states: Rows) -> Mapping[str, np.void]:
        named: dict[str, np.void] = {}
        instruments: list[Instrument] = []
        for row in states:
            instrument = self._directory.numbered(int(row["instrument"]))
            if instrument is not None:
                instruments.append(instrument)
                named[str(instrument.key)] = row
        self._runner.adopt(instruments)
        return named

    async def reconnected(self) -> None:
        """Make good what the break in the connection cost: batches on their way, states nobody saw."""
        self._tape.retry_now()
        self._image.mark_all()

    def _changed(self, changed: npt.NDArray[np.intp]) -> None:
        if self._writer is not None:
            self._writer.mark(changed)

    async def _keep_alive(self, snapshots: SnapshotService) -> None:
        while True:
            for venue in self._runner.venues:
                await snapshots.serve(venue)
                self._lanes.alive(venue, time.time_ns())
            await asyncio.sleep(ops.INTERVAL_S)

    async def _checkpoint_for_ever(self) -> None:
        if not self._adapter.continues:
            return
        while True:
            await asyncio.sleep(self._settings.checkpoint_interval_s)
            try:
                await self._checkpoint()
            except (NatsError, TimeoutError) as error:
                _logger.warning("no checkpoint this time: %s", str(error) or type(error).__name__)

    async def _checkpoint(self) -> None:
        if self._adapter.continues:
            state = self._image.state
            await self._checkpoints.save(state.snapshot(state.known()), self._tape.last_sequence)

    def _figures(self) -> Mapping[str, object]:
        figures, tape = self._runner.figures, self._tape
        age_ms = (time.time_ns() - figures.last_recv_ns) / _NS_PER_MS if figures.last_recv_ns else None
        return {
            "feed": self._adapter.name,
            "rows": figures.rows,
            "rows_per_s": self._rate.per_s(figures.rows, time.monotonic()),
            "feed_age_ms": age_ms,
            "lag_ms": figures.lag_ns / _NS_PER_MS,
            "published": self._lanes.published,
            "dropped": self._lanes.dropped,
            "tape_pending_bytes": tape.unacked_bytes,
            "tape_acked_batches": tape.acked_batches,
            "tape_retried_batches": tape.retried_batches,
            "faults": self._adapter.faults.counts,
            "last_fault": self._adapter.faults.last,
        }
