"""A worker on a tape and a database that all tests share, each with users and an instrument of its own."""

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import numpy as np
import pytest_asyncio
from nats.js import JetStreamContext

from infra.local.servers import NatsServer, PostgresServer, running_nats
from market import subjects
from market.instrument import Instrument, Listing
from market.row_type import Rows
from market.rows import EVENT_DTYPE, TRADE
from market.symbols import SymbolKey
from mesh.alerts.batch import SESSION
from mesh.alerts.store import AlertStore
from mesh.connection import connect
from mesh.directory import Directory
from mesh.settings import MeshSettings
from mesh.streams import declared, ensure
from tests.alert_worker import AlertClient, AlertWorker, alert_client, partition_of
from tests.databases import new_database

PARTITIONS = 2
MAX_PER_USER = 15
VENUE = "XNYS"
INSTRUMENTS = 24
NOON = datetime(2026, 3, 5, 17, tzinfo=UTC)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Stack:
    """Where everything is; `worker` is the only one, `instruments` are those that no test has had."""

    nats: NatsServer
    postgres: PostgresServer
    dsn: str
    worker: AlertWorker
    instruments: Iterator[Instrument]


class Tape:
    """Writes trades as a feed does, one message a call."""

    def __init__(self, js: JetStreamContext) -> None:
        self._js = js
        self._sequence = 1 << 32

    async def write(self, instrument: Instrument, *prices: float) -> int:
        """Write a message of trades of an instrument, a second apart; returns its sequence on the tape."""
        ticks = trades(instrument, self._sequence, prices)
        self._sequence += len(prices)
        written = await self._js.publish(subjects.tape(partition_of(instrument, PARTITIONS)), ticks.tobytes())
        return written.seq


def trades(instrument: Instrument, sequence: int, prices: tuple[float, ...]) -> Rows:
    """Make trades of an instrument, a second apart, from noon in New York on."""
    made = TRADE.blank(len(prices))
    made["instrument"], made["price"], made["size"] = int(instrument.number), prices, 1.0
    made["sequence"] = sequence + np.arange(len(prices))
    passed_s = made["sequence"].astype(np.int64) - (1 << 32)
    made["ts_event"] = made["ts_recv"] = (int(NOON.timestamp()) + passed_s) * 10**9
    return made.view(EVENT_DTYPE)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def stack(postgres_server: PostgresServer, open_folder: Path) -> AsyncIterator[Stack]:
    """Run one worker for all tests of the folder."""
    folder = open_folder / "alerts"
    folder.mkdir()
    dsn = await new_database(postgres_server)
    settings = {"partitions": PARTITIONS, "alert_max_per_user": MAX_PER_USER}
    async with running_nats(folder) as nats:
        instruments = await _enlisted(nats.url)
        await _kept_for_long(dsn)
        worker = AlertWorker(folder, nats.url, dsn, **settings)
        await worker.start()
        try:
            yield Stack(nats, postgres_server, dsn, worker, iter(instruments))
        finally:
            await worker.stop()
    assert worker.said.count(", fence ") == PARTITIONS, worker.said[-5000:]  # nothing made a partition begin anew


async def _kept_for_long(dsn: str) -> None:
    """Write a deleted alert of each partition, and a notification, that nobody needs any more."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("INSERT INTO alert_users VALUES (gen_random_uuid())")
        await connection.execute(
            """INSERT INTO alerts (id, user_id, partition, instrument, symbol, condition, threshold, reference,
                    reference_price, repeat, state, waiting_side, since, fired_day, cooldown_s, note, channels,
                    created_at, updated_at, fired_count)
                SELECT gen_random_uuid(), user_id, partition, 7, 'XNYS:OLD', 'ABOVE', 1, 'created', 0, 'once',
                    'deleted', 0, 0, 0, 0, '', '{}', now() - interval '402 days', now() - interval '401 days', 0
                FROM alert_users, generate_series(0, $1 - 1) AS partition""",
            PARTITIONS,
        )
        await connection.execute(
            """INSERT INTO notifications (id, user_id, channel_id, kind, body, state, created_at)
                SELECT user_id, user_id, user_id, 'email', '{}', 'sent', now() - interval '401 days' FROM alert_users"""
        )
    finally:
        await connection.close()


async def _enlisted(url: str) -> list[Instrument]:
    connection = await connect(MeshSettings(nats_url=url), "directory")
    try:
        js = connection.jetstream()
        await ensure(js, declared(MeshSettings(nats_url="unused", partitions=PARTITIONS)))
        directory = await Directory.open(js)
        return await directory.enlist([Listing(SymbolKey(VENUE, f"S{at}"), "") for at in range(INSTRUMENTS)])
    finally:
        await connection.close()


@pytest_asyncio.fixture
async def client(stack: Stack) -> AsyncIterator[AlertClient]:
    """Give the test a client of its own."""
    async with alert_client(stack.nats.url, PARTITIONS) as opened:
        yield opened


@pytest_asyncio.fixture
async def tape(client: AlertClient) -> Tape:
    """Write on the tape."""
    return Tape(client.js)


@pytest_asyncio.fixture
async def store(stack: Stack) -> AsyncIterator[AlertStore]:
    """Read the tables."""
    reader = AlertStore(stack.dsn)
    yield reader
    await reader.close()


@pytest_asyncio.fixture
async def connection(postgres_server: PostgresServer) -> AsyncIterator[asyncpg.Connection]:
    """Connect to tables of the test's own, as a worker does."""
    opened = await asyncpg.connect(await new_database(postgres_server), server_settings=dict(SESSION))
    yield opened
    await opened.close()
