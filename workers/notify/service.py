"""The notify worker's process: a lane for each kind that is offered, and what they share."""

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from mesh import ops
from mesh.connection import Connection, connect
from mesh.notify.kinds import Kind
from mesh.notify.store import NotificationStore
from mesh.pool import Patience
from mesh.streams import declared, ensure
from workers.notify.adapters.mail import Mail
from workers.notify.adapters.others import Others, allowed_url, sms_url
from workers.notify.adapters.protocol import Adapter
from workers.notify.adapters.webhook import Webhook
from workers.notify.adapters.webpush import WebPush
from workers.notify.breaker import Breakers
from workers.notify.delivery import Deliverer, Limits
from workers.notify.forgotten import Forgotten
from workers.notify.lane import Lane
from workers.notify.posting import Poster
from workers.notify.settings import NotifySettings
from workers.notify.smtp import SmtpServer

WORKER = "notify"
_CONNECTIONS = 4
_QUIET = ("httpx", "apprise")  # they log the addresses that they call, some of which are as good as passwords


@contextlib.asynccontextmanager
async def open_worker(settings: NotifySettings) -> AsyncIterator["NotifyService"]:
    """Connect and bring the streams about; on leaving, give everything back."""
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    client = await connect(settings, WORKER)
    try:
        await ensure(client.jetstream(), declared(settings))
        threads = ThreadPoolExecutor(2 * settings.notify_at_once, WORKER)
        store = NotificationStore(settings.postgres_dsn, _CONNECTIONS, "tickmesh-notify")
        timeout_s, at_once = settings.notify_timeout_s, settings.notify_at_once
        try:
            async with Poster(settings.notify_private_addresses, timeout_s, 2 * at_once) as poster:
                yield NotifyService(settings, client, store, adapters(settings, poster, threads))
        finally:
            await store.close()
            threads.shutdown(wait=False, cancel_futures=True)
    finally:
        await client.close()


def adapters(settings: NotifySettings, poster: Poster, threads: ThreadPoolExecutor) -> dict[Kind, Adapter]:
    """Make the ways out that are offered here."""
    timeout_s, at_once = settings.notify_timeout_s, settings.notify_at_once
    made: dict[Kind, Adapter] = {}
    for kind in settings.kinds:
        match kind:
            case Kind.EMAIL:
                server = SmtpServer.of(settings.smtp_url)
                made[kind] = Mail(server, settings.smtp_from, settings.page, timeout_s, at_once)
            case Kind.WEBPUSH:
                made[kind] = WebPush(poster, at_once, settings.vapid_private_key, settings.vapid_subject)
            case Kind.WEBHOOK:
                made[kind] = Webhook(poster, at_once)
            case Kind.SMS:
                made[kind] = Others(kind, sms_url(settings.sms_url), threads, timeout_s, at_once)
            case Kind.APPRISE:
                made[kind] = Others(kind, allowed_url(settings.allowed_schemes), threads, timeout_s, at_once)
    return made


class NotifyService:
    """One worker process."""

    def __init__(
        self, settings: NotifySettings, client: Connection, store: NotificationStore, ways: Mapping[Kind, Adapter]
    ) -> None:
        self._client = client
        self._patience = Patience()
        self._forgotten = Forgotten(store, client.jetstream(), settings.notify_forgotten_s)
        limits = Limits(settings.notify_timeout_s, settings.notify_retry_s)
        self._lanes = [
            Lane(
                client,
                kind,
                Deliverer(store, way, Breakers(way.at_once, settings.notify_pause_s), self._patience, limits),
                settings.notify_at_once,
                settings.notify_redeliver_s,
            )
            for kind, way in ways.items()
        ]

    async def run(self) -> None:
        """Work until the task is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for lane in self._lanes:
                tasks.create_task(lane.run(), name=lane.kind)
            tasks.create_task(self._forgotten.run(), name="forgotten")
            tasks.create_task(ops.beat(self._client, WORKER, self._figures), name="heartbeat")

    def _figures(self) -> Mapping[str, object]:
        return {
            "kinds": {
                lane.kind.value: {
                    **dataclasses.asdict(lane.deliverer.counts),
                    "pending_messages": lane.pending,
                    "left_alone": lane.deliverer.breakers.open_names(),
                }
                for lane in self._lanes
            },
            "forgotten": self._forgotten.published,
            "store_away_s": self._patience.away_s,
        }
