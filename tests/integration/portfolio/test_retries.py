"""A request that comes again, at the gateway: the ledger has it already, and only the tables know the answer."""

from dataclasses import replace
from uuid import UUID, uuid4

from gateway.commanding.client import CommandClient, CommandStream
from market import subjects
from market.answer import Answer
from market.ledger.commands import Create
from mesh.ledger.codec import encode_command
from mesh.ledger.store import LedgerStore
from mesh.pool import PostgresAway
from mesh.streams import LEDGER
from tests.integration.portfolio.conftest import PARTITIONS
from tests.portfolio_worker import LedgerClient, command


async def test_a_request_that_comes_again_while_the_tables_are_away_is_pending(
    ledger: LedgerClient, store: LedgerStore
) -> None:
    is_away = True

    async def look(asked: UUID, user: UUID, digest: bytes) -> Answer | None:
        if is_away:
            raise PostgresAway("down")
        return await store.answer_to(asked, user, digest)

    stream = CommandStream(LEDGER, subjects.ledger, encode_command, look)
    gateway = CommandClient(ledger.client, ledger.js, stream, answer_s=1.0)
    await gateway.open()
    user = uuid4()
    await ledger.open_portfolio(user, "First")  # its partition has an owner
    asked = command(user, Create("Savings", "USD"))
    partition = subjects.partition_of_user(user, PARTITIONS)
    first = await gateway.give(partition, replace(asked, reply=gateway.reply_subject()))
    assert first.answer is not None
    again = await gateway.give(partition, replace(asked, reply=gateway.reply_subject()))
    assert (again.command_id, again.answer) == (asked.id, None)
    is_away = False
    assert await gateway.give(partition, replace(asked, reply=gateway.reply_subject())) == first
