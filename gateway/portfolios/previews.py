"""What a transaction would come to, shown before it is recorded."""

from uuid import UUID

from market.ledger.account import Account, Changes
from market.ledger.answers import transaction_body
from market.ledger.decimals import text
from market.ledger.holding import Holding
from market.ledger.transaction import Transaction

Body = dict[str, object]


def preview(portfolio: UUID, account: Account, changes: Changes) -> Body:
    """Describe what changes would do to a portfolio: its cash, and what it holds of each symbol concerned."""
    workbook = account.workbooks[portfolio]
    before, after = account.portfolios[portfolio].totals, changes.portfolio.totals
    return {
        "transactions": [_not_yet(each) for each in changes.transactions],
        "cash": {"before": text(before.cash), "after": text(after.cash)},
        "realized": {"before": text(before.realized), "after": text(after.realized)},
        "holdings": [
            {"symbol": symbol, "before": _holding(workbook.holding(symbol)), "after": _holding(holding)}
            for symbol, holding in changes.holdings.items()
        ],
    }


def _not_yet(transaction: Transaction) -> Body:
    """Describe a transaction; the revision that it would make is not known."""
    return {name: value for name, value in transaction_body(transaction).items() if name != "revision"}


def _holding(holding: Holding | None) -> Body | None:
    if holding is None:
        return None
    return {
        "quantity": text(holding.quantity),
        "cost": text(holding.cost),
        "average_cost": text(holding.average_cost),
        "realized": text(holding.realized),
    }
