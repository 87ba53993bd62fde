"""Transactions: immutable entries of a portfolio, and the order in which they take effect."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from market.ledger.decimals import ZERO, product


class Kind(StrEnum):
    """What a transaction is."""

    BUY = "BUY"
    SELL = "SELL"
    DIVIDEND = "DIVIDEND"
    SPLIT = "SPLIT"
    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    FEE = "FEE"

    @property
    def has_symbol(self) -> bool:
        """Whether it is about an instrument; the others move cash alone."""
        return self not in CASH_KINDS

    @property
    def has_commission(self) -> bool:
        """Whether something is kept back from it: a trade's commission, a dividend's tax."""
        return self in PAID_KINDS

    @property
    def depends_on_order(self) -> bool:
        """Whether its effect on a holding depends on what was before; all others only add."""
        return self in ORDERED_KINDS


CASH_KINDS = frozenset({Kind.DEPOSIT, Kind.WITHDRAWAL, Kind.FEE})
PAID_KINDS = frozenset({Kind.BUY, Kind.SELL, Kind.DIVIDEND})
ORDERED_KINDS = frozenset({Kind.BUY, Kind.SELL, Kind.SPLIT})


@dataclass(frozen=True, slots=True)
class Transaction:
    """One entry of a portfolio; it never changes, and a correction is another that names it in `corrects`.

    `quantity` is shares (BUY, SELL, DIVIDEND), the ratio (SPLIT: 4 for 4-for-1) or 1; `price` is per share, 0 for a
    SPLIT, the amount itself for a DEPOSIT, WITHDRAWAL or FEE. `symbol` is `VENUE:SYMBOL`, or "" where only cash moves.
    `sequence` is that of its command on LEDGER, `line` that of its row in an imported file, else 0. A correction takes
    the place of what it corrects, and of what that corrected: `place_sequence` and `place_line` are those of the first.
    `void` says that nothing stands in this place: the other fields are those of what was withdrawn.
    """

    id: UUID
    kind: Kind
    symbol: str
    quantity: Decimal
    price: Decimal
    commission: Decimal
    executed_at: datetime
    recorded_at: datetime
    sequence: int
    line: int
    place_sequence: int
    place_line: int
    corrects: UUID | None = None
    void: bool = False
    note: str = ""

    @property
    def place(self) -> tuple[datetime, int, int]:
        """Its key in the effective order, unique among those that take effect."""
        return self.executed_at, self.place_sequence, self.place_line

    @property
    def amount(self) -> Decimal:
        """Quantity times price, rounded once: what was paid or received before the commission."""
        return product(self.quantity, self.price)

    @property
    def cash(self) -> Decimal:
        """What it adds to the portfolio's cash, negative where it takes some."""
        match self.kind:
            case Kind.BUY:
                return -(self.amount + self.commission)
            case Kind.SELL | Kind.DIVIDEND:
                return self.amount - self.commission
            case Kind.DEPOSIT:
                return self.amount
            case Kind.WITHDRAWAL | Kind.FEE:
                return -self.amount
            case _:
                return ZERO


def effective(transactions: Iterable[Transaction]) -> list[Transaction]:
    """Leave out what was corrected or voided, and sort the rest by the order in which they take effect."""
    given = list(transactions)
    corrected = {each.corrects for each in given}
    return sorted((each for each in given if not each.void and each.id not in corrected), key=lambda each: each.place)
