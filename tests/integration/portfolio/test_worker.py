"""Commands through a worker into tables: each once, answered once it lasts, whatever is sent and however often."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from random import Random
from uuid import uuid4

import asyncpg

from market import subjects
from market.ledger.commands import Correct, Delete, Record, Rename
from market.ledger.transaction import Kind
from mesh.ledger.store import Cursor, LedgerStore
from tests.databases import new_database
from tests.integration.portfolio.conftest import PARTITIONS, Stack
from tests.ledger_check import differences, of_users, read_commands, tables_at_the_end
from tests.ledger_stream import Stream
from tests.portfolio_worker import LedgerClient, command, trade

APPLE = "XNAS:AAPL"
TEN = trade(Kind.BUY, APPLE, "10", "100.5", commission=Decimal(5))


async def test_an_answered_command_is_in_the_tables(ledger: LedgerClient, store: LedgerStore) -> None:
    user = uuid4()
    portfolio = await ledger.open_portfolio(user)
    bought = await ledger.record(user, portfolio, TEN)
    assert bought.status == 201, bought
    head, holdings = await store.whole(portfolio, user) or (None, {})
    assert head is not None
    assert (head.totals.cash, head.totals.transactions) == (Decimal(-1010), 1)
    assert (holdings[APPLE].quantity, holdings[APPLE].cost) == (10, 1010)
    assert await store.holdings(portfolio) == holdings
    (entered,) = await store.transactions(portfolio, 10)
    assert str(entered.id) == bought.body["id"]
    assert await store.portfolios(user) == [head]


async def test_what_is_refused_changes_nothing(ledger: LedgerClient, store: LedgerStore) -> None:
    user = uuid4()
    portfolio = await ledger.open_portfolio(user)
    await ledger.record(user, portfolio, TEN)
    before = await store.whole(portfolio, user)
    asked = command(user, Record(portfolio, trade(Kind.SELL, APPLE, "10.00000001", "1")))
    answer = await ledger.ask(asked)
    assert (answer.status, answer.body["code"]) == (409, "not_enough")
    assert await store.whole(portfolio, user) == before
    assert await store.command(asked.id, user) == answer
    stranger = uuid4()
    for action in (Record(portfolio, TEN), Rename(portfolio, "Mine"), Delete(portfolio)):
        assert (await ledger.ask(command(stranger, action))).body["code"] == "unknown_portfolio"
    assert await store.whole(portfolio, user) == before
    assert await store.whole(portfolio, stranger) is None
    assert await store.command(asked.id, stranger) is None


async def test_a_command_that_comes_again_is_answered_as_the_first_time(
    ledger: LedgerClient, store: LedgerStore
) -> None:
    user = uuid4()
    portfolio = await ledger.open_portfolio(user)
    asked = command(user, Record(portfolio, TEN))
    # Behind each other in one batch, mostly, and once more in another.
    waiting = [await ledger.publish(asked, str(uuid4())) for _ in range(5)]
    first, *rest = await asyncio.gather(*waiting)
    again = await ledger.ask(asked, message_id=str(uuid4()))
    assert first.status == 201
    assert rest == [first] * 4
    assert again == first
    other = replace(command(user, Record(portfolio, replace(TEN, quantity=Decimal(9)))), id=asked.id)
    mismatch = await ledger.ask(other, message_id=str(uuid4()))
    assert (mismatch.status, mismatch.body["code"]) == (422, "idempotency_mismatch")
    assert (await store.holdings(portfolio))[APPLE].quantity == 10
    assert await store.command(asked.id, user) == first


async def test_what_cannot_be_read_does_not_stop_the_rest(
    ledger: LedgerClient, stack: Stack, store: LedgerStore
) -> None:
    user = uuid4()
    subject = subjects.ledger(subjects.partition_of_user(user, PARTITIONS))
    stored = await ledger.js.publish(subject, b"\x93nothing of ours")
    portfolio = await ledger.open_portfolio(user)
    assert await store.head(portfolio, user)
    connection = await asyncpg.connect(stack.dsn)
    try:
        row = await connection.fetchrow("SELECT * FROM commands WHERE sequence = $1", stored.seq)
    finally:
        await connection.close()
    assert (row["status"], row["user_id"]) == (400, None)
    assert f"command {stored.seq} cannot be read" in stack.worker.said


async def test_pages_histories_and_dry_runs(ledger: LedgerClient, store: LedgerStore) -> None:
    user = uuid4()
    portfolio = await ledger.open_portfolio(user)
    fields = [trade(Kind.BUY, symbol, str(n), "10") for n in range(1, 5) for symbol in (APPLE, "XNYS:IBM")]
    answers = [await ledger.record(user, portfolio, each) for each in fields]
    ids = [str(answer.body["id"]) for answer in reversed(answers)]
    page = await store.transactions(portfolio, 5)
    rest = await store.transactions(portfolio, 5, Cursor.of(page[-1]))
    assert [str(each.id) for each in page + rest] == ids
    of_apple = await store.transactions(portfolio, 3, symbol=APPLE)
    assert [each.quantity for each in of_apple] == [4, 3, 2]
    void = command(user, Correct(portfolio, of_apple[0].id, None))
    account = await store.account(void)
    assert len(account.workbooks[portfolio].history(APPLE)) == 4
    assert (await ledger.ask(void)).status == 201
    assert [each.quantity for each in await store.effective(portfolio) if each.symbol == APPLE] == [1, 2, 3]
    assert (await store.holdings(portfolio))[APPLE].quantity == 6


async def test_a_whole_partition_is_read_in_chunks(ledger: LedgerClient, store: LedgerStore) -> None:
    user = uuid4()
    portfolio = await ledger.open_portfolio(user)
    gone = await ledger.open_portfolio(user, "Gone")
    for each in (portfolio, gone):
        await ledger.record(user, each, TEN)
    assert (await ledger.ask(command(user, Delete(gone)))).status == 204
    partition = subjects.partition_of_user(user, PARTITIONS)
    heads = [each.id async for chunk in store.partition_portfolios(partition) for each in chunk]
    held = [(owner, symbol) async for chunk in store.partition_holdings(partition) for owner, symbol, _ in chunk]
    assert portfolio in heads
    assert gone not in heads
    assert (portfolio, APPLE) in held
    assert gone not in dict(held)


async def test_the_stream_again_gives_the_same_tables_as_an_offline_ledger(ledger: LedgerClient, stack: Stack) -> None:
    random = Random(5)
    sent = list(Stream(random).commands(300))
    for each in sent:
        await ledger.publish(each)
        if random.random() < 0.05:
            await ledger.publish(each, str(uuid4()))
    tables = await tables_at_the_end(stack.dsn, ledger.js, PARTITIONS)
    await stack.worker.stop()
    empty = await new_database(stack.postgres)
    another = stack.another_worker(empty)
    await another.start()
    try:
        again = await tables_at_the_end(empty, ledger.js, PARTITIONS)
    finally:
        await another.stop()
        await stack.worker.start()
    assert again == tables
    users = {each.user for each in sent}
    own = of_users(tables, users)
    stream = [(sequence, each) for sequence, each in await read_commands(ledger.js) if each.user in users]
    assert differences(own, stream) == []
    assert len(own["transactions"]) > 100
