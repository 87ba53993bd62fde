"""The stack's servers one by one, for tests and benchmarks: `async with running_nats(folder) as nats: …`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

from infra.local.cache_service import CacheSettings, cache_service
from infra.local.child import Child, Ended, until_serving
from infra.local.nats_service import NatsSettings, nats_service
from infra.local.ports import any_free
from infra.local.postgres_service import PostgresSettings, postgres_service
from infra.local.programs import ProgramMissing
from infra.local.restart import RestartPolicy
from infra.local.service import NotReady, Service

STOP_WITHIN_S = 4.0
POLICY = RestartPolicy()
PASSWORD = "only-on-this-machine"  # noqa: S105  # these servers hold nothing but test data


class Server:
    """A server that runs: signal it, stop it, start it again on the same port and with the same data."""

    def __init__(self, service: Service) -> None:
        """Hold the service; `start` starts it."""
        self._service = service
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        """The id of the running (or last) process."""
        return self._running().pid

    @property
    def log(self) -> Path:
        """The file that holds what the server said."""
        return self._service.log

    async def start(self) -> None:
        """Start the server and wait until it serves. Raises `NotReady` with its last words where it does not."""
        for attempt in range(1, POLICY.start_attempts + 1):
            if self._service.prepare:
                await self._service.prepare()
            self._child = Child(self._service)
            try:
                await until_serving(self._child)
                return  # noqa: TRY300  # the one good end
            except (Ended, NotReady) as error:
                await self.stop()
                if isinstance(error, NotReady) or attempt == POLICY.start_attempts:
                    raise NotReady(f"{self._service.name}: {error}\n{self.log.read_text()[-2000:]}") from error
            # A Postgres that was killed may have left children that still hold its memory.
            await asyncio.sleep(POLICY.delay_s(attempt))

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal: SIGKILL to lose the server, SIGSTOP and SIGCONT to make it hang for a while."""
        self._running().signal(number)

    async def exited(self) -> int:
        """Wait for the end of the process and return its exit code."""
        return await self._running().exited()

    async def stop(self) -> int:
        """Stop the server, if it runs, and return its exit code."""
        return await self._running().stop(STOP_WITHIN_S)

    async def restart(self) -> None:
        """Stop the server, if it still runs, and start it again: same port, same data, another pid."""
        await self.stop()
        await self.start()

    def _running(self) -> Child:
        if self._child is None:
            raise NotReady(f"{self._service.name} was never started")
        return self._child


class NatsServer(Server):
    """A nats-server with the platform's accounts; `url` is the platform's, `guest_url` another team's."""

    def __init__(self, settings: NatsSettings, log: Path) -> None:
        super().__init__(nats_service(settings, log))
        self.port = settings.port
        self.url = settings.url
        self.guest_url = settings.guest_url
        self.system_url = settings.system_url


class PostgresServer(Server):
    """A Postgres with an empty database; `url` is the platform's role, `admin_url` the administrator's."""

    def __init__(self, settings: PostgresSettings, log: Path) -> None:
        super().__init__(postgres_service(settings, log))
        self.port = settings.port
        self.url = settings.dsn
        self.admin_url = settings.admin_dsn


class ValkeyServer(Server):
    """A Redis-compatible server at `url`."""

    def __init__(self, settings: CacheSettings, log: Path) -> None:
        service = cache_service(settings, log)
        if service is None:
            raise ProgramMissing("neither valkey-server nor redis-server is installed")
        super().__init__(service)
        self.port = settings.port
        self.url = settings.url


AnyServer = TypeVar("AnyServer", bound=Server)


@contextlib.asynccontextmanager
async def running_nats(folder: Path, port: int | None = None) -> AsyncIterator[NatsServer]:
    """Run a nats-server with its data and log in the folder."""
    settings = NatsSettings(port or any_free(), folder / "nats", PASSWORD, PASSWORD, PASSWORD)
    async with _running(NatsServer(settings, folder / "nats.log")) as server:
        yield server


@contextlib.asynccontextmanager
async def running_postgres(
    folder: Path, port: int | None = None, *, durable: bool = False
) -> AsyncIterator[PostgresServer]:
    """Run a Postgres with its data and log in the folder, without fsync unless it is to be durable."""
    settings = PostgresSettings(port or any_free(), folder / "postgres", PASSWORD, PASSWORD, durable=durable)
    async with _running(PostgresServer(settings, folder / "postgres.log")) as server:
        yield server


@contextlib.asynccontextmanager
async def running_valkey(folder: Path, port: int | None = None) -> AsyncIterator[ValkeyServer]:
    """Run a Redis-compatible server (bundled or on PATH) with its log in the folder. Raises `ProgramMissing`."""
    settings = CacheSettings(port or any_free(), folder / "cache", PASSWORD)
    async with _running(ValkeyServer(settings, folder / "cache.log")) as server:
        yield server


@contextlib.asynccontextmanager
async def _running(server: AnyServer) -> AsyncIterator[AnyServer]:
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
