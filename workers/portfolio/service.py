"""The portfolio worker's process: builds what its actors need, runs them, and takes them down in order."""

import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Mapping

from market import subjects
from mesh import ops
from mesh.actor.host import ActorHost
from mesh.actor.members import own_name
from mesh.actor.runtime import ActorRules
from mesh.calendars import Calendars
from mesh.connection import Connection, connect
from mesh.directory import Directory
from mesh.ledger.batch import SESSION
from mesh.pool import Pool
from mesh.streams import LEDGER, declared, ensure
from workers.portfolio.commit import TOGETHER
from workers.portfolio.settings import PortfolioSettings
from workers.portfolio.shell import LedgerShell
from workers.portfolio.showing import Showing
from workers.portfolio.stores import Stores

WORKER = "portfolio"
_ACKNOWLEDGE_S = 1.0


@contextlib.asynccontextmanager
async def open_worker(settings: PortfolioSettings) -> AsyncIterator["PortfolioService"]:
    """Connect and bring the streams about; on leaving, give everything back."""
    client = await connect(settings, "portfolios")
    try:
        js = client.jetstream()
        await ensure(js, declared(settings))
        service = PortfolioService(settings, client, await Directory.open(js), await Calendars.open(js))
        try:
            yield service
        finally:
            await service.close()
    finally:
        await client.close()


class PortfolioService:
    """One worker process."""

    def __init__(
        self, settings: PortfolioSettings, client: Connection, directory: Directory, calendars: Calendars
    ) -> None:
        self._client = client
        self._stores = Stores.of(settings.postgres_dsn, settings.cache_url, directory.name_of)
        self._showing = Showing(client, directory, calendars, self._stores, settings.partitions)
        self._together = Pool(settings.postgres_dsn, TOGETHER, "tickmesh-portfolios", **SESSION)
        self._alone = Pool(settings.postgres_dsn, settings.portfolio_connections, "tickmesh-portfolios", **SESSION)
        self._shell = LedgerShell(client, self._together, self._alone, (self._showing,))
        self._host = ActorHost(
            client,
            client.jetstream(),
            settings.portfolio_member or own_name(),
            settings.partitions,
            self._shell,
            ActorRules(
                WORKER, LEDGER, subjects.ledger, lease_s=settings.portfolio_lease_s, checkpoint_s=_ACKNOWLEDGE_S
            ),
        )
        self._rate = ops.Rate(time.monotonic())

    async def run(self) -> None:
        """Work until the task is cancelled."""
        await self._host.run_with(
            outbox=self._shell.outbox.run(),
            committer=self._shell.committer.run(),
            showing=self._showing.run(),
            heartbeat=ops.beat(self._client, WORKER, self._figures),
        )

    async def close(self) -> None:
        """Give back the connections."""
        await self._together.close()
        await self._alone.close()
        await self._stores.close()

    def _figures(self) -> Mapping[str, object]:
        counts = self._shell.committer.counts
        totals = self._host.totals()
        return {
            "partitions": sorted(self._shell.leases),
            "commands_per_s": self._rate.per_s(counts.commands, time.monotonic()),
            **dataclasses.asdict(counts),
            "store_away_s": self._shell.patience.away_s,
            **self._showing.figures(),
            **{name: totals[name] for name in ("pending_messages", "redelivered", "lost_to_retention")},
        }
