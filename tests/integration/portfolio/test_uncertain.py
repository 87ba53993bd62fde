"""A commit whose answer is lost: from the moment it is in the tables nobody is shown what was before it."""

import asyncio
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import asyncpg
import msgspec

from infra.local.servers import NatsServer, PostgresServer
from market.ledger.transaction import Kind
from mesh import portfolio_now
from mesh.settings import MeshSettings
from mesh.streams import declared, ensure
from tests.databases import new_database
from tests.integration.portfolio.conftest import stopped_in_the_end
from tests.integration.portfolio.cutting import Cut, cutting_way
from tests.portfolio_worker import PortfolioWorker, ledger_client, trade

ONE = trade(Kind.BUY, "XNAS:AAPL", "1", "1")


async def test_nobody_is_shown_what_a_commit_has_changed(
    nats_server: NatsServer, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    dsn, looked = await new_database(postgres_server), 0
    async with (
        cutting_way(postgres_server.port) as (way, port),
        ledger_client(nats_server.url, 1) as ledger,
    ):
        await ensure(ledger.js, declared(MeshSettings(nats_url="unused")))
        cut_dsn = dsn.replace(f":{postgres_server.port}/", f":{port}/")
        tables = await asyncpg.connect(dsn)
        async with stopped_in_the_end(PortfolioWorker(tmp_path, nats_server.url, cut_dsn, partitions=1)):
            user = uuid4()
            portfolio = await ledger.open_portfolio(user)
            await ledger.record(user, portfolio, ONE)
            for _ in range(3):
                way.cut = Cut.AFTER
                recording = asyncio.create_task(ledger.record(user, portfolio, ONE))
                while not recording.done():
                    committed = await tables.fetchval("SELECT quantity FROM holdings")
                    answer = await portfolio_now.ask(ledger.client, 0, user, portfolio, 5.0)
                    if answer is not None:
                        shown = Decimal(msgspec.json.decode(answer)["holdings"][0]["quantity"])
                        assert shown >= committed
                        looked += 1
                assert (await recording).status == 201
        await tables.close()
    assert way.cuts == 3
    assert looked > 10
