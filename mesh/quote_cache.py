"""The quote cache: every instrument's latest STATE row, where a fresh gateway finds it at once.

It may be lost, late or away at any time: the quote subjects and the snapshot service are the truth.
"""

from collections.abc import Sequence
from typing import cast

from market import rows
from market.row_type import RowError, Rows
from market.symbols import SymbolKey
from mesh.cache import AWAY, Cache

_KEYS_AT_ONCE = 1000


def cache_key(key: SymbolKey) -> str:
    """Name the cache entry of an instrument's latest state."""
    return f"tickmesh:quote:{key}"


class QuoteCache(Cache):
    """Reads and writes states in the Redis-compatible cache; a cache that is away is an empty one."""

    async def write(self, keys: Sequence[SymbolKey], states: Rows) -> bool:
        """Store the state of each key (STATE rows, in the same order); False where the cache did not take it."""
        data, width = states.tobytes(), rows.STATE.width_bytes
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            entries = {
                cache_key(keys[i]): data[i * width : (i + 1) * width]
                for i in range(start, min(start + _KEYS_AT_ONCE, len(keys)))
            }
            try:
                await self._redis.mset(entries)
            except AWAY as error:
                self._note(up=False, error=error)
                return False
        self._note(up=True)
        return True

    async def read(self, keys: Sequence[SymbolKey]) -> dict[SymbolKey, Rows]:
        """Look up the states of `keys`, one STATE row each; what is missing or unreadable is left out."""
        if not keys:
            return {}
        try:
            values = await self._redis.mget([cache_key(key) for key in keys])
        except AWAY as error:
            self._note(up=False, error=error)
            return {}
        self._note(up=True)
        found = {}
        for key, value in zip(keys, values, strict=True):
            try:
                states = rows.STATE.read(cast(bytes, value or b""))
            except RowError:
                continue  # written by another version; the feed will overwrite it
            if len(states) == 1:
                found[key] = states
        return found
