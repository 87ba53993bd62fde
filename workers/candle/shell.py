"""The shell of the candle worker: what cores need of the world, for all partitions of the process."""

import asyncio
import logging
import time

import numpy as np
import numpy.typing as npt
from nats.errors import Error as NatsError

from market.candles.candles import Candles
from market.instrument import Instrument
from mesh.actor.lease import Lease
from mesh.actor.outbox import Outbox
from mesh.actor.protocols import Step
from mesh.candles.now import CandleNowServer
from mesh.candles.postgres import StoreAway
from workers.candle.core import CandleCore, CoreRules, Showing
from workers.candle.corrections import Corrections
from workers.candle.effects import Effects
from workers.candle.live import LiveCandles, LivePace
from workers.candle.past import PastReader
from workers.candle.questions import Newcomer, PastMinute, Question
from workers.names import Names

_logger = logging.getLogger(__name__)

_RETRY_S = 0.5


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
        past: PastReader,
        corrections: Corrections,
    ) -> None:
        self._rules = rules
        self._names = names
        self._live = live
        self._pace = pace
        self._server = server
        self._past = past
        self._corrections = corrections
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

    async def answer(self, partition: int, core: CandleCore, question: Question) -> Step:
        """Tell a core who its strangers are, what a feed was before, or what a minute is made of."""
        if isinstance(question, PastMinute):
            answer = await self._corrections.answer(partition, core, question)
            return core.amend(answer, time.monotonic_ns())
        if isinstance(question, Newcomer):
            return await self._begin(partition, core, question)
        await self._names.learn(question.numbers)
        strangers = {number for number in question.numbers if self._names.venue_of(number) is None}
        if strangers:
            _logger.warning("partition %d: no instrument has the numbers %s", partition, sorted(strangers)[:20])
        return core.resume(question, time.monotonic_ns())

    async def _begin(self, partition: int, core: CandleCore, newcomer: Newcomer) -> Step:
        while True:
            try:
                return await self._past.begin(partition, core, newcomer, time.monotonic_ns())
            except (NatsError, StoreAway, TimeoutError) as error:
                _logger.warning("partition %d waits for its past: %s", partition, str(error) or type(error).__name__)
                await asyncio.sleep(_RETRY_S)

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

    async def beside(self, partition: int, core: CandleCore) -> None:
        """Do nothing: all that the partition needs is done between its messages."""

    async def closed(self, partition: int) -> None:
        """Answer for it no more."""
        self.cores.pop(partition, None)
        await self._server.leave(partition)


def tokens_of(instruments: list[Instrument]) -> dict[int, str]:
    """Give each instrument's part of its subjects."""
    return {int(instrument.number): instrument.key.token for instrument in instruments}
