"""Health and metrics: whether the process lives, whether it can serve and what is missing, and what it counts."""

import asyncio
import time

import msgspec
from litestar import Controller, Response, get
from litestar.di import NamedDependency

from gateway.accounts import AccountsService
from gateway.metrics import CONTENT_TYPE, Metrics
from gateway.problems import Problem
from gateway.upstream import Upstream
from mesh.quote_cache import QuoteCache


class Readiness(msgspec.Struct, frozen=True):
    """Whether this gateway can serve, and the state of each thing it needs."""

    status: str
    dependencies: dict[str, str]
    draining: bool
    """Whether it sends its clients away, because it ends."""


class Dependencies:
    """What a gateway needs: all must be up to be ready, but for the cache, which only saves time."""

    def __init__(self, upstream: Upstream, accounts: AccountsService, cache: QuoteCache | None) -> None:
        self._upstream = upstream
        self._accounts = accounts
        self._cache = cache
        self.is_draining = False  # set once, for the end

    async def check(self) -> Readiness:
        """Ask each dependency now."""
        postgres, cache = await asyncio.gather(self._postgres(), self._cached())
        found = {
            "nats": "up" if self._upstream.is_connected else "down",
            "postgres": postgres,
            "cache": cache,
            "feed": "up" if self._upstream.venues.alive(time.monotonic()) else "down",
        }
        missing = [name for name, state in found.items() if state == "down" and name != "cache"]
        is_ready = not (missing or self.is_draining)
        return Readiness("ready" if is_ready else "not_ready", found, self.is_draining)

    async def _postgres(self) -> str:
        try:
            await self._accounts.ping()
        except Problem:
            return "down"
        return "up"

    async def _cached(self) -> str:
        if self._cache is None:
            return "off"
        return "up" if await self._cache.ping() else "down"


class HealthController(Controller):
    """For the orchestrator and for Prometheus; open to all who reach the port."""

    tags = ["health"]  # noqa: RUF012  # Litestar's own way to tag a controller

    @get("/health/live", summary="The process lives")
    async def live(self) -> dict[str, str]:
        """Answer at all."""
        return {"status": "live"}

    @get("/health/ready", summary="What is missing, if anything")
    async def ready(self, health: NamedDependency[Dependencies]) -> Response[Readiness]:
        """Answer 200 when clients can be served, else 503 naming what is down, or saying that this is the end."""
        readiness = await health.check()
        return Response(readiness, status_code=200 if readiness.status == "ready" else 503)

    @get("/metrics", summary="Prometheus metrics", media_type=CONTENT_TYPE, include_in_schema=False)
    async def metrics(self, metrics: NamedDependency[Metrics]) -> Response[bytes]:
        """Answer in Prometheus's text format."""
        return Response(metrics.render(), media_type=CONTENT_TYPE)
