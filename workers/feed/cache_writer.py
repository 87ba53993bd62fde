"""Writes the latest states to the quote cache, conflated, beside the feed's own work."""

import asyncio

import numpy as np
import numpy.typing as npt

from market.state import MarketState
from mesh.directory import Directory
from mesh.quote_cache import QuoteCache


class CacheWriter:
    """Collects what changed and writes it every interval; what a missing cache did not take is tried again then."""

    def __init__(self, cache: QuoteCache, state: MarketState, directory: Directory, interval_s: float) -> None:
        self._cache = cache
        self._state = state
        self._directory = directory
        self._interval_s = interval_s
        self._is_dirty = np.zeros(0, bool)

    def mark(self, changed: npt.NDArray[np.intp]) -> None:
        """Note instruments whose state changed."""
        if len(self._is_dirty) < len(self._state):
            self._is_dirty = np.append(self._is_dirty, np.zeros(len(self._state) - len(self._is_dirty), bool))
        self._is_dirty[changed] = True

    async def run(self) -> None:
        """Write for as long as the task lives."""
        was_up = True
        while True:
            await asyncio.sleep(self._interval_s)
            if not was_up:  # it may have come back empty
                self.mark(self._state.known())
            was_up = await self.write_once()

    async def write_once(self) -> bool:
        """Write everything noted; False, and it stays noted, where the cache did not take it."""
        dirty = np.flatnonzero(self._is_dirty)
        self._is_dirty[dirty] = False
        instruments = [instrument for number in dirty if (instrument := self._directory.numbered(int(number)))]
        if not instruments:
            return await self._cache.ping()
        keys = [instrument.key for instrument in instruments]
        numbers = np.array([instrument.number for instrument in instruments], np.intp)
        taken = await self._cache.write(keys, self._state.snapshot(numbers))
        if not taken:
            self._is_dirty[numbers] = True
        return taken
