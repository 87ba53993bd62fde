"""One run of the stack: bring it up, show how it is, take it down when told."""

from __future__ import annotations

import asyncio
import signal
import time
from http import HTTPStatus

from nats.aio.client import Client

from infra.local.address_book import forget_settings, write_settings
from infra.local.console import Console, Welcome, render_status, render_welcome
from infra.local.credentials import DEMO_EMAIL
from infra.local.folder import FolderLock, bound_log, set_old_log_aside
from infra.local.heartbeats import Heartbeats, listen
from infra.local.postgres_service import postgres_store
from infra.local.probes import http_request
from infra.local.service import NotReady
from infra.local.stack import Settings, process_environment, reachable_host, sample_subject, services
from infra.local.supervisor import StartFailed, Supervisor

SHOW_EVERY_S = 0.5
MOST_LOG_BYTES = 50 * 1024 * 1024
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Launcher:
    """Builds the stack from its settings and runs it until a signal says stop."""

    def __init__(self, settings: Settings, console: Console, lock: FolderLock) -> None:
        """Hold the parts; raises `ProgramMissing` where a server is not installed."""
        self._settings = settings
        self._console = console
        self._lock = lock
        self._heartbeats = Heartbeats()
        self._ear: Client | None = None
        self._services = services(settings, self._feed_alive)
        self._supervisor = Supervisor(self._services, console.say)
        self._told_to_stop = asyncio.Event()

    @property
    def page(self) -> str:
        """The page's address on this machine."""
        return self._settings.page_url

    async def run(self) -> int:
        """Run the stack until told to stop; return the exit code: 1 where it did not come up."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._on_stop_signal)
        life = asyncio.create_task(self._live())
        told = asyncio.create_task(self._told_to_stop.wait())
        try:
            await asyncio.wait({life, told}, return_when=asyncio.FIRST_COMPLETED)
            life.cancel()
            return await self._outcome(life)
        finally:
            told.cancel()
            await self._go_down()

    async def _live(self) -> None:
        for service in self._services:
            set_old_log_aside(service.log)
        await self._supervisor.start()
        await self._register_demo_user()
        write_settings(self._settings.folder, process_environment(self._settings, cached=False))
        self._lock.describe(self.page)
        self._console.say(render_welcome(self._welcome()))
        while True:
            figures = self._heartbeats.figures(time.monotonic())
            self._console.show_status(render_status(figures, self._supervisor.states, self._console.width))
            for service in self._services:
                if await asyncio.to_thread(bound_log, service.log, MOST_LOG_BYTES):
                    self._console.say(f"{service.log} was full and begins anew; its last 50 MB are in {service.log}.1")
            await asyncio.sleep(SHOW_EVERY_S)

    async def _outcome(self, life: asyncio.Task[None]) -> int:
        try:
            await life
        except asyncio.CancelledError:
            return 0
        except StartFailed as failure:
            self._console.say(f"\n{failure}")
        return 1

    def _on_stop_signal(self) -> None:
        if self._told_to_stop.is_set():
            self._supervisor.kill()
        self._told_to_stop.set()

    async def _go_down(self) -> None:
        self._console.clear_status()
        self._console.say("stopping; once more to kill at once")
        began = time.monotonic()
        if self._ear is not None:
            await self._ear.close()
        forget_settings(self._settings.folder)
        await self._supervisor.stop()
        self._console.say(f"all stopped after {time.monotonic() - began:.1f} s")

    async def _feed_alive(self) -> None:
        """Probe the feed: it has told of itself. The first question begins to listen: before there is no server."""
        if self._ear is None:
            self._ear = await listen(self._settings.nats.url, self._heartbeats, time.monotonic)
        if not self._heartbeats.alive("feed", time.monotonic()):
            raise NotReady("no heartbeat yet")

    async def _register_demo_user(self) -> None:
        body = {"email": DEMO_EMAIL, "password": self._settings.passwords.demo}
        host, port = reachable_host(self._settings.http_host), self._settings.ports["http"]
        try:
            status, answer = await http_request(host, port, "POST", "/auth/register", body)
        except NotReady as error:
            self._console.say(f"the demo user could not be made: {error}")
            return
        if status not in {HTTPStatus.CREATED, HTTPStatus.CONFLICT}:
            self._console.say(f"the demo user could not be made: {status} {answer.decode(errors='replace')[:300]}")

    def _welcome(self) -> Welcome:
        wanted, store = self._settings.postgres.store, postgres_store(self._settings.postgres)
        return Welcome(
            page=self.page,
            email=DEMO_EMAIL,
            password=self._settings.passwords.demo,
            nats=self._settings.nats.guest_url,
            subject=sample_subject(self._settings.feed),
            folder=str(self._settings.folder.root),
            database_store=str(store) if store != wanted else None,
        )
