"""The whole market as processes: real servers, a real feed and a real gateway, for the tests of both folders."""

import asyncio
import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import nats

from gateway.accounts.settings import TokenSettings
from gateway.accounts.tokens import AccessTokens
from infra.local.ports import LOOPBACK
from infra.local.probes import http_answers
from infra.local.servers import NatsServer, PostgresServer, Server, ValkeyServer, running_nats, running_valkey
from infra.local.service import Service
from infra.local.stack import GATEWAY_READY_WITHIN_S
from infra.migrate import migrate

ROOT = Path(__file__).parents[3]
SECRET = "a key that only these tests know, 32 bytes or more"
SOON_S = 20.0


async def until(condition: Callable[[], Awaitable[object]], what: str, within_s: float = SOON_S) -> float:
    """Ask until the answer is true, fail after `within_s`; return the seconds it took."""
    began_s = time.monotonic()
    while not await condition():
        assert time.monotonic() - began_s < within_s, f"not so within {within_s} s: {what}"
        await asyncio.sleep(0.02)
    return time.monotonic() - began_s


def token(lifetime_s: int = 900, issued_ago_s: float = 0.0, secret: str = SECRET, user: UUID | None = None) -> str:
    """Sign an access token as a gateway with that secret would have, so long ago; each for a user of its own."""
    settings = TokenSettings(secret=secret.encode(), access_lifetime_s=lifetime_s)
    return AccessTokens(settings).issue(user or uuid4(), time.time() - issued_ago_s)


class Gateway(Server):
    """A gateway process on a port of its own."""

    def __init__(self, folder: Path, environment: dict[str, str], ready_path: str = "/health/ready") -> None:
        # Bound, so that nobody else is given the port while the process takes its seconds to come to it.
        self._seat = socket.socket()
        self._seat.bind((LOOPBACK, 0))
        self._seat.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port: int = self._seat.getsockname()[1]
        super().__init__(
            Service(
                name="gateway",
                argv=(sys.executable, "-m", "gateway"),
                cwd=ROOT,
                log=folder / f"gateway-{self.port}.log",
                env=environment | {"TICKMESH_HTTP_PORT": str(self.port)},
                probe=http_answers("127.0.0.1", self.port, ready_path),
                ready_within_s=GATEWAY_READY_WITHIN_S,
            )
        )

    async def stop(self) -> int:
        """Stop the process and give the port back."""
        self._seat.close()
        return await super().stop()

    @property
    def stream_url(self) -> str:
        """The address of the live stream."""
        return f"ws://127.0.0.1:{self.port}/stream"

    def http(self, bearer: str | None = None) -> httpx.AsyncClient:
        """Make a client for the REST part; with a good token unless another is given, with none for an empty one."""
        bearer = token() if bearer is None else bearer
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        url = f"http://127.0.0.1:{self.port}"
        return httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=10)

    async def figure(self, name: str) -> float:
        """Read one of the gateway's own figures from /metrics."""
        async with self.http("") as http:
            lines = (await http.get("/metrics")).text.splitlines()
        (value,) = (line.split()[1] for line in lines if line.startswith(f"tickmesh_gateway_{name} "))
        return float(value)

    async def readiness(self) -> tuple[int, dict[str, str]]:
        """Ask what is missing."""
        async with self.http("") as http:
            answer = await http.get("/health/ready")
        return answer.status_code, answer.json()["dependencies"]


@dataclass(frozen=True)
class Market:
    """Everything that runs, each to be killed and restarted by itself."""

    nats: NatsServer
    postgres: PostgresServer
    cache: ValkeyServer
    feed: Server
    gateway: Gateway
    environment: dict[str, str]
    folder: Path

    @contextlib.asynccontextmanager
    async def another_gateway(self, **settings: object) -> AsyncIterator[Gateway]:
        """Run one more gateway on the same servers, with settings of its own."""
        environment = self.environment | {f"TICKMESH_{name.upper()}": str(value) for name, value in settings.items()}
        async with started(Gateway(self.folder, environment)) as gateway:
            yield gateway

    async def gateway_subjects(self) -> list[str]:
        """Ask nats-server for the quote subjects that gateways are subscribed to, one for each subscription."""
        system = await nats.connect(self.nats.system_url)
        try:
            asked = json.dumps({"subscriptions": True, "limit": 1024, "acc": "MESH"}).encode()
            answer = await system.request("$SYS.REQ.SERVER.PING.CONNZ", asked, timeout=5)
        finally:
            await system.close()
        connections: list[dict[str, Any]] = json.loads(answer.data)["data"]["connections"]
        names = [each.get("subscriptions_list", ()) for each in connections if each.get("name") == "gateway"]
        return sorted(name for listed in names for name in listed if name.startswith("quote."))


@contextlib.asynccontextmanager
async def tables(market: Market) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Look into a market's tables, and change what no client can."""
    connection = await asyncpg.connect(market.environment["TICKMESH_POSTGRES_DSN"], ssl=False)
    try:
        yield connection
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def started(server: Gateway) -> AsyncIterator[Gateway]:
    """Run a gateway until the end of the block."""
    await server.start()
    try:
        yield server
    finally:
        await _stopped(server)


@contextlib.asynccontextmanager
async def running_market(
    folder: Path, postgres: PostgresServer, dsn: str, feed: str, **settings: object
) -> AsyncIterator[Market]:
    """Run nats, cache, feed and gateway on a database of the caller's; `settings` are the processes' own."""
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(running_nats(folder))
        cache = await stack.enter_async_context(running_valkey(folder))
        await asyncio.to_thread(migrate, dsn)
        environment = os.environ | {
            "TICKMESH_NATS_URL": server.url,
            "TICKMESH_POSTGRES_DSN": dsn,
            "TICKMESH_CACHE_URL": cache.url,
            "TICKMESH_JWT_SECRET": SECRET,
            "TICKMESH_FEED": feed,
            "TICKMESH_DRAIN_S": "0",
            **{f"TICKMESH_{name.upper()}": str(value) for name, value in settings.items()},
        }
        argv = (sys.executable, "-m", "workers.feed")
        source = Server(Service(name="feed", argv=argv, cwd=ROOT, log=folder / "feed.log", env=environment))
        gateway = Gateway(folder, environment)
        for each in (source, gateway):
            stack.push_async_callback(_stopped, each)
            await each.start()
        yield Market(server, postgres, cache, source, gateway, environment, folder)


async def _stopped(server: Server) -> None:
    """Stop a process of ours; whatever was done to it, it must not have met with an error it did not expect."""
    await server.stop()
    said = server.log.read_text()
    assert "Traceback" not in said, said[max(0, said.index("Traceback") - 500) :][:5000]
