"""A feed run on a real nats-server, and everything it says recorded."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from infra.local.servers import NatsServer
from mesh.connection import Connection, connect
from mesh.settings import MeshSettings
from workers.feed.adapters import open_adapter
from workers.feed.service import FeedService, open_feed
from workers.feed.settings import FeedSettings

REPOSITORY = Path(__file__).parents[3]
RunFeed = Callable[..., AbstractAsyncContextManager[FeedService]]


@dataclass
class Recorder:
    """What came on the feed's subjects, in order of arrival."""

    client: Connection
    messages: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)

    def of(self, lane: str) -> list[tuple[str, bytes]]:
        return self.messages[lane]

    async def listen(self) -> None:
        for lane in ("quote", "trade", "depth", "status", "ops"):
            into = self.messages.setdefault(lane, [])
            self.client.subscribe_raw(f"{lane}.>", lambda subject, data, into=into: into.append((subject, data)))
        await self.client.flush()


@pytest_asyncio.fixture
async def client(nats_server: NatsServer) -> AsyncIterator[Connection]:
    made = await connect(MeshSettings(nats_url=nats_server.url), "test")
    yield made
    await made.close()


@pytest_asyncio.fixture
async def recorder(client: Connection) -> Recorder:
    """Listen to everything live before any feed starts."""
    made = Recorder(client)
    await made.listen()
    return made


@pytest.fixture
def feed(nats_server: NatsServer) -> RunFeed:
    """Run a feed inside the test's own loop; on leaving, it stops in order."""

    @asynccontextmanager
    async def run(spec: str, **settings: object) -> AsyncIterator[FeedService]:
        told = FeedSettings(nats_url=nats_server.url, feed=spec, **settings)
        async with open_feed(told, open_adapter(spec)) as service:
            running = asyncio.ensure_future(service.run())
            try:
                yield service
            finally:
                assert not running.done(), running
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    return run


StartFeed = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def feed_process(nats_server: NatsServer) -> Iterator[StartFeed]:
    """Run `python -m workers.feed` as a process of its own, with these settings."""
    started: list[subprocess.Popen[str]] = []

    def start(**settings: object) -> subprocess.Popen[str]:
        told = {f"TICKMESH_{name.upper()}": str(value) for name, value in settings.items()}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TICKMESH_")}
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "workers.feed"],
                cwd=REPOSITORY,
                env={**inherited, "TICKMESH_NATS_URL": nats_server.url, **told},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def tops_capture() -> Path:
    """Find the recorded capture; without it the test is skipped, but fails where everything has to run."""
    folder = Path(os.environ.get("TICKMESH_DATA") or REPOSITORY / "../shared/data")
    path = folder / "iex/TOPS16.pcap.gz"
    if not path.exists():
        message = f"recorded data is missing: {path} (set TICKMESH_DATA)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path
