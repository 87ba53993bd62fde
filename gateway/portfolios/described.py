"""What the OpenAPI page says of the routes of portfolios: their answers and refusals."""

from typing import Annotated, Any

import msgspec
from litestar.openapi import ResponseSpec
from msgspec import Meta

from gateway.problems import ProblemDocument

Responses = dict[int, ResponseSpec]
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


class Pending(msgspec.Struct):
    """A command that is durable and will be carried out, once."""

    command: Annotated[str, Meta(description="Its answer will be at `/commands/{command}`.")]
    status: Annotated[str, Meta(description="Always pending.")]


_PROBLEM = "application/problem+json"
_REFUSALS = {
    400: "`malformed_body` or `invalid_idempotency_key`",
    401: "`token_missing`, or what is wrong with the token",
    404: "`unknown_portfolio`: there is none, or it is another user's",
    409: "what is held or recorded stands against it: see docs/portfolios.md",
    413: "`body_too_large`",
    415: "`unsupported_media_type`",
    422: "`invalid_field`, `idempotency_mismatch`, or another of docs/portfolios.md: `field` names what to change",
    503: "try again after `Retry-After` seconds; a command with the same `Idempotency-Key`",
    507: "`ledger_full`: nothing was recorded",
}
_READ = (400, 401, 404, 422, 503)


def reads(answer: type | None = None) -> Responses:
    """Describe a route that only reads."""
    return _refusals(*_READ) | (
        {} if answer is None else {200: ResponseSpec(answer, generate_examples=False, description="What was asked for")}
    )


def commands(status: int, answer: type | None, *, tries: bool = False) -> Responses:
    """Describe a route that gives a command to the ledger, or only `tries` what it would come to."""
    found = {
        status: ResponseSpec(answer, generate_examples=False, description="It was carried out"),
        202: ResponseSpec(Pending, description="It will be carried out, once: look at `Location` for the answer"),
    }
    if tries:
        found[200] = ResponseSpec(
            dict[str, Any], generate_examples=False, description="With `dry_run`: what it would come to"
        )
    return _refusals(*_REFUSALS) | found


def _refusals(*statuses: int) -> Responses:
    return {
        status: ResponseSpec(ProblemDocument, description=_REFUSALS[status], media_type=_PROBLEM) for status in statuses
    }
