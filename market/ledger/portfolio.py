"""Portfolios: whose they are, what they are called, and what all their transactions come to."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from market.ledger.decimals import ZERO
from market.ledger.holding import NEVER
from market.ledger.transaction import Kind, Transaction


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a portfolio; none depends on the order of its transactions but `realized`, which its holdings tell.

    `deposited` is deposits less withdrawals; `symbols` the number of its holdings, sold out or not; `transactions` that
    of all entries, corrections and what they corrected included; `latest_at` the greatest `executed_at` among those,
    before which nothing is put that names no time. To the last digit:
    cash + the cost of all holdings = deposited - fees + realized + dividends.
    """

    cash: Decimal = ZERO
    deposited: Decimal = ZERO
    fees: Decimal = ZERO
    realized: Decimal = ZERO
    dividends: Decimal = ZERO
    symbols: int = 0
    transactions: int = 0
    latest_at: datetime = NEVER

    def with_sums(self, entered: Iterable[Transaction], left: Iterable[Transaction]) -> "Totals":
        """Add what takes effect from now on, and take away what does so no more: cash, deposits, fees, dividends."""
        sums = dict.fromkeys(("cash", "deposited", "fees", "dividends"), ZERO)
        for sign, transactions in ((1, entered), (-1, left)):
            for each in transactions:
                cash = sign * each.cash
                sums["cash"] += cash
                match each.kind:
                    case Kind.DEPOSIT | Kind.WITHDRAWAL:
                        sums["deposited"] += cash
                    case Kind.FEE:
                        sums["fees"] -= cash
                    case Kind.DIVIDEND:
                        sums["dividends"] += cash
                    case _:
                        pass
        return replace(self, **{name: getattr(self, name) + value for name, value in sums.items()})


@dataclass(frozen=True, slots=True)
class Portfolio:
    """One portfolio without its holdings; `revision` is the LEDGER sequence of the last command that changed it."""

    id: UUID
    user: UUID
    name: str
    currency: str
    created_at: datetime
    revision: int
    totals: Totals = Totals()
    deleted_at: datetime | None = None
