"""Commands that nobody's gateway would send: each is refused, told so, and holds up nothing behind it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from market.ledger.commands import Command, Create, Fields, Import, Record, Rename, Row
from market.ledger.transaction import Kind
from mesh.ledger.store import LedgerStore
from tests.portfolio_worker import LedgerClient, command, trade

FEE = Fields(kind=Kind.FEE, price=Decimal(1))

POISON: dict[str, Callable[[UUID, UUID], Command]] = {
    "a line beyond integers": lambda user, portfolio: command(user, Import(portfolio, (Row(1 << 40, FEE),))),
    "a line beyond int64": lambda user, portfolio: command(user, Import(portfolio, (Row((1 << 64) - 1, FEE),))),
    "received in year 1": lambda user, _: replace(
        command(user, Create("Old", "USD")), received_at=datetime(1, 1, 1, tzinfo=UTC)
    ),
    "received in year 9999": lambda user, portfolio: replace(
        command(user, Record(portfolio, replace(FEE, executed_at=datetime(2026, 1, 1, tzinfo=UTC)))),
        received_at=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ),
    "executed in year 1": lambda user, portfolio: command(
        user, Record(portfolio, replace(FEE, executed_at=datetime(1, 1, 1, tzinfo=UTC)))
    ),
    "a note with NUL": lambda user, portfolio: command(user, Record(portfolio, replace(FEE, note="a\0b"))),
    "a long note": lambda user, portfolio: command(user, Record(portfolio, replace(FEE, note="n" * 5000))),
    "a name with NUL": lambda user, _: command(user, Create("a\0b", "USD")),
    "a long name": lambda user, portfolio: command(user, Rename(portfolio, "n" * 5000)),
    "no rows": lambda user, portfolio: command(user, Import(portfolio, ())),
    "an odd symbol": lambda user, portfolio: command(
        user, Record(portfolio, trade(Kind.BUY, "XNAS:日'\"\\{},", "1", "1"))
    ),
}


@pytest.mark.parametrize("what", POISON)
async def test_no_command_holds_up_the_next(what: str, ledger: LedgerClient, store: LedgerStore) -> None:
    user = uuid4()
    portfolio = await ledger.open_portfolio(user)
    poison = POISON[what](user, portfolio)
    waiting = await ledger.publish(poison)
    answer = await ledger.ask(command(user, Record(portfolio, FEE)), 5)
    assert answer.status == 201
    async with asyncio.timeout(2):
        told = await waiting
    assert await store.command(poison.id, user) == told
    assert await ledger.ask(poison, message_id=str(uuid4())) == told
