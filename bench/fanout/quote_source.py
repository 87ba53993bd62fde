"""The publisher of the quote lane: what the feed does for gateways, at a pace, without a tape.

It lists its instruments in the directory, answers on the snapshot service, keeps the cache and says that its venue is
alive, so a gateway finds all it needs. Updates go out through the feed's own lanes.
"""

import asyncio
import time

import numpy as np

from bench.fanout.pace import Pace
from bench.fanout.walk import VENUE, Walk, listings
from bench.processes import Line
from market.instrument import Instrument
from market.row_type import take
from market.symbols import SymbolKey
from mesh.connection import Connection, connect
from mesh.directory import Directory
from mesh.quote_cache import QuoteCache
from mesh.settings import MeshSettings
from mesh.streams import declared, ensure
from workers.feed.lanes import LiveLanes
from workers.feed.settings import FeedSettings
from workers.feed.snapshot_service import SnapshotService

_ALIVE_EVERY_S = 1.0


async def publish(line: Line, nats_url: str, cache_url: str, symbols: int) -> None:
    """Answer `ready`; then do as told: `{"per_s": …}` updates a second in all, `{"save": path}` the last states."""
    settings = FeedSettings(nats_url=nats_url, cache_url=cache_url)
    client = await connect(settings, "bench")
    source = _Source(client, await _enlisted(client, settings, symbols))
    cache = QuoteCache(cache_url) if cache_url else None
    snapshots = await SnapshotService.start(client, source.present)
    await snapshots.serve(VENUE)
    source.update(np.arange(symbols, dtype=np.intp))  # nothing is unknown when clients come
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(source.run())
        tasks.create_task(source.keep_alive())
        if cache is not None:
            await source.cache_once(cache)
            tasks.create_task(source.keep_cached(cache, settings.cache_interval_ms / 1e3))
        line.say(ready=True)
        while True:
            words = await line.heard()
            if "save" in words:
                await client.flush(timeout=10)
                await asyncio.to_thread(np.save, words["save"], source.walk.states.view(np.uint8))
            else:
                source.pace.go(words["per_s"])
            line.say(sent=source.pace.sent, skipped=source.pace.skipped, dropped=source.lanes.dropped)


async def _enlisted(client: Connection, settings: MeshSettings, symbols: int) -> list[Instrument]:
    js = client.jetstream()
    await ensure(js, declared(settings))
    return await (await Directory.open(js)).enlist(listings(symbols))


class _Source:
    """The walk on the lanes; numbers in here are the walk's own, which the directory's need not be."""

    def __init__(self, client: Connection, instruments: list[Instrument]) -> None:
        self.walk = Walk(len(instruments))
        self.walk.states["instrument"] = [int(each.number) for each in instruments]
        self.pace = Pace(len(instruments), time.perf_counter)
        self.lanes = LiveLanes(client)
        self.lanes.add(instruments)
        self._keys = [each.key for each in instruments]
        self._number_of = {each.key: number for number, each in enumerate(instruments)}
        self._directory_number = self.walk.states["instrument"].astype(np.intp)
        self._changed = np.zeros(len(instruments), bool)

    def update(self, numbers: np.ndarray[tuple[int], np.dtype[np.intp]]) -> None:
        """Change instruments and collect their states for the lane."""
        self.lanes.quotes(self._directory_number[numbers], self.walk.step(numbers, time.time_ns()))
        self._changed[numbers] = True

    async def run(self) -> None:
        """Publish what is due, for as long as the task lives."""
        while True:
            due = self.pace.take()
            if len(due):
                self.update(due)
            await self.lanes.send()
            await asyncio.sleep(self.pace.until_next_s())

    def present(self, key: SymbolKey) -> bytes | None:
        """Give the snapshot service's answer: the state, no depth."""
        number = self._number_of.get(key)
        return None if number is None else self.walk.states[number : number + 1].tobytes()

    async def keep_alive(self) -> None:
        """Say that the venue's feed is there."""
        while True:
            self.lanes.alive(VENUE, time.time_ns())
            await asyncio.sleep(_ALIVE_EVERY_S)

    async def cache_once(self, cache: QuoteCache) -> None:
        """Write what changed since the last time, as the feed does."""
        changed = np.flatnonzero(self._changed)
        self._changed[changed] = False
        keys = [self._keys[number] for number in changed.tolist()]
        await cache.write(keys, take(self.walk.states, changed))

    async def keep_cached(self, cache: QuoteCache, interval_s: float) -> None:
        """Write what changed, every interval."""
        while True:
            await asyncio.sleep(interval_s)
            await self.cache_once(cache)
