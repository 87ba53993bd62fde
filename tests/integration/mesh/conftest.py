"""What tests of the kit share: connections that are closed, conditions waited for, and the tape read back."""

from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np
import pytest
import pytest_asyncio
from nats.js import JetStreamContext

from infra.local.servers import NatsServer
from market import rows
from market.row_type import Rows
from mesh.connection import Connection, connect
from mesh.settings import MeshSettings
from mesh.streams import declared, ensure
from tests.integration import tape
from tests.integration.tape import Until

Connect = Callable[..., Awaitable[Connection]]


@pytest.fixture
def until() -> Until:
    return tape.until


@pytest_asyncio.fixture
async def connected(nats_server: NatsServer) -> AsyncIterator[Connect]:
    """Connect as our processes do, as often as the test likes."""
    opened: list[Connection] = []

    async def open_one(url: str = nats_server.url, **settings: int) -> Connection:
        opened.append(await connect(MeshSettings(nats_url=url, **settings), "test"))
        return opened[-1]

    yield open_one
    for each in opened:
        await each.close()


@pytest_asyncio.fixture
async def js(connected: Connect) -> JetStreamContext:
    """JetStream with everything in it that Tickmesh declares."""
    client = await connected()
    context = client.jetstream()
    await ensure(context, declared(MeshSettings(nats_url="unused")))
    return context


@pytest.fixture
def tape_of() -> Callable[[JetStreamContext], Awaitable[tape.Stored]]:
    return tape.read_tape


class Writer:
    """Makes trades, numbered per instrument as a feed numbers them, and remembers how many."""

    def __init__(self, instruments: int) -> None:
        self.counts = np.zeros(instruments, np.int64)
        self._random = np.random.default_rng(5)

    def trades(self, count: int) -> Rows:
        made = rows.TRADE.blank(count)
        for at, instrument in enumerate(self._random.integers(0, len(self.counts), count)):
            self.counts[instrument] += 1
            made["instrument"][at], made["sequence"][at] = instrument, self.counts[instrument]
        return rows.join([made])

    def compare(self, stored: tape.Stored) -> dict[str, int]:
        """Count what is lost, duplicated or out of order on the tape, by the sequence of each instrument."""
        lost = duplicated = disordered = 0
        found: dict[int, list[int]] = {instrument: [] for instrument in range(len(self.counts))}
        for _, events in stored:
            for instrument, sequence in zip(events["instrument"].tolist(), events["sequence"].tolist(), strict=True):
                found[instrument].append(sequence)
        for instrument, sequences in found.items():
            lost += int(self.counts[instrument]) - len(set(sequences))
            duplicated += len(sequences) - len(set(sequences))
            disordered += sequences != sorted(sequences)
        return {"lost": lost, "duplicated": duplicated, "out of order": disordered}


@pytest.fixture
def writer() -> Writer:
    return Writer(instruments=60)
