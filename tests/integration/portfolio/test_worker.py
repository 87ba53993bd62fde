"""Commands through a worker into tables, answered once they are there."""

from decimal import Decimal
from uuid import uuid4

from market.ledger.transaction import Kind
from mesh.ledger.store import LedgerStore
from tests.portfolio_worker import LedgerClient, trade


async def test_an_answered_command_is_in_the_tables(ledger: LedgerClient, store: LedgerStore) -> None:
    user = uuid4()
    portfolio = await ledger.open_portfolio(user)
    bought = await ledger.record(user, portfolio, trade(Kind.BUY, "XNAS:AAPL", "10", "100.5", commission=Decimal(5)))
    assert bought.status == 201, bought
    head = await store.head(portfolio, user)
    assert head.totals.cash == Decimal(-1010)
    holding = (await store.holdings(portfolio))["XNAS:AAPL"]
    assert (holding.quantity, holding.cost) == (10, 1010)
    (entered,) = await store.transactions(portfolio, 10)
    assert str(entered.id) == bought.body["id"]
    assert await store.head(portfolio, uuid4()) is None
