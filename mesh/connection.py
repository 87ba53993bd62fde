"""Connections: one way to connect every process to NATS, patient at the start and for ever after."""

import logging
from collections.abc import Awaitable, Callable

from nats.errors import Error as NatsError

from mesh.bulk_client import BulkClient
from mesh.settings import MeshSettings

_logger = logging.getLogger(__name__)

RECONNECT_WAIT_S = 0.25
Notice = Callable[[], Awaitable[None]]


class Connection(BulkClient):
    """A bulk client that tells its owner when NATS goes and comes back."""

    def __init__(self, max_bulk_subscriptions: int) -> None:
        super().__init__(max_bulk_subscriptions)
        self._gone: list[Notice] = []
        self._back: list[Notice] = []

    def on_disconnect(self, notice: Notice) -> None:
        """Await `notice()` whenever the connection is lost."""
        self._gone.append(notice)

    def on_reconnect(self, notice: Notice) -> None:
        """Await `notice()` whenever the connection is back, its subscriptions in force again."""
        self._back.append(notice)

    async def announce_disconnect(self) -> None:
        """Tell those who asked that the connection is lost."""
        if not self.is_closed:
            _logger.warning("NATS is gone; reconnecting")
            for notice in self._gone:
                await notice()

    async def announce_reconnect(self) -> None:
        """Tell those who asked that the connection is back."""
        _logger.info("NATS is back")
        try:
            for notice in self._back:
                await notice()
        except NatsError as error:  # it went away again; nats-py would connect anew without closing this connection
            _logger.warning("NATS did not stay: %s", str(error) or type(error).__name__)
            await self.force_reconnect()


async def connect(settings: MeshSettings, name: str) -> Connection:
    """Connect, trying until the server is there, and reconnect for ever once connected."""
    client = Connection(settings.max_bulk_subscriptions)

    said = ""

    async def failed(error: Exception) -> None:
        nonlocal said
        reason = str(error) or type(error).__name__
        # Every attempt fails the same way: the first says why.
        _logger.log(logging.DEBUG if reason == said else logging.WARNING, "NATS: %s", reason)
        said = reason

    await client.connect(
        settings.nats_url,
        name=name,
        connect_timeout=2,
        reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type]  # a fraction of a second is meant
        max_reconnect_attempts=-1,
        ping_interval=5,
        max_outstanding_pings=2,
        allow_reconnect=True,
        disconnected_cb=client.announce_disconnect,
        reconnected_cb=client.announce_reconnect,
        error_cb=failed,
    )
    return client
