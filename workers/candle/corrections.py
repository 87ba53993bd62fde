"""What a past minute is made of: its rows, from the tape, and the candles around it, from the tables.

A partition waits for it. Where NATS or the tables are away it waits until they are back, and others go on.
"""

import asyncio
import logging
from collections.abc import Callable

import numpy as np
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from market import rows
from market.candles.candles import Candles
from market.candles.children import Parts
from market.candles.refold import Reading, RefoldAnswer
from market.candles.sessions import Segments
from market.row_type import RowError, Rows
from mesh.actor.outbox import Outbox
from mesh.actor.reader import Delivery
from mesh.bulk_client import BulkClient
from mesh.candles.postgres import StoreAway
from mesh.candles.store import CandleStore
from mesh.streams import TAPE
from mesh.tape_range import TapeRange
from workers.candle.core import CandleCore
from workers.candle.effects import Effects
from workers.candle.questions import PastMinute

_logger = logging.getLogger(__name__)

_FIRST_RETRY_S, _MAX_RETRY_S = 0.2, 5.0


class Corrections:
    """Answers for all partitions of the process; `waiting` is how many of them wait at present."""

    def __init__(
        self,
        client: BulkClient,
        js: JetStreamContext,
        store: CandleStore,
        times_of: Callable[[int], Segments],
        outbox: Outbox[Effects],
    ) -> None:
        """`times_of` gives the time of the venue of an instrument."""
        self._client = client
        self._js = js
        self._store = store
        self._times_of = times_of
        self._outbox = outbox
        self.waiting = 0

    async def answer(self, partition: int, core: CandleCore, question: PastMinute) -> RefoldAnswer:
        """Read what a core asks for, however long that takes; raises FencedError where another owns the partition."""
        retry_s = _FIRST_RETRY_S
        self.waiting += 1
        try:
            while True:
                try:
                    return await self._answer(partition, core, question)
                except (NatsError, StoreAway, TimeoutError) as error:
                    _logger.warning(
                        "partition %d waits for a correction: %s", partition, str(error) or type(error).__name__
                    )
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, _MAX_RETRY_S)
        finally:
            self.waiting -= 1

    async def _answer(self, partition: int, core: CandleCore, question: PastMinute) -> RefoldAnswer:
        reading = question.reading or await read(self._client, self._js, partition, core, question)
        if reading is None or question.refold.parts is None:
            return RefoldAnswer(reading, Candles.of(0), Candles.of(0))
        await self._outbox.durable(partition)  # what was folded up to here has to be in the tables
        times = self._times_of(question.refold.number)
        return RefoldAnswer(reading, *await stored(self._store, times, question.refold.number, question.refold.parts))


async def stored(store: CandleStore, times: Segments, number: int, parts: Parts) -> tuple[Candles, Candles]:
    """Read an instrument's minutes of a day, and days around it; raises StoreAway."""
    numbers = np.array([number], np.uint32)
    minutes = await store.minutes_of_day(numbers, parts.session, parts.day, times)
    return minutes, await store.days_between(numbers, parts.session, parts.first_day, parts.last_day)


async def read(
    client: BulkClient, js: JetStreamContext, partition: int, core: CandleCore, question: PastMinute
) -> Reading | None:
    """Read a stretch of the tape, a few megabytes at a time; None where it is not there any more.

    Raises NatsError or TimeoutError.
    """
    first, reading = question.refold.begin.sequence, core.reading(question)
    async for deliveries in TapeRange(partition, None, question.refold.last, first).read(client, js):
        reading.read(_events(deliveries, question.feed))
    is_whole = (await js.stream_info(TAPE)).state.first_seq <= first
    return reading if is_whole else None


def _events(deliveries: list[Delivery], feed: str) -> Rows:
    """Read one feed's rows; a message that is not made of rows was rejected when it came."""
    found: list[Rows] = []
    for delivery in deliveries:
        if delivery.source == feed:
            try:
                found.append(rows.read_events(delivery.payload))
            except RowError:
                continue
    return rows.join(found)
