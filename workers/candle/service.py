"""The candle worker's process: builds what its actors need, runs them, and takes them down in order."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

from market import subjects
from market.candles.candles import to_rows
from mesh import ops
from mesh.actor.host import ActorHost
from mesh.actor.members import own_name
from mesh.actor.outbox import Outbox
from mesh.actor.runtime import ActorRules
from mesh.candles.cache import CandleCache
from mesh.candles.now import CandleNowServer
from mesh.candles.postgres import StoreAway
from mesh.candles.store import CandleStore
from mesh.candles.writer import WORKER, CandleWriter
from mesh.connection import Connection
from mesh.directory import Directory
from mesh.streams import TAPE
from workers.candle.core import CoreRules
from workers.candle.corrections import Corrections
from workers.candle.effects import EffectWriter, join
from workers.candle.live import LiveCandles, LivePace
from workers.candle.past import PastReader
from workers.candle.settings import CandleSettings
from workers.candle.shell import CandleShell, tokens_of
from workers.names import Names, connected

_logger = logging.getLogger(__name__)

_NS_PER_S, _NS_PER_MS, _MS_PER_S = 1e9, 1e6, 1e3
_MOST_GATHER_S = 0.02
_CACHE_OPEN_S, _CACHE_REST = 0.5, 9
_PAST_WITHIN_S = 30.0
_RETENTION_S = 86_400.0
_RETENTION_RETRY_S = 60.0


@contextlib.asynccontextmanager
async def open_worker(settings: CandleSettings) -> AsyncIterator["CandleService"]:
    """Connect and build the worker; on leaving, give everything back."""
    async with connected(settings, "candles") as (client, directory, names):
        service = CandleService(settings, client, directory, names)
        try:
            yield service
        finally:
            await service.close()


class CandleService:
    """One worker process."""

    def __init__(self, settings: CandleSettings, client: Connection, directory: Directory, names: Names) -> None:
        self._client = client
        self._directory = directory
        self._names = names
        self._js = client.jetstream()
        self._cache = CandleCache(settings.cache_url) if settings.cache_url else None
        self._writer = CandleWriter(settings.postgres_dsn, names.name_of)
        self._retention = CandleWriter(settings.postgres_dsn, names.name_of)
        self._effects = EffectWriter(self._js, self._writer, self._cache, names.name_of)
        self._outbox = Outbox(join, lambda effects: effects.size, self._effects.write, settings.candle_outbox_rows)
        pace = LivePace(int(settings.candle_window_ms * _NS_PER_MS), time.monotonic_ns())
        self._live = LiveCandles(client, pace, keeps=self._cache is not None)
        self._live.add(tokens_of(list(directory.all())))
        directory.on_added(lambda instrument: self._live.add(tokens_of([instrument])))
        rules = CoreRules(settings.rules, int(settings.candle_idle_s * _NS_PER_S))
        self._store = CandleStore(settings.postgres_dsn, names.name_of, read_within_s=_PAST_WITHIN_S)
        past = PastReader(self._js, self._store, names, settings.partitions)
        self._corrections = Corrections(client, self._js, self._store, names.times_of, self._outbox)
        server = CandleNowServer(client)
        self._shell = CandleShell(rules, names, self._outbox, self._live, pace, server, past, self._corrections)
        self._host = ActorHost(
            client,
            self._js,
            settings.candle_member or own_name(),
            settings.partitions,
            self._shell,
            ActorRules(
                WORKER,
                TAPE,
                subjects.tape,
                lease_s=settings.candle_lease_s,
                checkpoint_s=settings.checkpoint_interval_s,
                # What is read sooner than it may be shown is folded in smaller batches, and nobody sees it earlier.
                gather_s=min(_MOST_GATHER_S, settings.candle_window_ms / _MS_PER_S),
            ),
        )
        self._rate = ops.Rate(time.monotonic())

    async def run(self) -> None:
        """Work until the task is cancelled."""
        await self._host.run_with(
            outbox=self._outbox.run(),
            directory=self._directory.follow(),
            heartbeat=ops.beat(self._client, "candle", self._figures),
            retention=self._apply_retention_for_ever(),
            cache=self._cache_open_for_ever(),
        )

    async def close(self) -> None:
        """Give back the connections."""
        await self._writer.close()
        await self._retention.close()
        await self._store.close()
        if self._cache is not None:
            await self._cache.close()

    async def _apply_retention_for_ever(self) -> None:
        """Drop what is too old, once a day, where partition 0 is: one worker of all is enough."""
        while True:
            try:
                if 0 in self._shell.cores and (dropped := await self._retention.apply_retention(datetime.now(UTC))):
                    _logger.info("%d partitions of tables were older than they are kept", dropped)
                await asyncio.sleep(_RETENTION_S if 0 in self._shell.cores else _RETENTION_RETRY_S)
            except StoreAway:
                await asyncio.sleep(_RETENTION_RETRY_S)

    async def _cache_open_for_ever(self) -> None:
        if self._cache is None:
            return
        took_s = 0.0
        while True:
            await asyncio.sleep(max(_CACHE_OPEN_S, _CACHE_REST * took_s))  # a tenth of a core at most
            began_s = time.monotonic()
            candles = self._live.take_open()
            if len(candles):
                keys = [self._names.name_of(number) for number in candles.instrument.tolist()]
                await self._cache.write(keys, to_rows(candles))
            took_s = time.monotonic() - began_s

    def _figures(self) -> Mapping[str, object]:
        counts = [core.counts for core in self._shell.cores.values()]
        totals = self._host.totals()
        rows = sum(each.rows for each in counts)
        quarantined: Counter[str] = Counter()
        for each in counts:
            quarantined.update(each.quarantined)
        return {
            "partitions": sorted(self._shell.cores),
            "rows": rows,
            "rows_per_s": self._rate.per_s(rows, time.monotonic()),
            **{
                name: sum(getattr(each, name) for each in counts)
                for name in ("closed", "late_amended", "late_dropped", "duplicates", "gaps", "gap_rows", "corrections")
            },
            "quarantined": quarantined,
            "corrections_waiting": self._corrections.waiting,
            "stored": self._effects.stored,
            "outbox_rows": self._outbox.rows,
            "outbox_full": self._outbox.full,
            "store_away_s": self._outbox.away_s,
            "live_sent": self._live.sent,
            "live_dropped": self._live.dropped,
            **{name: value for name, value in totals.items() if name != "tape_time_ns"},
            "lag_s": self._lag_s(totals),
        }

    @staticmethod
    def _lag_s(totals: Mapping[str, float]) -> float:
        """Tell how old the message is that the slowest actor is at, where there are more behind it."""
        return time.time() - totals["tape_time_ns"] / _NS_PER_S if totals["pending_messages"] else 0.0
