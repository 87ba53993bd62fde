"""Candles folded again from the tape, without a lease and without the worker's state: the proof of what it stored.

A rebuild writes what is missing or older; `verify` only compares. Both read what is on the tape when they begin, a
partition at a time. Beside running workers the newest windows move: verified is what no trade behind that place on the
tape can change, once the worker's effects up to there are in the tables.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from nats.js import JetStreamContext
from tqdm import tqdm  # type: ignore[import-untyped]  # it ships no annotations

from market import subjects
from market.candles.beginning import day_begins
from market.candles.candles import Candles
from market.candles.refold import RefoldAnswer
from market.candles.sessions import DAY_NS, MINUTE_NS
from market.candles.timeframe import Timeframe
from mesh.actor.protocols import Step
from mesh.bulk_client import BulkClient
from mesh.calendars import Calendars
from mesh.candles.store import CandleStore
from mesh.candles.writer import CandleWriter
from mesh.connection import connect
from mesh.directory import Directory
from mesh.streams import TAPE, declared, ensure
from mesh.tape_range import TapeRange
from workers.candle.compare import Tally, compare
from workers.candle.core import CandleCore, CoreRules
from workers.candle.corrections import read, stored
from workers.candle.effects import Effects
from workers.candle.live import LivePace
from workers.candle.past import PastReader
from workers.candle.questions import Newcomer, PastMinute, Question
from workers.candle.settings import CandleSettings
from workers.names import Names

_logger = logging.getLogger(__name__)

_COALESCE_ROWS = 200_000
_WRITE_ROWS = 50_000
_ROWS_AT_ONCE = 200_000
_READ_WITHIN_S = 60.0
_NEVER_NS = 1 << 62
_NS_PER_S = 1_000_000_000
_MARGIN_S = 600  # of tape before a day's first row, after which the newest time is what it was
_STILL_S = 10.0
_ASK_AGAIN_S = 0.1


@dataclass(slots=True)
class Outcome:
    """What was found, by timeframe, and how many candles were written."""

    tallies: dict[Timeframe, Tally] = field(default_factory=lambda: dict.fromkeys(Timeframe, Tally()))
    written: int = 0
    behind: list[int] = field(default_factory=list)
    """The partitions of which the tables do not hold everything yet: no worker goes on with them."""

    @property
    def total(self) -> Tally:
        """All timeframes together."""
        return sum(self.tallies.values(), Tally())


@dataclass(frozen=True, slots=True)
class _Folded:
    """One partition, folded: the newest state of each candle, and each feed's instruments and settled time."""

    candles: Candles
    settled: list[tuple[np.ndarray[tuple[int], np.dtype[np.uint32]], int]]


async def rebuild(
    settings: CandleSettings, partitions: Sequence[int] = (), since: datetime | None = None, *, writes: bool
) -> Outcome:
    """Fold these partitions of the tape, or all, and compare with the tables; write what is newer there if `writes`.

    With `since` only candles that end after that time: the tape is read from the day it is in.

    Raises StoreAway, NatsError or TimeoutError where a server does not answer.
    """
    client = await connect(settings, "candles rebuild")
    try:
        js = client.jetstream()
        await ensure(js, declared(settings))
        directory = await Directory.open(js)
        names = Names(directory, await Calendars.open(js))
        await names.learn_times()
        store = CandleStore(settings.postgres_dsn, names.name_of, read_within_s=_READ_WITHIN_S)
        writer = CandleWriter(settings.postgres_dsn, names.name_of)
        try:
            run = _Rebuild(settings, client, js, names, store, writer if writes else None, since)
            return await run.run(partitions or range(settings.partitions))
        finally:
            await store.close()
            await writer.close()
    finally:
        await client.close()


