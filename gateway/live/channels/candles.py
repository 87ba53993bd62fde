"""Channels `candles:1m` to `candles:1M`: the latest candles of an instrument, and every change of them."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from gateway.candle_source import CandleSource
from gateway.images import from_iso
from gateway.lane import Lane
from gateway.live.channels.candle_ring import CandleRing, HeldCandle, held_candles
from gateway.live.channels.channel import Change, Numbers, Positions
from gateway.live.channels.encoded import Encoded, encoded
from gateway.live.messages import CandlesUpdate
from gateway.live.topics import Masks
from gateway.live.wire import Wire
from gateway.upstream import Upstream
from market import rows, subjects
from market.candles.timeframe import Timeframe
from market.instrument import Instrument
from market.row_type import RowError, Rows
from market.symbols import SymbolKey
from mesh.connection import Connection

_logger = logging.getLogger(__name__)

SNAPSHOT_CANDLES = 100
_CANDLES_OF_AN_ANSWER = 5000  # some 500 KB: an answer has to fit into what may wait for a client
_SECOND_NS = 1_000_000_000
_AMENDED_S = 62  # for so long after its end a candle may change
_LONGEST_S = {Timeframe.D1: 86_400, Timeframe.W1: 7 * 86_400, Timeframe.MO1: 31 * 86_400}


class CandlesChannel:
    """The latest candles of watched instruments, of one timeframe."""

    full_mask = 1
    is_log = True
    is_dropped_first = True

    def __init__(
        self,
        timeframe: Timeframe,
        connection: Connection,
        upstream: Upstream,
        source: CandleSource,
        linger_s: float,
        on_changed: Callable[[], None],
    ) -> None:
        self.name = f"candles:{timeframe.text}"
        self._timeframe = timeframe
        self._upstream = upstream
        self._source = source
        self._on_changed = on_changed
        self._lane = Lane(
            connection, connection.open_bulk(rows.CANDLE.width_bytes, self._receive), self._subject, linger_s
        )
        self._rings: dict[int, CandleRing] = {}
        self._dirty: set[int] = set()
        self._filling: asyncio.Task[None] | None = None

    async def watch(self, instruments: Sequence[Instrument]) -> None:
        """Watch instruments; return when their latest candles are known as far as they can be."""
        for each in self._lane.watch(instruments):
            self._rings[int(each.number)] = CandleRing()
        await self._fill([each for each in instruments if not self._ring(int(each.number)).is_whole])

    async def catch_up(self, last_seen: Mapping[int, int]) -> None:
        """Ask for the candles that a client saw at another gateway, so that it is not shown older ones."""
        behind = [number for number, sequence in last_seen.items() if sequence > self._ring(number).sequence]
        if behind:
            self._take((await self._source.now(behind)).rows)

    def unwatch(self, numbers: Sequence[int]) -> None:
        """Watch instruments once less each."""
        self._lane.unwatch(numbers)

    def sweep(self, now_s: float) -> None:
        """Let go of what nobody has watched for a while; ask again for what could not be known."""
        for number in self._lane.sweep(now_s):
            self._rings.pop(number, None)
            self._dirty.discard(number)
        unknown = [number for number, ring in self._rings.items() if not ring.is_whole]
        if unknown and (self._filling is None or self._filling.done()):
            self._filling = asyncio.ensure_future(self._fill(self._upstream.numbered(unknown)))

    async def refresh(self) -> None:
        """Make good what may have been missed while NATS was away."""
        for ring in self._rings.values():
            ring.is_whole = False
        await self._fill(self._upstream.numbered(self._rings))

    def take_changes(self) -> Change | None:
        """Give the instruments that have a new or changed candle since the last call."""
        if not self._dirty:
            return None
        numbers = np.fromiter(self._dirty, np.intp)
        self._dirty.clear()
        return Change(numbers, np.ones(len(numbers), np.uint16), self.positions(numbers))

    def positions(self, numbers: Numbers) -> Positions:
        """Give how many changes came."""
        return np.array([self._ring(number).end for number in numbers.tolist()], np.int64)

    def is_newer(self, number: int, last_seen: int | str) -> bool:
        """Whether a candle may have changed since a sequence, or a time of the exchange; raises ValueError."""
        return self.resume_since(number, last_seen) < self._ring(number).end

    def is_covered(self, number: int, last_seen: int | str) -> bool:
        """Whether no candle that changed since is missing."""
        ring = self._ring(number)
        return (
            ring.covers(last_seen) if isinstance(last_seen, int) else ring.covers_from(self._changing_from(last_seen))
        )

    def snapshot_since(self, numbers: Numbers) -> Positions:
        """Give the positions after which there are as many candles as a first snapshot shows."""
        return self._before(numbers, min(SNAPSHOT_CANDLES, _CANDLES_OF_AN_ANSWER // max(1, len(numbers))))

    def earliest(self, numbers: Numbers) -> Positions:
        """Give the positions after which there are as many candles as fit into one answer about all of these."""
        return self._before(numbers, _CANDLES_OF_AN_ANSWER // max(1, len(numbers)))

    def resume_since(self, number: int, last_seen: int | str) -> int:
        """Give the position after which there is all that a client has not seen; raises ValueError."""
        ring = self._ring(number)
        if isinstance(last_seen, int):
            return ring.position_at(last_seen)
        return ring.position_from(self._changing_from(last_seen))

    def entries(self, wire: Wire, numbers: Numbers, masks: Masks, since: Positions) -> Encoded:
        """Encode every candle that changed since the positions that clients have."""
        return encoded([wire.encode(self._entry(*each)) for each in zip(numbers.tolist(), since.tolist(), strict=True)])

    def _entry(self, number: int, position: int) -> CandlesUpdate:
        ring = self._ring(number)
        return CandlesUpdate(
            self._upstream.name(number), ring.sequence, ring.since(position), int(ring.missed(position))
        )

    async def _fill(self, instruments: Sequence[Instrument]) -> None:
        """Take what the worker has, then what is stored: whatever the one has let go, the other has by then."""
        if not instruments:
            return
        now = await self._source.now([int(each.number) for each in instruments])
        count = SNAPSHOT_CANDLES if self._timeframe.minutes else 2 * SNAPSHOT_CANDLES  # a day has two
        latest = await asyncio.gather(*(self._source.latest(each, self._timeframe, count) for each in instruments))
        for each, stored in zip(instruments, latest, strict=True):
            number = int(each.number)
            self._add(number, held_candles(stored.rows))
            if ring := self._rings.get(number):
                ring.is_all = stored.is_known and len(stored.rows) < count and not ring.is_full
                ring.is_whole = stored.is_known and number in now.answered
        self._take(now.rows)
        for each in instruments:
            ring = self._rings.get(int(each.number))
            if ring is not None and ring.arrange():
                self._changed(int(each.number))

    def _subject(self, key: SymbolKey) -> str:
        return subjects.candle(self._timeframe.text, key)

    def _changing_from(self, time: str) -> int:
        """Give the start of the first candle that may have changed since a time; raises ValueError."""
        longest_s = self._timeframe.minutes * 60 or _LONGEST_S[self._timeframe]
        return from_iso(time) // _SECOND_NS - _AMENDED_S - longest_s

    def _before(self, numbers: Numbers, count: int) -> Positions:
        return np.array([self._ring(number).position_before(count) for number in numbers.tolist()], np.int64)

    def _ring(self, number: int) -> CandleRing:
        return self._rings.get(number) or CandleRing()

    def _receive(self, numbers: Numbers, payloads: npt.NDArray[np.uint8]) -> None:
        candles = payloads.view(rows.CANDLE.dtype).reshape(-1)
        try:
            rows.CANDLE.check(candles)
        except RowError as error:
            _logger.warning("candles cannot be read: %s", error)
            return
        for number, candle in zip(numbers.tolist(), held_candles(candles), strict=True):
            self._add(number, (candle,))

    def _take(self, candles: Rows) -> None:
        """Take those of our timeframe, of any instruments."""
        own = candles[candles["timeframe"] == self._timeframe]
        for number, candle in zip(own["instrument"].tolist(), held_candles(own), strict=True):
            self._add(number, (candle,))

    def _add(self, number: int, candles: Iterable[HeldCandle]) -> None:
        ring = self._rings.get(number)
        if ring is None:
            return
        said = [ring.take(each) for each in candles]
        if any(said):
            self._changed(number)

    def _changed(self, number: int) -> None:
        self._dirty.add(number)
        self._on_changed()
