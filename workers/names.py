"""Who instruments are, and when their venues trade."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from nats.errors import Error as NatsError

from market import subjects
from market.candles.sessions import Segments
from market.symbols import SymbolKey
from mesh.calendars import Calendars
from mesh.connection import Connection, connect
from mesh.directory import Directory
from mesh.settings import MeshSettings
from mesh.streams import declared, ensure
from workers.calendars import times_of

_logger = logging.getLogger(__name__)

_RETRY_S = 0.5


class Names:
    """Who instruments are, and when their venues trade; both only ever grow."""

    def __init__(self, directory: Directory, calendars: Calendars) -> None:
        self._directory = directory
        self._calendars = calendars
        self._times: dict[str, Segments] = {}
        self._learning = asyncio.Lock()  # all partitions meet a new venue at once, and its time takes a second to make

    @property
    def times(self) -> Mapping[str, Segments]:
        """The time of each venue that is known."""
        return self._times

    def venue_of(self, number: int) -> str | None:
        """Name an instrument's venue; None where the instrument, or the venue's time, is not known yet."""
        instrument = self._directory.numbered(number)
        if instrument is None or instrument.key.venue not in self._times:
            return None
        return instrument.key.venue

    def name_of(self, number: int) -> SymbolKey:
        """Name an instrument that is known."""
        return self._directory.name_of(number)

    def numbers_by_venue(self, partition: int, partitions: int) -> dict[str, npt.NDArray[np.uint32]]:
        """Give the instruments of one partition of so many, at venues whose times are known."""
        known = [each for each in self._directory.all() if each.key.venue in self._times]
        numbers = np.array([each.number for each in known], np.uint32)
        venues = np.array([each.key.venue for each in known], str)
        own = subjects.partitions_of(numbers, partitions) == partition
        return {str(venue): numbers[own & (venues == venue)] for venue in np.unique(venues[own])}

    def times_of(self, number: int) -> Segments:
        """Give the time of the venue of an instrument that is known, as its venue's time is."""
        return self._times[self.name_of(number).venue]

    async def learn_times(self) -> None:
        """Get the time of every venue in the directory; raises NatsError or TimeoutError."""
        async with self._learning:
            venues = {instrument.key.venue for instrument in self._directory.all()} - self._times.keys()
            if venues:
                self._times |= await times_of(self._calendars, sorted(venues), datetime.now(UTC).date())

    async def learn(self, numbers: frozenset[int]) -> None:
        """Get to know instruments that are on the tape; those that stay unknown are in no directory."""
        while True:
            try:
                if any(self._directory.numbered(number) is None for number in numbers):
                    await self._directory.reconnected()
                await self.learn_times()
            except (NatsError, TimeoutError) as error:
                _logger.warning("the directory is out of reach: %s", str(error) or type(error).__name__)
                await asyncio.sleep(_RETRY_S)
            else:
                return


@contextlib.asynccontextmanager
async def connected(settings: MeshSettings, process: str) -> AsyncIterator[tuple[Connection, Directory, Names]]:
    """Connect a process, bring the streams about, learn the instruments and their venues; on leaving, disconnect."""
    client = await connect(settings, process)
    try:
        js = client.jetstream()
        await ensure(js, declared(settings))
        directory = await Directory.open(js)
        client.on_reconnect(directory.reconnected)
        names = Names(directory, await Calendars.open(js))
        await names.learn_times()
        yield client, directory, names
    finally:
        await client.close()