class _Rebuild:
    """One run; without a writer it only compares."""

    def __init__(
        self,
        settings: CandleSettings,
        client: BulkClient,
        js: JetStreamContext,
        names: Names,
        store: CandleStore,
        writer: CandleWriter | None,
        since: datetime | None,
    ) -> None:
        self._settings = settings
        self._client = client
        self._js = js
        self._names = names
        self._store = store
        self._writer = writer
        self._since_ns = 0 if since is None else int(since.timestamp()) * _NS_PER_S
        self._past = PastReader(js, store, names, settings.partitions)
        self._outcome = Outcome()

    async def run(self, partitions: Sequence[int]) -> Outcome:
        ranges = [await self._range(partition) for partition in partitions]
        counts = (await self._js.stream_info(TAPE, subjects_filter="tape.*")).state.subjects or {}
        total = sum(counts.get(subjects.tape(partition), 0) for partition in partitions)
        with tqdm(total=total, unit=" messages", disable=not sys.stderr.isatty()) as bar:
            for each in ranges:
                bar.set_description(f"partition {each.partition}")
                folded = await self._folded(each, bar)
                if self._writer is None:
                    bar.set_description(f"partition {each.partition}, waiting for its worker")
                    if not await self._is_stored(each):
                        self._outcome.behind.append(each.partition)
                await self._compare(folded)
        return self._outcome

    async def _range(self, partition: int) -> TapeRange:
        minute = self._least_minute(partition)
        if not minute:
            return await TapeRange.up_to_now(self._js, partition)
        # A row may be stored before its own time, by as much as the rules let it be in the future.
        start_s = minute * 60 - _MARGIN_S - self._settings.candle_future_s
        return await TapeRange.up_to_now(self._js, partition, datetime.fromtimestamp(start_s, UTC))

    def _least_minute(self, partition: int) -> int:
        """Give the minute to begin with: where the first venue's day began that `since` is in; 0 for the tape's."""
        if not self._since_ns:
            return 0
        venues = self._names.numbers_by_venue(partition, self._settings.partitions)
        minute = self._since_ns // MINUTE_NS
        return min((day_begins(self._names.times[venue], minute) for venue in venues), default=minute)

    async def _folded(self, tape: TapeRange, bar: tqdm) -> _Folded:
        rules = CoreRules(self._settings.rules, _NEVER_NS)
        core = CandleCore(rules, LivePace(_NEVER_NS, 0), self._names.times, self._names.venue_of, 0)
        parts: list[Candles] = [Candles.of(0)]
        async for deliveries in tape.read(self._client, self._js):
            step = core.apply(deliveries, 0)
            while step.question is not None:
                parts += _closed(step)
                step = await self._answer(tape, core, step.question, parts)
            parts += _closed(step)
            if sum(map(len, parts)) > _COALESCE_ROWS + 2 * len(parts[0]):
                parts = [Candles.concat(parts).sorted_newest()]
            bar.update(len(deliveries))
        _logger.info("partition %d: %d rows, %d trades", tape.partition, core.counts.rows, core.counts.trades)
        candles = Candles.concat(parts).sorted_newest()
        return _Folded(candles.take(candles.end_ns > self._since_ns), core.settled())

    async def _answer(self, tape: TapeRange, core: CandleCore, question: Question, folded: list[Candles]) -> Step:
        if isinstance(question, PastMinute):
            return core.amend(await self._past_minute(tape.partition, core, question, folded), 0)
        if isinstance(question, Newcomer):
            least_minute = self._least_minute(tape.partition)
            return await self._past.begin(tape.partition, core, question, 0, least_minute)
        await self._names.learn(question.numbers)
        return core.resume(question, 0)

    async def _past_minute(
        self, partition: int, core: CandleCore, question: PastMinute, folded: list[Candles]
    ) -> RefoldAnswer:
        """Answer as a worker does; of the tables only what is from before this fold's beginning."""
        refold, first_minute = question.refold, core.first_minute(question)
        reading = question.reading or await read(self._client, self._js, partition, core, question)
        if refold.parts is None:
            return RefoldAnswer(reading, Candles.of(0), Candles.of(0))
        own = Candles.concat([part.take(part.instrument == refold.number) for part in folded]).sorted_newest()
        times, session = self._names.times_of(refold.number), refold.parts.session
        minutes, days = await stored(self._store, times, refold.number, refold.parts)
        is_before = [times.span_of(day, session)[1] <= first_minute for day in (days.start_ns // DAY_NS).tolist()]
        return RefoldAnswer(
            reading,
            Candles.concat(
                [minutes.take(minutes.start_ns < first_minute * MINUTE_NS), own.take(own.timeframe == Timeframe.M1)]
            ),
            Candles.concat([days.take(np.array(is_before, bool)), own.take(own.timeframe == Timeframe.D1)]),
        )

    async def _is_stored(self, tape: TapeRange) -> bool:
        """Wait until the tables hold everything up to the end of a range, as long as that draws nearer."""
        reached, moved_at_s = -1, time.monotonic()
        while time.monotonic() - moved_at_s < _STILL_S:
            now = (await self._store.progress()).get(tape.partition, 0)
            if now >= tape.last:
                return True
            if now > reached:
                reached, moved_at_s = now, time.monotonic()
            await asyncio.sleep(_ASK_AGAIN_S)
        return False

    async def _compare(self, folded: _Folded) -> None:
        newer = [Candles.of(0)]
        for numbers, settled_ns in folded.settled:
            before_ns = settled_ns if self._writer is None else _NEVER_NS
            venues = np.array([self._names.venue_of(number) for number in numbers.tolist()])
            for venue in np.unique(venues):
                own = numbers[venues == venue]
                of_venue = folded.candles.take(np.isin(folded.candles.instrument, own))
                for timeframe in Timeframe:
                    expected = of_venue.take(of_venue.timeframe == timeframe)
                    if not len(expected):
                        continue
                    tally, wanted = compare(await self._stored(own, timeframe, expected), expected, before_ns)
                    self._outcome.tallies[timeframe] += tally
                    newer.append(wanted)
        if self._writer is not None:
            await self._write(self._writer, Candles.concat(newer))

    async def _stored(
        self, numbers: np.ndarray[tuple[int], np.dtype[np.uint32]], timeframe: Timeframe, expected: Candles
    ) -> Candles:
        """Read what the tables hold from the first expected candle to the last, in large pieces."""
        span = int(expected.start_ns.min()), int(expected.start_ns.max()) + 1
        most = int(np.unique(expected.instrument, return_counts=True)[1].max())
        step = max(1, _ROWS_AT_ONCE // most)
        pieces = [numbers[start : start + step] for start in range(0, len(numbers), step)]
        return Candles.concat([await self._store.of_many(piece, timeframe, *span) for piece in pieces])

    async def _write(self, writer: CandleWriter, candles: Candles) -> None:
        for start in range(0, len(candles), _WRITE_ROWS):
            piece = candles.take(np.arange(start, min(start + _WRITE_ROWS, len(candles))))
            self._outcome.written += await writer.write(piece)


def _of(candles: Candles, timeframe: Timeframe) -> Candles:
    return candles.take(candles.timeframe == timeframe)


def _closed(step: Step) -> list[Candles]:
    return [step.durable.candles] if isinstance(step.durable, Effects) else []
