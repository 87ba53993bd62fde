"""The stack itself: which services there are, in which order, and what each is told by its environment."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from infra.local.cache_service import CacheSettings, cache_service
from infra.local.credentials import Passwords
from infra.local.folder import Folder
from infra.local.nats_service import NatsSettings, nats_service
from infra.local.postgres_service import PostgresSettings, postgres_service
from infra.local.probes import http_answers
from infra.local.service import Service, Step
from workers.notify.vapid import KeyPair

PREFERRED_PORTS: Mapping[str, int | None] = {"http": 8080, "nats": 4222, "postgres": None, "cache": None}
GATEWAY_READY_WITHIN_S = 60.0
GATEWAY_DRAIN_S = 0.5
"""Here are a few clients; with what follows the drain this is done before the supervisor loses its patience."""
MEMBER = "local"
"""Each worker's, and the same after every start: a new one each time would wait for the one before to be forgotten."""
SIMULATED_FUTURE_S = 172_800
NEEDED_BY_KIND = {
    "email": "TICKMESH_SMTP_URL",
    "sms": "TICKMESH_SMS_URL",
    "apprise": "TICKMESH_APPRISE_SCHEMES",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """All that distinguishes one stack from another; `http_host` is where the page is served, `feed` a feed's spec."""

    folder: Folder
    ports: Mapping[str, int]
    passwords: Passwords
    push_keys: KeyPair
    feed: str
    http_host: str
    environment: Mapping[str, str]

    @property
    def page_url(self) -> str:
        """Where we ourselves find the page."""
        host = reachable_host(self.http_host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.ports['http']}/"

    @property
    def nats(self) -> NatsSettings:
        """The nats-server's settings."""
        words = self.passwords
        store = self.folder.data("nats")
        return NatsSettings(self.ports["nats"], store, words.nats_mesh, words.nats_guest, words.nats_system)

    @property
    def postgres(self) -> PostgresSettings:
        """The database's settings."""
        words = self.passwords
        return PostgresSettings(
            self.ports["postgres"], self.folder.data("postgres"), words.postgres_admin, words.postgres
        )

    @property
    def cache(self) -> CacheSettings:
        """The cache's settings."""
        return CacheSettings(self.ports["cache"], self.folder.data("cache"), self.passwords.cache)


def services(settings: Settings, feed_alive: Step) -> list[Service]:
    """List the services in their order of start; without a cache server there is no cache. Raises `ProgramMissing`."""
    log = settings.folder.log
    cache = cache_service(settings.cache, log("cache"))
    environment = process_environment(settings, cached=cache is not None)
    process = partial(_process, settings, environment)
    page = http_answers(reachable_host(settings.http_host), settings.ports["http"], "/health/ready")
    listed = [
        nats_service(settings.nats, log("nats")),
        postgres_service(settings.postgres, log("postgres")),
        cache,
        process("migrations", "infra.migrate", once=True),
        process("candles", "workers.candle"),
        process("portfolios", "workers.portfolio"),
        process("alerts", "workers.alert"),
        process("notify", "workers.notify"),
        process("feed", "workers.feed", probe=feed_alive),
        process("gateway", "gateway", probe=page, ready_within_s=GATEWAY_READY_WITHIN_S),
    ]
    return [service for service in listed if service is not None]


def process_environment(settings: Settings, cached: bool) -> dict[str, str]:
    """Build the environment of our own processes: the caller's, with the platform's settings over it."""
    return {
        **settings.environment,
        "PYTHONUNBUFFERED": "1",
        "TICKMESH_NATS_URL": settings.nats.url,
        "TICKMESH_POSTGRES_DSN": settings.postgres.dsn,
        "TICKMESH_CACHE_URL": settings.cache.url if cached else "",
        "TICKMESH_JWT_SECRET": settings.passwords.jwt_secret,
        "TICKMESH_HTTP_HOST": settings.http_host,
        "TICKMESH_HTTP_PORT": str(settings.ports["http"]),
        "TICKMESH_DRAIN_S": str(GATEWAY_DRAIN_S),
        "TICKMESH_FEED": settings.feed,
        "TICKMESH_CANDLE_MEMBER": MEMBER,
        "TICKMESH_PORTFOLIO_MEMBER": MEMBER,
        "TICKMESH_ALERT_MEMBER": MEMBER,
        "TICKMESH_NOTIFY_KINDS": settings.environment.get("TICKMESH_NOTIFY_KINDS") or kinds_of(settings.environment),
        "TICKMESH_PAGE_URL": settings.environment.get("TICKMESH_PAGE_URL") or settings.page_url,
        "TICKMESH_VAPID_PRIVATE_KEY": settings.push_keys.private,
        "TICKMESH_VAPID_PUBLIC_KEY": settings.push_keys.public,
        **({"TICKMESH_CANDLE_FUTURE_S": str(SIMULATED_FUTURE_S)} if has_own_clock(settings.feed) else {}),
    }


def kinds_of(environment: Mapping[str, str]) -> str:
    """List the kinds of channels that can be offered: two need nobody else, the others what their variable names."""
    others = [kind for kind, variable in NEEDED_BY_KIND.items() if environment.get(variable)]
    return ",".join(("webhook", "webpush", *others))


def has_own_clock(feed: str) -> bool:
    """Tell whether a feed's events may lie in the future: the simulator can be told what time it is."""
    name, _, options = feed.partition(":")
    return name == "sim" and any(option.startswith("time=") for option in options.split(","))


def reachable_host(host: str) -> str:
    """Return the name under which we ourselves reach a server that listens on `host`."""
    return "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104  # compared, not listened on


def sample_subject(feed: str) -> str:
    """Name a subject worth subscribing to: the simulator has Apple, a replay has what it has."""
    return "quote.XNAS.AAPL" if feed.partition(":")[0] == "sim" else "'quote.>'"


def _process(
    settings: Settings,
    environment: Mapping[str, str],
    name: str,
    module: str,
    *,
    probe: Step | None = None,
    once: bool = False,
    ready_within_s: float = 30.0,
) -> Service:
    return Service(
        name=name,
        argv=(sys.executable, "-m", module),
        cwd=Path.cwd(),  # a feed's file may be named relative to it
        log=settings.folder.log(name),
        env=environment,
        probe=probe,
        once=once,
        ready_within_s=ready_within_s,
    )
