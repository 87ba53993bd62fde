"""The alert worker's process: builds what its actors need, runs them, and takes them down in order."""

import asyncio
import contextlib
import dataclasses
import gc
import time
from collections.abc import AsyncIterator, Mapping

from market import subjects
from mesh import ops
from mesh.actor.host import ActorHost
from mesh.actor.members import own_name
from mesh.actor.runtime import ActorRules
from mesh.alerts.batch import SESSION
from mesh.batch_publisher import BatchPublisher
from mesh.connection import Connection
from mesh.directory import Directory
from mesh.pool import Patience, Pool
from mesh.snapshots import SNAPSHOTS_AT_ONCE, Snapshots
from mesh.streams import TAPE
from workers.alert.commanding import Commanding
from workers.alert.days import InstrumentDays
from workers.alert.decisions import Rules
from workers.alert.places import Places
from workers.alert.prices import Prices
from workers.alert.settings import AlertSettings
from workers.alert.shell import AlertShell
from workers.alert.transactions import Transactions
from workers.alert.upkeep import Keeping, Upkeep
from workers.names import Names, connected

WORKER = "alert"
_NS_PER_S = 1e9
_TAPE_TIMES = 10  # faster the tape is read again than it was written, or more
_YOUNG_OBJECTS = 200_000


@contextlib.asynccontextmanager
async def open_worker(settings: AlertSettings) -> AsyncIterator["AlertService"]:
    """Connect and build the worker; on leaving, give everything back."""
    async with connected(settings, "alerts") as (client, directory, names):
        service = AlertService(settings, client, directory, names)
        try:
            yield service
        finally:
            await service.close()


class AlertService:
    """One worker process."""

    def __init__(self, settings: AlertSettings, client: Connection, directory: Directory, names: Names) -> None:
        self._client = client
        self._directory = directory
        js = client.jetstream()
        days = InstrumentDays(names)
        prices = Prices(directory, Snapshots(client, asyncio.Semaphore(SNAPSHOTS_AT_ONCE)), days)
        self._patience = Patience()
        self._pool = Pool(settings.postgres_dsn, settings.alert_connections, "tickmesh-alerts", **SESSION)
        transactions = Transactions(self._pool, self._patience)
        self._publisher = BatchPublisher(client)
        rules = Rules(settings.partitions, settings.alert_max_per_user)
        self._commanding = Commanding(client, transactions, prices, rules)
        places = Places(js, transactions)
        keeping = Keeping(settings.alert_kept_days, settings.alert_kept_firings)
        self._upkeep = Upkeep(settings.postgres_dsn, keeping)
        self._shell = AlertShell(transactions, self._publisher, days, places, prices, self._commanding, self._upkeep)
        self._host = ActorHost(
            client,
            js,
            settings.alert_member or own_name(),
            settings.partitions,
            self._shell,
            ActorRules(
                WORKER,
                TAPE,
                subjects.tape,
                lease_s=settings.alert_lease_s,
                checkpoint_s=settings.checkpoint_interval_s,
                checkpoint_tape_s=_TAPE_TIMES * settings.checkpoint_interval_s,
            ),
        )
        self._rate = ops.Rate(time.monotonic())

    async def run(self) -> None:
        """Work until the task is cancelled."""
        # A transaction may make 100,000 objects that go with it: to look for garbage among them cost a third of it.
        gc.freeze()
        gc.set_threshold(_YOUNG_OBJECTS, 50, 1000)
        await self._host.run_with(
            outbox=self._shell.outbox.run(),
            directory=self._directory.follow(),
            heartbeat=ops.beat(self._client, WORKER, self._figures),
        )

    async def close(self) -> None:
        """Give back the connections."""
        await self._upkeep.close()
        await self._pool.close()

    def _figures(self) -> Mapping[str, object]:
        owned = self._shell.owned.values()
        totals = self._host.totals()
        rows = sum(each.core.rows for each in owned)
        return {
            "partitions": sorted(self._shell.owned),
            "rows": rows,
            "rows_per_s": self._rate.per_s(rows, time.monotonic()),
            "rules": sum(len(each.core.index) for each in owned),
            "touched": self._shell.touched,
            "fired": self._shell.fired,
            **dataclasses.asdict(self._commanding.counts),
            "forgotten": self._upkeep.forgotten,
            "published": self._publisher.published,
            "publishing": sum(each.teller.waiting for each in owned),
            "store_away_s": self._patience.away_s,
            **{name: value for name, value in totals.items() if name != "tape_time_ns"},
            "lag_s": time.time() - totals["tape_time_ns"] / _NS_PER_S if totals["pending_messages"] else 0.0,
        }
