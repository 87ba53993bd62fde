"""Rows of the ledger's tables: which columns they have, and what of the ledger stands in which."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from market.ledger.holding import Holding
from market.ledger.portfolio import Portfolio, Totals
from market.ledger.transaction import Kind, Transaction

Row = tuple[object, ...]
Found = Mapping[str, Any]  # an asyncpg record

_MONEY = "numeric"

PORTFOLIOS: Mapping[str, str] = {
    "id": "uuid",
    "user_id": "uuid",
    "partition": "smallint",
    "name": "text",
    "currency": "text",
    "created_at": "timestamptz",
    "deleted_at": "timestamptz",
    "cash": _MONEY,
    "deposited": _MONEY,
    "fees": _MONEY,
    "realized": _MONEY,
    "dividends": _MONEY,
    "symbols": "integer",
    "transactions": "integer",
    "latest_at": "timestamptz",
    "revision": "bigint",
}
TRANSACTIONS: Mapping[str, str] = {
    "id": "uuid",
    "portfolio_id": "uuid",
    "sequence": "bigint",
    "line": "integer",
    "place_sequence": "bigint",
    "place_line": "integer",
    "kind": "text",
    "symbol": "text",
    "quantity": _MONEY,
    "price": _MONEY,
    "commission": _MONEY,
    "executed_at": "timestamptz",
    "recorded_at": "timestamptz",
    "corrects": "uuid",
    "void": "boolean",
    "note": "text",
}
HOLDINGS: Mapping[str, str] = {
    "portfolio_id": "uuid",
    "symbol": "text",
    "quantity": _MONEY,
    "cost": _MONEY,
    "realized": _MONEY,
    "dividends": _MONEY,
    "bought": _MONEY,
    "sold": _MONEY,
    "commissions": _MONEY,
    "last_executed_at": "timestamptz",
}
COMMANDS: Mapping[str, str] = {
    "id": "uuid",
    "user_id": "uuid",
    "partition": "smallint",
    "sequence": "bigint",
    "digest": "bytea",
    "status": "smallint",
    "answer": "json",
    "recorded_at": "timestamptz",
}


def portfolio_row(each: Portfolio, partition: int) -> Row:
    """Give the values of PORTFOLIOS."""
    totals = each.totals
    return (
        *(each.id, each.user, partition, each.name, each.currency, each.created_at, each.deleted_at),
        *(totals.cash, totals.deposited, totals.fees, totals.realized, totals.dividends),
        *(totals.symbols, totals.transactions, totals.latest_at, each.revision),
    )


def portfolio_of(found: Found) -> Portfolio:
    """Read a row of PORTFOLIOS."""
    return Portfolio(
        found["id"],
        found["user_id"],
        found["name"],
        found["currency"],
        found["created_at"],
        found["revision"],
        Totals(
            *(found[name] for name in ("cash", "deposited", "fees", "realized", "dividends")),
            *(found[name] for name in ("symbols", "transactions", "latest_at")),
        ),
        found["deleted_at"],
    )


def transaction_row(each: Transaction, portfolio: UUID) -> Row:
    """Give the values of TRANSACTIONS."""
    return (
        *(each.id, portfolio, each.sequence, each.line, each.place_sequence, each.place_line),
        *(each.kind.value, each.symbol, each.quantity, each.price, each.commission),
        *(each.executed_at, each.recorded_at, each.corrects, each.void, each.note),
    )


def transaction_of(found: Found) -> Transaction:
    """Read a row of TRANSACTIONS."""
    return Transaction(
        id=found["id"],
        kind=Kind(found["kind"]),
        symbol=found["symbol"],
        quantity=found["quantity"],
        price=found["price"],
        commission=found["commission"],
        executed_at=found["executed_at"],
        recorded_at=found["recorded_at"],
        sequence=found["sequence"],
        line=found["line"],
        place_sequence=found["place_sequence"],
        place_line=found["place_line"],
        corrects=found["corrects"],
        void=found["void"],
        note=found["note"],
    )


def holding_row(each: Holding, portfolio: UUID, symbol: str) -> Row:
    """Give the values of HOLDINGS."""
    return (
        *(portfolio, symbol, each.quantity, each.cost, each.realized, each.dividends),
        *(each.bought, each.sold, each.commissions, each.last_executed_at),
    )


def holding_of(found: Found) -> Holding:
    """Read a row of HOLDINGS."""
    return Holding(*(found[name] for name in tuple(HOLDINGS)[2:]))
