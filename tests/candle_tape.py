"""A seeded tape of good, late, repeated, bad and amending rows of three kinds of venue, and the way it gets onto NATS.

Its last rows are quotes of 40 days later: every window of every timeframe is closed by them.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import numpy as np
from nats.js import JetStreamContext

from market import rows
from market.codes import Kind, TradeFlag
from market.instrument import Instrument, Listing
from market.row_type import Rows, as_bytes, take
from market.rows import join
from market.symbols import SymbolKey
from mesh.connection import Connection, connect
from mesh.directory import Directory
from mesh.settings import MeshSettings
from mesh.streams import TAPE, declared, ensure
from mesh.tape_publisher import TapePublisher
from tests.candle_reports import Report, correct

FEED = "tape"
VENUES = ("XNYS", "COIN", "XTKS")
_S = 1_000_000_000
_DAY_NS = 86_400 * _S
_STARTS = ("2026-03-06 20:57", "2026-03-09 13:25", "2026-03-10 02:28", "2026-03-31 23:57")
_STRANGER = 4_000_000_000


def make_rows(seed: int, numbers: list[int], count: int, amending: float = 0.02) -> Rows:
    """Make about `count` rows of these instruments; their times span some forty minutes around a session's edge.

    With corrections, the share `amending` of them, the last tenth is of a day later: they are of trades just before, of
    minutes ago, and of the day before.
    """
    random_ = random.Random(seed)  # no secret
    reported: list[Report] = []
    made = rows.TRADE.blank(count + len(numbers))
    high = int(datetime.fromisoformat(_STARTS[seed % len(_STARTS)]).replace(tzinfo=UTC).timestamp()) * _S
    counted = dict.fromkeys(numbers, 1 << 32)
    for at in range(count):
        high += int(random_.expovariate(count / (2400 * _S))) + (_DAY_NS if amending and at == count * 9 // 10 else 0)
        if at and random_.random() < 0.003:
            made[at] = made[random_.randrange(at)]
            continue
        row, number, wrong = made[at], random_.choice(numbers), None
        if reported and random_.random() < amending:
            wrong = random_.choice(reported[random_.choice([0, -20, -200]) :])
            number = wrong.number
        back = random_.random()
        ts = high - (random_.randrange(_S) if back < 0.9 else random_.randrange(90 * _S))
        if random_.random() < 0.02:
            ts -= ts % (60 * _S)
        counted[number] += 1 if random_.random() < 0.997 else 2
        row["instrument"], row["sequence"], row["ts_event"], row["ts_recv"] = number, counted[number], ts, high
        row["price"] = random_.choice([random_.randrange(100, 50_000) / 100, random_.random() * 100])
        row["size"] = random_.choice([random_.randrange(1, 900), random_.random() * 3])
        row["conditions"] = random_.choice([0, 0, 0, 1, 2])
        row["trade_id"] = random_.choice([0, at + 1])
        awaited = [each for each in reported[-500:] if each.number == number and each.awaits]
        if wrong is not None:
            correct(random_, row, wrong)
        elif awaited:
            row["flags"] = TradeFlag.CORRECTED
            awaited[0].replace(row)
        else:
            _spoil(random_, row)
        if row["kind"] == Kind.TRADE and not row["flags"]:
            reported.append(Report(number, ts, row))
    for at, number in enumerate(numbers, count):
        row = made[at]
        row["kind"], row["instrument"], row["sequence"] = Kind.QUOTE, number, counted[number] + 1
        row["ts_event"] = row["ts_recv"] = high + 40 * _DAY_NS + at
    return _in_their_forms(made)


def make_two_days(numbers: list[int], count: int, amending: float = 0.02) -> Rows:
    """Make rows of a day in March, then of the minutes around midnight three weeks later; in UTC a month ends there."""
    days = [make_rows(seed, numbers, count, amending) for seed in (2, 3)]
    days[1]["sequence"] += np.uint64(1 << 32)  # a new epoch
    return join([take(days[0], np.arange(count)), days[1]])


def _in_their_forms(made: Rows) -> Rows:
    """Give quotes and corrections the layout of their kind: their last fields are others than a trade's."""
    data = as_bytes(made).copy()
    for row_type in (rows.QUOTE, rows.CORRECTION):
        own = np.flatnonzero(made["kind"] == row_type.kind)
        written = row_type.blank(len(own))
        for name in set(row_type.offsets) & set(rows.TRADE.offsets):
            written[name] = made[name][own]
        if row_type is rows.CORRECTION:
            written["ts_trade"] = made["conditions"][own].astype(np.int64)
        data[own] = as_bytes(written)
    return data.reshape(-1).view(rows.EVENT_DTYPE)


def _spoil(random_: random.Random, row: np.void) -> None:
    chance = random_.random()
    if chance < 0.01:
        name, value = random_.choice(
            [
                *[("price", np.nan), ("price", -1.0), ("price", 2e8), ("size", np.inf), ("size", 0.0), ("size", 2e10)],
                *[("ts_event", 5), ("instrument", _STRANGER), ("flags", 1), ("kind", Kind.CORRECTION)],
            ]
        )
        row[name] = value
    elif chance < 0.2:
        row["kind"] = Kind.QUOTE


class TapeWriter:
    """A feed as the tape knows one: a name, an epoch, instruments in the directory, the real publisher."""

    def __init__(self, client: Connection, instruments: list[Instrument], partitions: int) -> None:
        self._publisher = TapePublisher(client, FEED, 1, partitions, time.monotonic)
        client.on_reconnect(self._reconnected)
        self.instruments = instruments

    @property
    def numbers(self) -> list[int]:
        return [int(instrument.number) for instrument in self.instruments]

    async def write(self, events: Rows, within_s: float) -> None:
        """Write rows in small batches, spread over so many seconds, each acknowledged in the end."""
        batches = np.array_split(np.arange(len(events)), max(1, min(len(events) // 10, int(within_s * 100))))
        for batch in batches:
            self._publisher.append(take(events, batch))
            self._publisher.flush()
            await asyncio.sleep(within_s / len(batches))
        while self._publisher.unacked_bytes:
            self._publisher.flush()
            await asyncio.sleep(0.005)

    async def retry_for_ever(self) -> None:
        await self._publisher.retry_for_ever()

    async def _reconnected(self) -> None:
        self._publisher.retry_now()


@contextlib.asynccontextmanager
async def open_tape(url: str, instruments: int, partitions: int) -> AsyncIterator[TapeWriter]:
    """Connect as a feed does, and enlist instruments of all venues."""
    settings = MeshSettings(nats_url=url, partitions=partitions)
    client = await connect(settings, "tape writer")
    try:
        js = client.jetstream()
        await ensure(js, declared(settings))
        directory = await Directory.open(js)
        keys = [SymbolKey(VENUES[at % len(VENUES)], f"S{at}") for at in range(instruments)]
        writer = TapeWriter(client, await directory.enlist([Listing(key, str(key)) for key in keys]), partitions)
        retries = asyncio.create_task(writer.retry_for_ever())
        try:
            yield writer
        finally:
            retries.cancel()
    finally:
        await client.close()


async def last_of(js: JetStreamContext, partitions: int) -> dict[int, int]:
    """Tell the last sequence of each partition of the tape."""
    return {number: int((await js.get_last_msg(TAPE, f"tape.{number}")).seq or 0) for number in range(partitions)}
