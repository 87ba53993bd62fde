"""The time of venues, as the workers publish it in the bucket CALENDARS, a key a venue.

The sessions come from a library that needs pandas; whoever only reads them needs neither.
"""

import asyncio
import time
from collections.abc import Callable

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue

from market.candles.calendar import SegmentsError, from_bytes, to_bytes
from market.candles.sessions import Segments, continuous
from mesh.streams import CALENDARS

READ_AGAIN_S = 60.0
ANSWER_WITHIN_S = 1.0


class Calendars:
    """Venues' segments, each kept for a minute once it was read."""

    def __init__(self, bucket: KeyValue, clock: Callable[[], float] = time.monotonic) -> None:
        self._bucket = bucket
        self._clock = clock
        self._read: dict[str, tuple[float, Segments]] = {}

    @classmethod
    async def open(cls, js: JetStreamContext) -> "Calendars":
        """Open the declared bucket."""
        return cls(await js.key_value(CALENDARS))

    async def of(self, venue: str) -> Segments:
        """Give the time of a venue; one that never closes where none is published.

        Where the bucket does not answer, what was read before is given, however old; else that raises TimeoutError or
        another error of nats.errors.
        """
        read_at, known = self._read.get(venue, (0.0, None))
        if known is not None and self._clock() < read_at + READ_AGAIN_S:
            return known
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                segments = await self.published(venue) or continuous()
        except (NatsError, TimeoutError):
            if known is None:
                raise
            segments = known
        self._read[venue] = self._clock(), segments
        return segments

    async def published(self, venue: str) -> Segments | None:
        """Read what is published for a venue now; None where nothing is, or nothing that this version can read."""
        value = await self._value(venue)
        try:
            return None if value is None else from_bytes(value)
        except SegmentsError:
            return None

    async def edition(self, venue: str) -> str:
        """Tell what a venue's published time was made from; empty where nothing is published."""
        return (await self._value(_edition_key(venue)) or b"").decode(errors="replace")

    async def publish(self, venue: str, segments: Segments, edition: str) -> bool:
        """Publish the time of a venue and what it was made from; False where the same was there already."""
        data = to_bytes(segments)
        is_new = await self._value(venue) != data
        if is_new:
            await self._bucket.put(venue, data)
        await self._bucket.put(_edition_key(venue), edition.encode())
        return is_new

    async def _value(self, key: str) -> bytes | None:
        try:
            return (await self._bucket.get(key)).value
        except KeyNotFoundError:
            return None


def _edition_key(venue: str) -> str:
    return f"{venue}.edition"
