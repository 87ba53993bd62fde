"""How far firings are told is written down, so that the next owner tells little again."""

import asyncio
import itertools

import asyncpg

from infra.local.servers import NatsServer, PostgresServer
from mesh.alerts.batch import SESSION, take
from mesh.batch_publisher import BatchPublisher
from mesh.connection import connect
from mesh.pool import Patience, Pool
from mesh.settings import MeshSettings
from tests.databases import new_database
from workers.alert.teller import Teller
from workers.alert.transactions import Transactions

PARTITION, FENCE = 3, 7
WITHIN_S = 60.0
_PUBLISHED = "SELECT published FROM alert_progress WHERE partition = $1"


async def test_it_is_written_down_however_busy_a_partition_is(
    nats_server: NatsServer, postgres_server: PostgresServer
) -> None:
    dsn = await new_database(postgres_server)
    client, connection = await connect(MeshSettings(nats_url=nats_server.url), "teller"), await asyncpg.connect(dsn)
    pool = Pool(dsn, 1, "teller", **SESSION)
    try:
        await take(connection, PARTITION, FENCE)
        teller = Teller(PARTITION, FENCE, 0, Transactions(pool, Patience()), BatchPublisher(client))
        async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(teller.run())
            for revision in itertools.count(1):
                teller.tell(revision, [], [])
                if revision % 100 == 0 and await connection.fetchval(_PUBLISHED, PARTITION):
                    break
                await asyncio.sleep(0)
            telling.cancel()
    finally:
        await connection.close()
        await pool.close()
        await client.close()
