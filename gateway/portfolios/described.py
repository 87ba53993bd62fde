"""What the OpenAPI page says of the routes of portfolios: their answers and refusals."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from gateway.commanding.described import Described

Amount = Annotated[str, Meta(description="A decimal as text.", examples=["12.5"])]


class Opened(msgspec.Struct):
    """A portfolio, without what it holds."""

    id: str
    name: str
    currency: str
    created_at: str
    revision: Annotated[int, Meta(description="Rises with each change.")]


class Recorded(msgspec.Struct):
    """A transaction on record; what its type does not have is null."""

    id: str
    type: str
    symbol: str | None
    quantity: Amount | None
    price: Amount | None
    commission: Amount | None
    amount: Annotated[str | None, Meta(description="Quantity x price.")]
    cash: Annotated[str, Meta(description="What it adds to cash.")]
    executed_at: str
    recorded_at: str
    corrects: Annotated[str | None, Meta(description="The transaction whose place it takes.")]
    void: bool
    note: str
    revision: int


class RecordedPage(msgspec.Struct):
    """Transactions, newest first."""

    transactions: list[Recorded]
    next: Annotated[str | None, Meta(description="The `before` of the next page; null on the last.")]


class Imported(msgspec.Struct):
    """A file that was entered whole."""

    rows: int
    problems: list[Any]
    revision: int


described = Described(
    {
        404: "`unknown_portfolio`: there is none, or it is another user's",
        409: "what is held or recorded stands against it: see docs/portfolios.md",
        422: "`invalid_field`, `idempotency_mismatch`, or another of docs/portfolios.md: `field` names what to change",
        507: "`ledger_full`: nothing was recorded",
    }
)
