"""What clients are told of portfolios and transactions: the members of JSON documents, decimals as plain text."""

from market.ledger.decimals import text
from market.ledger.portfolio import Portfolio
from market.ledger.times import time_text
from market.ledger.transaction import Kind, Transaction


def portfolio_body(portfolio: Portfolio) -> dict[str, object]:
    """Describe a portfolio without its holdings."""
    return {
        "id": str(portfolio.id),
        "name": portfolio.name,
        "currency": portfolio.currency,
        "created_at": time_text(portfolio.created_at),
        "revision": portfolio.revision,
    }


def transaction_body(transaction: Transaction) -> dict[str, object]:
    """Describe a transaction; what its kind does not have is null, and `revision` is the portfolio's that has it."""
    kind = transaction.kind
    return {
        "id": str(transaction.id),
        "type": str(kind),
        "symbol": transaction.symbol or None,
        "quantity": text(transaction.quantity) if kind.has_symbol else None,
        "price": None if kind is Kind.SPLIT else text(transaction.price),
        "commission": text(transaction.commission) if kind.has_commission else None,
        "amount": None if kind is Kind.SPLIT else text(transaction.amount),
        "cash": text(transaction.cash),
        "executed_at": time_text(transaction.executed_at),
        "recorded_at": time_text(transaction.recorded_at),
        "corrects": str(transaction.corrects) if transaction.corrects else None,
        "void": transaction.void,
        "note": transaction.note,
        "revision": transaction.sequence,
    }
