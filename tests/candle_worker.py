"""A candle worker as a process, what it has stored, and what a fold of the whole tape says it should have."""

import asyncio
import contextlib
import os
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from infra.local.servers import Server
from infra.local.service import Service
from market import rows, subjects
from market.candles.candles import Candles
from market.candles.checks import FoldRules
from market.candles.fold import CandleFold
from market.candles.sessions import Segments
from market.candles.timeframe import Timeframe
from market.instrument import Instrument
from market.row_type import RowError, Rows
from market.symbols import SymbolKey
from mesh.candles.postgres import StoreAway
from mesh.candles.store import CandleStore
from mesh.streams import TAPE
from tests.candle_oracle import Oracle, by_key
from tests.candle_tables import Tables, fold_in
from workers.calendars import segments_of

ROOT = Path(__file__).parents[1]
STORED = (
    *("timeframe", "instrument", "start_ns", "session", "revision", "trades", "open", "high", "low", "close"),
    *("volume_whole", "volume_nano", "turnover_whole", "turnover_nano"),
)
_FROM_NS, _TO_NS = 0, 4_000_000_000 * 10**9

Partition = list[tuple[int, Rows]]  # a message's sequence and its rows


class CandleWorker(Server):
    """A worker process; `start` returns at once, `kill` is SIGKILL."""

    def __init__(self, folder: Path, nats_url: str, dsn: str, member: str = "one", **settings: object) -> None:
        environment = os.environ | {
            "TICKMESH_NATS_URL": nats_url,
            "TICKMESH_POSTGRES_DSN": dsn,
            "TICKMESH_CANDLE_MEMBER": member,
            "TICKMESH_CHECKPOINT_INTERVAL_S": "1",
            "TICKMESH_CANDLE_LEASE_S": "0.5",
            **{f"TICKMESH_{name.upper()}": str(value) for name, value in settings.items()},
        }
        argv = (sys.executable, "-m", "workers.candle")
        log = folder / f"candles-{member}.log"
        super().__init__(Service(name="candles", argv=argv, cwd=ROOT, log=log, env=environment))

    @property
    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


async def read_partition(js: JetStreamContext, partition: int, *, is_whole: bool = True) -> Partition:
    """Read every message of one partition of the tape; where it is not whole, those that are rows."""
    subject = f"tape.{partition}"
    everything = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE)
    reader = await js.pull_subscribe(subject, stream=TAPE, config=everything)
    stored: Partition = []
    try:
        count = (await reader.consumer_info()).num_pending or 0
        while count:
            for message in await reader.fetch(min(256, count), timeout=10):
                count -= 1
                with contextlib.nullcontext() if is_whole else contextlib.suppress(RowError):
                    stored.append((message.metadata.sequence.stream, rows.read_events(message.data)))
    finally:
        await reader.unsubscribe()
    return stored


def fold_of(instruments: list[Instrument], rules: FoldRules | None = None) -> CandleFold:
    """Make a fold that knows all instruments, with the real calendars."""
    fold = CandleFold(rules or FoldRules(), times(instruments))
    fold.enlist(
        np.array([instrument.number for instrument in instruments], np.uint32),
        [instrument.key.venue for instrument in instruments],
    )
    return fold


def times(instruments: list[Instrument]) -> dict[str, Segments]:
    return {venue: segments_of(venue) for venue in {instrument.key.venue for instrument in instruments}}


def folded(fold: CandleFold, events: Rows, batch: int) -> Candles:
    """Fold rows in batches of one size; the newest state of each candle that closed."""
    tables, at = Tables(), np.arange(len(events))
    for start in range(0, len(events), batch):
        part = slice(start, start + batch)
        fold_in(fold, events[part], at[part], tables, events, at)
    tables.flush()
    return tables.candles


async def stored_candles(dsn: str, instruments: list[Instrument]) -> Candles:
    """Read everything that is in the tables of all timeframes."""
    names = {int(instrument.number): instrument.key for instrument in instruments}
    store = CandleStore(dsn, names.__getitem__)
    try:
        numbers = np.array(sorted(names), np.uint32)
        parts = [await store.of_many(numbers, timeframe, _FROM_NS, _TO_NS) for timeframe in Timeframe]
    finally:
        await store.close()
    return Candles.concat(parts).sorted_newest()


async def until_stored(dsn: str, last: dict[int, int], within_s: float = 30.0) -> float:
    """Wait until the tables hold the effects of the tape up to these sequences; return the seconds that took."""
    store = CandleStore(dsn, lambda number: SymbolKey("XXXX", str(number)))
    began_s = time.monotonic()
    try:
        while True:
            with contextlib.suppress(StoreAway):
                if await store.progress() == last:
                    return time.monotonic() - began_s
            assert time.monotonic() - began_s < within_s, f"not stored within {within_s} s"
            await asyncio.sleep(0.02)
    finally:
        await store.close()


async def stored_to(dsn: str) -> dict[int, int]:
    """Read how far the tables are; nothing where they do not answer."""
    store = CandleStore(dsn, lambda number: SymbolKey("XXXX", str(number)), read_within_s=1.0)
    try:
        return await store.progress()
    except StoreAway:
        return {}
    finally:
        await store.close()


async def check(
    js: JetStreamContext, dsn: str, instruments: list[Instrument], partitions: int, batches: tuple[int, ...] = ()
) -> dict[str, int]:
    """Compare the tables with the tape, folded at once, in batches of these sizes, and by the oracle."""
    stored = await stored_candles(dsn, instruments)
    segments = times(instruments)
    found: Counter[str] = Counter(candles=len(stored))
    for number in range(partitions):
        events = rows.join([each for _, each in await read_partition(js, number)])
        expected = folded(fold_of(instruments), events, len(events))
        for batch in batches:
            again = folded(fold_of(instruments), events, batch)
            assert differences(again, expected) == {"lost": 0, "duplicate": 0, "different": 0}
        oracle = Oracle({int(each.number): segments[each.key.venue] for each in instruments}).apply(events)
        assert by_key(expected) == oracle.candles()
        of_partition = subjects.partitions_of(stored.instrument, partitions) == number
        found.update(differences(stored.take(of_partition), expected))
    return dict(found)


def differences(stored: Candles, expected: Candles) -> dict[str, int]:
    """Count candles that are missing, that should not be, and that have another bit anywhere."""
    by_key = [
        dict(zip(_column(each, STORED[:4]), _column(each, STORED[4:]), strict=True)) for each in (stored, expected)
    ]
    have, want = by_key
    return {
        "lost": len(want.keys() - have.keys()),
        "duplicate": len(stored) - len(have) + len(have.keys() - want.keys()),
        "different": sum(have[key] != want[key] for key in want.keys() & have.keys()),
    }


def _column(candles: Candles, names: tuple[str, ...]) -> list[bytes]:
    """Give each candle's values as bytes, so that floats are compared to the last bit."""
    whole = np.column_stack([getattr(candles, name).astype(_wide(name)).view(np.int64) for name in names])
    return [row.tobytes() for row in whole]


def _wide(name: str) -> type[np.generic]:
    return np.float64 if name in {"open", "high", "low", "close"} else np.int64
