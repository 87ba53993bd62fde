"""One batch, one transaction: what is lost on the way to Postgres, who may write, and what no table can hold."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import uuid4, uuid5

import asyncpg
import pytest
import pytest_asyncio

from infra.local.servers import NatsServer, PostgresServer
from market.ledger.commands import Create, Record
from market.ledger.transaction import Kind
from mesh.actor.outbox import FencedError
from mesh.actor.reader import Delivery
from mesh.ledger.batch import SESSION, take
from mesh.ledger.codec import encode_command
from mesh.ledger.store import LedgerStore
from mesh.pool import Pool, PostgresAway
from mesh.settings import MeshSettings
from mesh.streams import declared, ensure
from tests.databases import new_database
from tests.integration.portfolio.conftest import stopped_in_the_end
from tests.integration.portfolio.cutting import Cut, cutting_way
from tests.ledger_check import differences, read_commands, read_tables
from tests.portfolio_worker import PortfolioWorker, command, ledger_client, trade
from workers.portfolio.apply import Batch, LedgerMismatchError, Numbered, Outcome, apply, numbered

TEN = trade(Kind.BUY, "XNAS:AAPL", "10", "100.5", commission=Decimal(5))


@pytest_asyncio.fixture
async def dsn(postgres_server: PostgresServer) -> str:
    return await new_database(postgres_server)


@pytest_asyncio.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    made = Pool(dsn, 2, "test", **SESSION)
    yield made
    await made.close()


@pytest.mark.parametrize("cut", Cut)
async def test_a_connection_that_dies_in_a_commit_costs_nothing(
    cut: Cut, nats_server: NatsServer, postgres_server: PostgresServer, dsn: str, tmp_path: Path
) -> None:
    async with (
        cutting_way(postgres_server.port) as (way, port),
        ledger_client(nats_server.url, 1) as ledger,
    ):
        await ensure(ledger.js, declared(MeshSettings(nats_url="unused")))
        cut_dsn = dsn.replace(f":{postgres_server.port}/", f":{port}/")
        async with stopped_in_the_end(PortfolioWorker(tmp_path, nats_server.url, cut_dsn, partitions=1)) as worker:
            user = uuid4()
            portfolio = await ledger.open_portfolio(user)
            for each in range(3):
                way.cut = cut
                answers = await asyncio.gather(*(ledger.record(user, portfolio, TEN) for _ in range(4)))
                assert [answer.status for answer in answers] == [201] * 4
                assert way.cuts == each + 1
            assert "Postgres is back" in worker.said
        tables = await read_tables(dsn)
        assert differences(tables, await read_commands(ledger.js)) == []
        assert len(tables["transactions"]) == 12
        (holding,) = tables["holdings"]
        assert holding["quantity"] == 120


async def settled(pool: Pool, partition: int, fence: int, batch: list[Numbered]) -> Outcome:
    async with pool.lend(5.0) as connection:
        (outcome,) = await apply(connection, [Batch(partition, fence, batch)])
        await connection.execute("COMMIT")
    return outcome


def at(sequence: int, *actions: object, user: object = None) -> list[Numbered]:
    sent = [encode_command(command(user or uuid4(), action)) for action in actions]
    return [numbered(Delivery(sequence + place, "", 0, data)) for place, data in enumerate(sent)]


async def test_nobody_writes_under_a_lower_fence(pool: Pool, dsn: str) -> None:
    async with pool.lend(5.0) as connection:
        assert await take(connection, 0, 7) == 0
        assert await take(connection, 0, 8) == 0
        assert await take(connection, 0, 7) is None
    fenced = await settled(pool, 0, 7, at(1, Create("Old", "USD")))
    assert isinstance(fenced.error, FencedError)
    assert (await read_tables(dsn))["commands"] == []
    assert (await settled(pool, 0, 8, at(1, Create("New", "USD")))).answers[0][1].status == 201
    async with pool.lend(5.0) as connection:
        assert await take(connection, 0, 9) == 1


async def test_a_partition_that_is_lost_does_not_hold_up_those_of_the_same_transaction(pool: Pool, dsn: str) -> None:
    async with pool.lend(5.0) as connection:
        await take(connection, 0, 8)
        await take(connection, 1, 3)
    async with pool.lend(5.0) as connection:
        batches = [Batch(0, 7, at(1, Create("Old", "USD"))), Batch(1, 3, at(2, Create("New", "USD")))]
        lost, kept = await apply(connection, batches)
        await connection.execute("COMMIT")
    assert isinstance(lost.error, FencedError)
    assert (kept.error, [answer.status for _, answer in kept.answers]) == (None, [201])
    tables = await read_tables(dsn)
    assert [(row["partition"], row["sequence"]) for row in tables["commands"]] == [(1, 2)]
    assert {row["partition"]: row["sequence"] for row in tables["ledger_progress"]} == {0: 0, 1: 2}


async def test_tables_that_are_ahead_of_what_they_hold_are_not_written(pool: Pool, dsn: str) -> None:
    async with pool.lend(5.0) as connection:
        await take(connection, 0, 1)
    await settled(pool, 0, 1, at(5, Create("First", "USD")))
    before = await read_tables(dsn)
    async with pool.lend(5.0) as connection:  # put back from a copy, perhaps: 6 to 8 are missing
        (outcome,) = await apply(connection, [Batch(0, 1, at(9, Create("Late", "USD")), after=8)])
        await connection.execute("COMMIT")
    assert isinstance(outcome.error, LedgerMismatchError)
    for batch in (at(4, Create("Other", "USD")), at(5, Create("Other", "USD"), Create("Another", "USD"))):
        assert isinstance((await settled(pool, 0, 1, batch)).error, LedgerMismatchError)
    assert await read_tables(dsn) == before


async def test_what_takes_long_is_left_and_can_be_gone_on_with(
    pool: Pool, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, opening = uuid4(), command(uuid4(), Create("Savings", "USD"))
    portfolio = uuid5(opening.id, "portfolio")
    earlier = Record(portfolio, replace(TEN, executed_at=datetime(2020, 1, 1, tzinfo=UTC)))
    sent = [replace(opening, user=user)] + [command(user, each) for each in (Record(portfolio, TEN), earlier, earlier)]
    waiting = [numbered(Delivery(place, "", 0, encode_command(each))) for place, each in enumerate(sent, 1)]
    async with pool.lend(5.0) as connection:
        for partition in (0, 1):
            await take(connection, partition, 7)

    async def done(*batches: Batch) -> list[list[int]]:
        async with pool.lend(5.0) as connection:
            outcomes = await apply(connection, batches)
            await connection.execute("COMMIT")
        assert [outcome.error for outcome in outcomes] == [None] * len(batches)
        assert all(answer.status == 201 for outcome in outcomes for _, answer in outcome.answers)
        return [[each.sequence for each, _ in outcome.answers] for outcome in outcomes]

    batch, other = Batch(0, 7, waiting), Batch(1, 7, at(9, Create("Other", "USD")))
    assert await done(batch, other) == [[1, 2], [9]]
    changes = batch.changes
    assert await done(batch) == [[1, 2]]  # its commit's answer was lost
    assert batch.changes is changes
    monkeypatch.setattr("workers.portfolio.apply.DECIDE_S", 0.0)
    rest = batch.rest(2)
    assert await done(rest) == [[3]]
    assert await done(rest.rest(1)) == [[4]]
    (holding,) = (await read_tables(dsn))["holdings"]
    assert holding["quantity"] == 30


async def test_an_owner_that_is_held_up_in_a_transaction_holds_up_the_next_for_a_while_only(dsn: str) -> None:
    old = Pool(dsn, 1, "old", **SESSION | {"idle_in_transaction_session_timeout": "300"})
    new = Pool(dsn, 1, "new", **SESSION)
    async with new.lend(5.0) as connection:
        await take(connection, 0, 7)

    async def held_up() -> None:
        async with old.lend(5.0) as stopped:
            (outcome,) = await apply(stopped, [Batch(0, 7, at(1, Create("Old", "USD")))])
            assert outcome.changes
            async with new.lend(5.0) as connection:
                assert await take(connection, 0, 8) == 0
            await stopped.execute("COMMIT")

    with pytest.raises(PostgresAway):
        await held_up()
    assert (await read_tables(dsn))["portfolios"] == []
    await old.close()
    await new.close()


async def test_what_the_tables_cannot_hold_is_refused_and_the_rest_of_its_batch_is_not(
    nats_server: NatsServer, dsn: str, tmp_path: Path
) -> None:
    user = uuid4()
    async with ledger_client(nats_server.url, 1) as ledger:
        await ensure(ledger.js, declared(MeshSettings(nats_url="unused")))
        worker = PortfolioWorker(tmp_path, nats_server.url, dsn, partitions=1)
        await worker.start()
        try:
            portfolio = await ledger.open_portfolio(user)
            first, bad, last = (command(user, Record(portfolio, TEN)) for _ in range(3))
            connection = await asyncpg.connect(dsn)
            try:  # what this command would enter is there: somebody wrote by hand
                await connection.execute(
                    "INSERT INTO transactions"
                    " SELECT $1, $2, 0, 0, 0, 0, 'FEE', '', 1, 1, 0, now(), now(), NULL, false, ''",
                    uuid5(bad.id, "0"),
                    portfolio,
                )
            finally:
                await connection.close()
            waiting = [await ledger.publish(each) for each in (first, bad, last)]
            answers = await asyncio.wait_for(asyncio.gather(*waiting), 10)
        finally:
            await worker.stop()
    assert [each.status for each in answers] == [201, 500, 201]
    assert answers[1].body["code"] == "unwritable_command"
    store = LedgerStore(dsn)
    try:
        assert (await store.holdings(portfolio))["XNAS:AAPL"].quantity == 20
        assert await store.command(bad.id, user) == answers[1]
    finally:
        await store.close()
