"""The shell of the candle worker: what cores need of the world, for all partitions of the process."""

import asyncio
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from nats.errors import Error as NatsError

from market.candles.candles import Candles
from market.candles.sessions import Segments
from market.instrument import Instrument
from market.symbols import SymbolKey
from mesh.actor.lease import Lease
from mesh.actor.outbox import Outbox
from mesh.actor.protocols import Step
from mesh.calendars import Calendars
from mesh.candles.now import CandleNowServer
from mesh.directory import Directory
from workers.candle.calendars import times_of
from workers.candle.core import CandleCore, CoreRules, Showing, Strangers
from workers.candle.effects import Effects
from workers.candle.live import LiveCandles, LivePace

_logger = logging.getLogger(__name__)

_RETRY_S = 0.5


class Names:
    """Who instruments are, and when their venues trade; both only ever grow."""

    def __init__(self, directory: Directory, calendars: Calendars) -> None:
        self._directory = directory
        self._calendars = calendars
        self._times: dict[str, Segments] = {}

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
        instrument = self._directory.numbered(number)
        if instrument is None:
            raise KeyError(f"instrument {number} is not in the directory")
        return instrument.key

    async def learn_times(self) -> None:
        """Get the time of every venue in the directory; raises NatsError or TimeoutError."""
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
                _logger.warning("the directory is out of reach: %s", error or type(error).__name__)
                await asyncio.sleep(_RETRY_S)
            else:
                return


class CandleShell:
    """See `mesh.actor.protocols.Shell`."""

    def __init__(
        self,
        rules: CoreRules,
        names: Names,
        outbox: Outbox[Effects],
        live: LiveCandles,
        pace: LivePace,
        server: CandleNowServer,
    ) -> None:
        self._rules = rules
        self._names = names
        self._live = live
        self._pace = pace
        self._server = server
        self.outbox = outbox
        self.cores: dict[int, CandleCore] = {}

    async def took(self, partition: int, lease: Lease) -> None:
        """Leave it to checkpoints where to begin."""

    async def restore(self, partition: int, saved: bytes | None) -> CandleCore:
        """Build a partition's core."""
        core = CandleCore(self._rules, self._pace, self._names.times, self._names.venue_of, time.monotonic_ns())
        if saved is not None:
            core.restore(saved, time.monotonic_ns())
        return core

    async def answer(self, partition: int, core: CandleCore, question: Strangers) -> Step:
        """Tell a core who its strangers are."""
        await self._names.learn(question.numbers)
        strangers = {number for number in question.numbers if self._names.venue_of(number) is None}
        if strangers:
            _logger.warning("partition %d: no instrument has the numbers %s", partition, sorted(strangers)[:20])
        return core.resume(question, time.monotonic_ns())

    def publish_live(self, partition: int, live: Showing) -> None:
        """Show what changed."""
        self._live.show(live)

    async def opened(self, partition: int, core: CandleCore) -> None:
        """Begin to answer for a partition."""
        self.cores[partition] = core

        def now(numbers: npt.NDArray[np.uint32]) -> Candles:
            waiting = [effects.candles for effects in self.outbox.held(partition)]
            held = Candles.concat([Candles.of(0), *waiting])
            held = held.take(np.isin(held.instrument, numbers))
            return Candles.concat([held, core.now(numbers)]).sorted_newest()

        await self._server.serve(partition, now)

    async def closed(self, partition: int) -> None:
        """Answer for it no more."""
        self.cores.pop(partition, None)
        await self._server.leave(partition)


def tokens_of(instruments: list[Instrument]) -> dict[int, str]:
    """Give each instrument's part of its subjects."""
    return {int(instrument.number): instrument.key.token for instrument in instruments}
