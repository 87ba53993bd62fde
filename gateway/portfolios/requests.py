"""What requests about portfolios hold, read into the ledger's own words. Pure."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from gateway.commanding.answers import refusing
from gateway.problems import Problem, invalid_field
from gateway.upstream import UnknownSymbolError
from market.instrument import Instrument
from market.ledger.commands import Create, Fields, Rename
from market.ledger.decide import check_code, read_name
from market.ledger.fields import read_fields
from market.ledger.transaction import Kind
from market.refusal import Refused, invalid
from market.symbols import SymbolError

MAX_FILE_BYTES = 700_000  # of 5,000 lines; as a command it must fit into one message

Find = Callable[[str], Instrument]
"""Finds an instrument by its name; raises SymbolError and UnknownSymbolError."""

Number = Annotated[msgspec.Raw, Meta(description='A number, or the same as text: "12.5". At most 8 decimals.')]
"""As it was written; absent where it is empty."""

Time = Annotated[str, Meta(description="ISO 8601 with a zone; now, where it is left out.")]


class NewPortfolio(msgspec.Struct, forbid_unknown_fields=True):
    """A portfolio to open."""

    name: Annotated[str, Meta(description="1 to 80 characters, no other of your portfolios' own.")]
    currency: Annotated[str, Meta(description="ISO 4217; all of its money is in this one.", examples=["USD"])] = "USD"


class NewName(msgspec.Struct, forbid_unknown_fields=True):
    """What a portfolio is to be called."""

    name: str


class Entry(msgspec.Struct, forbid_unknown_fields=True):
    """A transaction to record. Which fields it has depends on its type."""

    type: Annotated[str | None, Meta(description=f"One of {', '.join(Kind)}.", examples=["BUY"])] = None
    symbol: str | None = None
    quantity: Number = msgspec.field(default_factory=msgspec.Raw)
    price: Number = msgspec.field(default_factory=msgspec.Raw)
    commission: Number = msgspec.field(default_factory=msgspec.Raw)
    executed_at: Time | None = None
    currency: str | None = None
    note: str | None = None


class Correction(Entry, forbid_unknown_fields=True):
    """What is to stand in the place of a transaction; what is left out stays. `void` puts nothing there."""

    void: bool = False


def opening(asked: NewPortfolio) -> Create:
    """Read what is to be opened; raises Problem."""
    with refusing():
        check_code(asked.currency)
        return Create(read_name(asked.name), asked.currency)


def renaming(portfolio: UUID, asked: NewName) -> Rename:
    """Read what a portfolio is to be called; raises Problem."""
    with refusing():
        return Rename(portfolio, read_name(asked.name))


def fields_of(entry: Entry, find: Find) -> Fields:
    """Read an entry; raises Problem, naming the field and what it may be."""
    given = {field: _written(getattr(entry, field)) for field in Entry.__struct_fields__}
    with refusing():
        fields = read_fields(given)
        if fields.currency is not None:
            check_code(fields.currency)
        return with_listing(fields, find)


def correction_of(asked: Correction, find: Find) -> Fields | None:
    """Read what is to stand in a transaction's place, None for nothing; raises Problem."""
    if not asked.void:
        return fields_of(asked, find)
    for field in Entry.__struct_fields__:
        if _written(getattr(asked, field)) is not None:
            raise invalid_field(field, "is not given where `void` is true")
    return None


def named(symbol: str, find: Find) -> str:
    """Name a symbol in full; one that is listed no more stays as it is written. Raises Problem."""
    try:
        return str(find(symbol).listing.key)
    except SymbolError as error:
        raise invalid_field("symbol", str(error)) from None
    except UnknownSymbolError:
        return symbol


def _written(value: str | msgspec.Raw | None) -> str | None:
    """Give a value as text; a number has the digits that were sent."""
    if not isinstance(value, msgspec.Raw):
        return value
    literal = bytes(value)
    if literal in {b"", b"null"}:
        return None
    return msgspec.json.decode(literal, type=str) if literal.startswith(b'"') else literal.decode()


def with_listing(fields: Fields, find: Find) -> Fields:
    """Name the symbol in full, and the currency that it is traded in; raises Refused."""
    if fields.symbol is None:
        return fields
    try:
        listing = find(fields.symbol).listing
    except SymbolError as error:
        raise invalid("symbol", str(error)) from None
    except UnknownSymbolError as error:
        raise Refused("unknown_symbol", str(error), field="symbol") from None
    if fields.currency is not None and fields.currency != listing.currency:
        detail = f"{listing.key} is traded in {listing.currency}"
        raise Refused("wrong_currency", detail, field="currency", currency=listing.currency)
    return replace(fields, symbol=str(listing.key), currency=listing.currency)


def unknown_portfolio() -> Problem:
    """Say that there is no such portfolio, in the same words whether it is another user's or nobody's."""
    return Problem(404, "unknown_portfolio", "there is no such portfolio")


def unknown_transaction() -> Problem:
    """Say that a portfolio has no such transaction."""
    return Problem(404, "unknown_transaction", "the portfolio has no such transaction")


def read_day(text: str, field: str) -> date:
    """Read a date; raises Problem."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise invalid_field(field, "a date, as 2026-03-29") from None
