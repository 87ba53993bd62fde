"""What a feed that nobody heard of was before: read from the tables, for folds that begin in the middle.

A worker that is killed before its next checkpoint asks again, and gets the same: what it wrote itself meanwhile are
candles of its first minute and later, which are never asked for.
"""

from collections.abc import Awaitable, Callable

import numpy as np
import numpy.typing as npt
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from market.candles.beginning import Children, Past, pasts
from market.candles.candles import Candles
from market.candles.sessions import MINUTE_NS, Segments
from mesh.actor.protocols import Step
from mesh.candles.store import CandleStore
from mesh.streams import TAPE
from workers.candle.core import CandleCore
from workers.candle.questions import Newcomer
from workers.names import Names

Numbers = npt.NDArray[np.uint32]

_AT_ONCE = 500  # instruments
_EDGE_S = 60.0
_BEFORE_MINUTES = 2  # than its first row can a feed's late rows be
_UNKNOWN_MINUTES = 3  # after its first row is a minute surely whole: that row may have been late itself


class PastReader:
    """Answers for the partitions of one process."""

    def __init__(self, js: JetStreamContext, store: CandleStore, names: Names, partitions: int) -> None:
        self._js = js
        self._store = store
        self._names = names
        self._partitions = partitions

    async def begin(
        self, partition: int, core: CandleCore, newcomer: Newcomer, now_ns: int, least_minute: int = 0
    ) -> Step:
        """Let a core go on with a newcomer; with `least_minute`, whose rows are all there, not before that.

        Raises StoreAway, NatsError or TimeoutError.
        """
        is_known = not await self._is_at_the_edge(newcomer.sequence)
        first = (least_minute or newcomer.minute - _BEFORE_MINUTES) if is_known else newcomer.minute + _UNKNOWN_MINUTES
        first = max(first, least_minute)
        return core.begin(newcomer, first, await self.children(partition, first), now_ns, is_known=is_known)

    async def children(self, partition: int, first_minute: int) -> dict[str, list[Children]]:
        """Read what windows begun before a minute are made of, by venue; raises as `begin` does."""
        await self._names.learn_times()
        found: dict[str, list[Children]] = {}
        for venue, numbers in self._names.numbers_by_venue(partition, self._partitions).items():
            times = self._names.times[venue]
            found[venue] = [await self._of(numbers, times, past, first_minute) for past in pasts(times, first_minute)]
        return found

    async def _of(self, numbers: Numbers, times: Segments, past: Past, first_minute: int) -> Children:
        store, session = self._store, past.session
        minutes = Candles.of(0)
        if not past.is_over:
            minutes = await _in_pieces(numbers, lambda some: store.minutes_of_day(some, session, past.day, times))
        days = await _in_pieces(numbers, lambda some: store.days_between(some, session, past.first_day, past.last_day))
        return Children(past, minutes.take(minutes.start_ns < first_minute * MINUTE_NS), days)

    async def _is_at_the_edge(self, sequence: int) -> bool:
        """Tell whether the tape has lost its beginning, and a message follows what it lost so soon that it goes on."""
        first = (await self._js.stream_info(TAPE)).state.first_seq
        if first <= 1:
            return False
        try:
            here, edge = [(await self._js.get_msg(TAPE, each)).time for each in (sequence, first)]
        except NotFoundError:
            return True  # lost meanwhile
        return here is None or edge is None or (here - edge).total_seconds() < _EDGE_S


async def _in_pieces(numbers: Numbers, read: Callable[[Numbers], Awaitable[Candles]]) -> Candles:
    parts = [await read(numbers[start : start + _AT_ONCE]) for start in range(0, len(numbers), _AT_ONCE)]
    return Candles.concat([Candles.of(0), *parts])
