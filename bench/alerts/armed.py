"""Rules in tables, a tape and a worker on both: what the benchmarks of alerts have in common."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it ships no annotations
import numpy as np
import numpy.typing as npt

from infra.local.servers import NatsServer, PostgresServer, Server, running_nats, running_postgres
from infra.local.service import Service
from infra.migrate import migrate
from market import rows
from market.instrument import Listing
from market.row_type import Rows
from market.symbols import SymbolKey
from mesh.connection import Connection, connect
from mesh.directory import Directory
from mesh.settings import MeshSettings
from mesh.streams import declared, ensure
from mesh.tape_publisher import TapePublisher

PARTITIONS = 16
VENUE = "XNAS"
_SEED = """
    INSERT INTO alerts (id, user_id, partition, instrument, symbol, condition, threshold, reference, reference_price,
        repeat, state, waiting_side, since, fired_day, cooldown_s, note, channels, created_at, updated_at, fired_count)
    SELECT gen_random_uuid(), u.user_id, $1, i.number, 'XNAS:B' || i.number, 'ABOVE',
        $4::float8 + $5::float8 * (n / cardinality($3::int[])),
        'created', 0, 'once', 'armed', 0, 0, 0, 0, '',
        CASE WHEN $6 AND n % 5 = 0 THEN ARRAY[u.user_id] ELSE '{}' END, now(), now(), 0
    FROM generate_series(0, $2 - 1) AS n
    JOIN unnest($3::int[]) WITH ORDINALITY AS i (number, place) ON i.place = n % cardinality($3::int[]) + 1
    JOIN bench_users u ON u.place = n / 5 % (SELECT count(*) FROM bench_users)
"""


@dataclass(frozen=True, slots=True)
class Market:
    """Servers, a feed's connection, and the instruments' numbers."""

    folder: Path
    nats: NatsServer
    postgres: PostgresServer
    client: Connection
    publisher: TapePublisher
    numbers: npt.NDArray[np.uint32]

    def worker(self, **settings: object) -> Server:
        """Make a worker; it does not run yet."""
        environment = os.environ | {
            "TICKMESH_NATS_URL": self.nats.url,
            "TICKMESH_POSTGRES_DSN": self.postgres.url,
            **{f"TICKMESH_{name.upper()}": str(value) for name, value in settings.items()},
        }
        argv = (sys.executable, "-m", "workers.alert")
        log = self.folder / "alerts.log"
        return Server(Service(name="alerts", argv=argv, cwd=Path.cwd(), log=log, env=environment))


@contextlib.asynccontextmanager
async def open_market(folder: Path, instruments: int) -> AsyncIterator[Market]:
    """Run a nats-server and a Postgres that syncs, with so many instruments in the directory."""
    async with running_nats(folder) as nats, running_postgres(folder, durable=True) as postgres:
        await asyncio.to_thread(migrate, postgres.url)
        settings = MeshSettings(nats_url=nats.url, partitions=PARTITIONS)
        client = await connect(settings, "bench")
        try:
            js = client.jetstream()
            await ensure(js, declared(settings))
            directory = await Directory.open(js)
            listed = await directory.enlist([Listing(SymbolKey(VENUE, f"B{at}"), "") for at in range(instruments)])
            numbers = np.array([int(each.number) for each in listed], np.uint32)
            publisher = TapePublisher(client, "bench", 1, PARTITIONS, time.monotonic)
            yield Market(folder, nats, postgres, client, publisher, numbers)
        finally:
            await client.close()


async def seed(
    dsn: str,
    partition: int,
    count: int,
    numbers: npt.NDArray[np.uint32],
    first: float,
    step: float,
    notified: bool = False,
) -> None:
    """Write rules of one partition straight into the tables: ABOVE, spread over instruments and users, five each.

    `first` is the threshold of the first rule of each instrument, `step` what the next ones add. With `notified` a
    fifth of them has a channel.
    """
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("CREATE TEMP TABLE bench_users (place int, user_id uuid)")
        await connection.execute(
            "INSERT INTO bench_users SELECT n, gen_random_uuid() FROM generate_series(0, $1 - 1) n", max(1, count // 5)
        )
        await connection.execute("INSERT INTO alert_users SELECT user_id FROM bench_users")
        if notified:
            await connection.execute(
                "INSERT INTO alert_channels (id, user_id, kind, name, address, state, created_at) "
                "SELECT user_id, user_id, 'webhook', '', 'http://127.0.0.1:1', 'verified', now() FROM bench_users"
            )
        await connection.execute("ANALYZE bench_users")
        await connection.execute(_SEED, partition, count, numbers.tolist(), first, step, notified, timeout=600)
    finally:
        await connection.close()


async def at_rest(market: Market) -> None:
    """Have on the disk all that was written to prepare: else the system writes it in the midst of what is measured.

    Behind a checkpoint Postgres logs each page whole that it changes first, as it does most of the time.
    """
    connection = await asyncpg.connect(market.postgres.admin_url)
    try:
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    await asyncio.to_thread(os.sync)


def trades(numbers: npt.NDArray[np.uint32], prices: npt.NDArray[np.float64], sequence: int, ts_ns: int) -> Rows:
    """Make one trade for each instrument, all with one sequence and at one time."""
    made = rows.TRADE.blank(len(numbers))
    made["instrument"], made["price"], made["size"] = numbers, prices, 1.0
    made["sequence"] = (1 << 32) + sequence
    made["ts_event"] = made["ts_recv"] = ts_ns
    return made.view(rows.EVENT_DTYPE)
