"""Commands: what a user asks of the ledger, as it is kept on LEDGER for good."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from market.ledger.transaction import Kind

MAX_PORTFOLIOS = 100
MAX_SYMBOLS = 10_000
MAX_TRANSACTIONS = 250_000
MAX_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Fields:
    """A transaction as it was asked for; None where it was left out.

    `symbol` is `VENUE:SYMBOL` and `currency` that of its listing, as the gateway found both in the directory; where
    only cash moves `currency` is what the request said, if anything.
    """

    kind: Kind | None = None
    symbol: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    commission: Decimal | None = None
    executed_at: datetime | None = None
    note: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of an imported file; lines count from 1 and rise."""

    line: int
    fields: Fields


@dataclass(frozen=True, slots=True)
class Create:
    """Open a portfolio in one currency (ISO 4217)."""

    name: str
    currency: str


@dataclass(frozen=True, slots=True)
class Rename:
    """Give a portfolio another name."""

    portfolio: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Close a portfolio; nothing more is recorded in it or read from it."""

    portfolio: UUID


@dataclass(frozen=True, slots=True)
class Record:
    """Enter one transaction."""

    portfolio: UUID
    fields: Fields


@dataclass(frozen=True, slots=True)
class Correct:
    """Put a transaction in the place of another, or nothing (`fields` is None: void it).

    Fields that are left out stay as they were.
    """

    portfolio: UUID
    transaction: UUID
    fields: Fields | None


@dataclass(frozen=True, slots=True)
class Import:
    """Enter all rows of a file, or none."""

    portfolio: UUID
    rows: tuple[Row, ...]


Action = Create | Rename | Delete | Record | Correct | Import


@dataclass(frozen=True, slots=True)
class Command:
    """An action with who asked for it, when, and under which key.

    `digest` is blake2b of the request as it was sent, 32 bytes: another one under the same id is refused. `reply` is
    the NATS subject that waits for the answer, "" where nobody does.
    """

    id: UUID
    user: UUID
    received_at: datetime
    action: Action
    digest: bytes = field(default=bytes(32), repr=False)
    reply: str = ""
