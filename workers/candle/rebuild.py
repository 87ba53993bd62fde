"""Candles folded again from the tape, without a lease and without the worker's state: the proof of what it stored.

A rebuild writes what is missing or older; `verify` only compares. Both read the tape from its beginning, a partition at
a time, and trust nothing else. Where the tape begins in the middle of a day, that day's candles hold less than the
tables; the higher (revision, trades) stays, and such candles are counted as `ahead`.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import numpy as np
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from market import subjects
from market.candles.candles import Candles
from market.candles.timeframe import Timeframe
from mesh.actor.protocols import Step
from mesh.actor.reader import Delivery
from mesh.calendars import Calendars
from mesh.candles.store import CandleStore
from mesh.candles.writer import CandleWriter
from mesh.connection import connect
from mesh.directory import Directory
from mesh.streams import TAPE, declared, ensure
from mesh.tape_publisher import feed_of
from workers.candle.core import CandleCore, CoreRules
from workers.candle.effects import Effects
from workers.candle.live import LivePace
from workers.candle.settings import CandleSettings
from workers.candle.shell import Names

_logger = logging.getLogger(__name__)

_FETCH, _FETCH_S = 256, 10.0
_COALESCE_ROWS = 200_000
_WRITE_ROWS = 50_000
_INSTRUMENTS_AT_ONCE = 500
_NEVER_NS = 1 << 62
COMPARED = (
    *("open", "high", "low", "close", "volume_whole", "volume_nano", "turnover_whole", "turnover_nano"),
    *("revision", "trades"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rebuild found, in candles: the same in the tables, missing, older, different, or newer than the tape."""

    equal: int = 0
    missing: int = 0
    behind: int = 0
    different: int = 0
    ahead: int = 0
    written: int = 0

    @property
    def is_same(self) -> bool:
        """Whether the tables hold what the tape says."""
        return not (self.missing or self.behind or self.different)

    def __add__(self, other: "Outcome") -> "Outcome":
        """Add up two partitions'."""
        return Outcome(*(getattr(self, name) + getattr(other, name) for name in Outcome.__slots__))


async def rebuild(settings: CandleSettings, partitions: Sequence[int] = (), *, writes: bool) -> Outcome:
    """Fold these partitions of the tape, or all, and compare with the tables; write what is newer there if `writes`.

    Raises StoreAway, NatsError or TimeoutError where a server does not answer.
    """
    client = await connect(settings, "candles rebuild")
    try:
        js = client.jetstream()
        await ensure(js, declared(settings))
        directory = await Directory.open(js)
        names = Names(directory, await Calendars.open(js))
        await names.learn_times()
        store = CandleStore(settings.postgres_dsn, names.name_of)
        writer = CandleWriter(settings.postgres_dsn, names.name_of)
        total = Outcome()
        try:
            for partition in partitions or range(settings.partitions):
                found = await _compare(store, await _folded(js, settings, names, partition))
                total += found[0]
                if writes:
                    total += await _write(writer, found[1])
        finally:
            await store.close()
            await writer.close()
        return total
    finally:
        await client.close()


async def _folded(js: JetStreamContext, settings: CandleSettings, names: Names, partition: int) -> Candles:
    """Fold one partition of the tape; the newest state of each candle that closed on it."""
    core = CandleCore(CoreRules(settings.rules, _NEVER_NS), LivePace(_NEVER_NS, 0), names.times, names.venue_of, 0)
    parts: list[Candles] = [Candles.of(0)]
    async for deliveries in _tape(js, partition):
        step = core.apply(deliveries, 0)
        while step.question is not None:
            parts += _closed(step)
            await names.learn(step.question.numbers)
            step = core.resume(step.question, 0)
        parts += _closed(step)
        if sum(map(len, parts)) > _COALESCE_ROWS + 2 * len(parts[0]):
            parts = [Candles.concat(parts).sorted_newest()]
    _logger.info("partition %d: %d rows, %d trades", partition, core.counts.rows, core.counts.trades)
    return Candles.concat(parts).sorted_newest()


def _closed(step: Step) -> list[Candles]:
    return [step.durable.candles] if isinstance(step.durable, Effects) else []


async def _tape(js: JetStreamContext, partition: int) -> AsyncIterator[list[Delivery]]:
    """Read what is on a partition of the tape now, in order."""
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE)
    reader = await js.pull_subscribe(subjects.tape(partition), stream=TAPE, config=config)
    try:
        left = (await reader.consumer_info()).num_pending or 0
        while left > 0:
            messages = await reader.fetch(min(_FETCH, left), timeout=_FETCH_S)
            left -= len(messages)
            yield [
                Delivery(
                    message.metadata.sequence.stream,
                    feed_of((message.headers or {}).get("Nats-Msg-Id", "")),
                    0,
                    message.data,
                )
                for message in messages
            ]
    finally:
        await reader.unsubscribe()


async def _compare(store: CandleStore, expected: Candles) -> tuple[Outcome, Candles]:
    """Count how the tables differ from what the tape says; also gives the candles that are newer on the tape."""
    total, newer = Outcome(), [Candles.of(0)]
    numbers = np.unique(expected.instrument)
    for timeframe in Timeframe:
        for start in range(0, len(numbers), _INSTRUMENTS_AT_ONCE):
            some = numbers[start : start + _INSTRUMENTS_AT_ONCE]
            is_meant = (expected.timeframe == timeframe) & np.isin(expected.instrument, some)
            mine = expected.take(is_meant)
            if not len(mine):
                continue
            span = int(mine.start_ns.min()), int(mine.start_ns.max()) + 1
            outcome, wanted = _difference(await store.of_many(some, timeframe, *span), mine)
            total += outcome
            newer.append(wanted)
    return total, Candles.concat(newer)


def _difference(stored: Candles, expected: Candles) -> tuple[Outcome, Candles]:
    at = {key: place for place, key in enumerate(_keys(stored))}
    places = np.array([at.get(key, -1) for key in _keys(expected)], np.intp)
    is_there = places >= 0
    missing = expected.take(~is_there)
    want, have = expected.take(is_there), stored.take(places[is_there])
    is_newer = (want.revision > have.revision) | ((want.revision == have.revision) & (want.trades > have.trades))
    is_older = (want.revision < have.revision) | ((want.revision == have.revision) & (want.trades < have.trades))
    same = np.ones(len(want), bool)
    for name in COMPARED:
        first, second = getattr(want, name), getattr(have, name)
        same &= (first == second) | ((first != first) & (second != second))  # noqa: PLR0124  # NaN is no price
    outcome = Outcome(
        equal=int(same.sum()),
        missing=len(missing),
        behind=int(is_newer.sum()),
        different=int((~same & ~is_newer & ~is_older).sum()),
        ahead=int(is_older.sum()),
    )
    return outcome, Candles.concat([missing, want.take(is_newer)])


def _keys(candles: Candles) -> list[tuple[int, int, int]]:
    columns = (candles.instrument, candles.session, candles.start_ns)
    return list(zip(*(column.tolist() for column in columns), strict=True))


async def _write(writer: CandleWriter, candles: Candles) -> Outcome:
    written = 0
    for start in range(0, len(candles), _WRITE_ROWS):
        written += await writer.write(candles.take(np.arange(start, min(start + _WRITE_ROWS, len(candles)))))
    return Outcome(written=written)
