"""Fields of a transaction as users write them: read from text, completed, and checked against each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from market.ledger.commands import Fields
from market.ledger.decimals import MAX_PRICE, MAX_QUANTITY, MAX_TOTAL, ONE, UNIT, ZERO, parse, product, text
from market.ledger.holding import NEVER
from market.ledger.times import parse_time, time_text
from market.ledger.transaction import PAID_KINDS, Kind, Transaction
from market.refusal import Refused, invalid
from market.symbols import SymbolError, SymbolKey

MAX_NOTE_CHARACTERS = 200
FUTURE = timedelta(seconds=60)

_KINDS = ", ".join(Kind)


@dataclass(frozen=True, slots=True)
class Entry:
    """A transaction's own fields, complete and in bounds; see Transaction. `executed_at` None is now."""

    kind: Kind
    symbol: str
    quantity: Decimal
    price: Decimal
    commission: Decimal
    executed_at: datetime | None
    note: str


def read_fields(given: Mapping[str, str | int | Decimal | None]) -> Fields:
    """Read `type`, `symbol`, `quantity`, `price`, `commission`, `executed_at`, `note`, `currency`, where given.

    Text is stripped, and empty text is as if left out (a `note` is then ""). Raises Refused, naming the first field
    that cannot be read.
    """

    def literal(name: str) -> str | None:
        value = given.get(name)
        return None if value is None else str(value).strip()

    def number(name: str) -> Decimal | None:
        value = given.get(name)
        return None if value is None or value == "" else parse(value, name)

    executed_at = literal("executed_at")
    return Fields(
        kind=_kind(literal("type")),
        symbol=literal("symbol") or None,
        quantity=number("quantity"),
        price=number("price"),
        commission=number("commission"),
        executed_at=parse_time(executed_at, "executed_at") if executed_at else None,
        note=None if (note := literal("note")) is None else _note(note),
        currency=literal("currency") or None,
    )


def entry_of(fields: Fields) -> Entry:
    """Complete the fields of one transaction and check them, all but what only the ledger knows; raises Refused."""
    kind = fields.kind
    if kind is None:
        raise invalid("type", f"type is missing; it is one of {_KINDS}")
    if kind in PAID_KINDS:
        return _paid(kind, fields)
    return _split(fields) if kind is Kind.SPLIT else _cash(kind, fields)


def kept(fields: Fields, corrected: Transaction) -> Fields:
    """Complete a correction's fields with those of what it corrects.

    Where it changes what quantity and price mean (a purchase becomes a split or a deposit), these are not kept.
    """
    kind = fields.kind or corrected.kind
    same = _meaning(kind) == _meaning(corrected.kind)

    def number(given: Decimal | None, old: Decimal) -> Decimal | None:
        return old if given is None and same else given

    return Fields(
        kind=kind,
        symbol=fields.symbol or (corrected.symbol if kind.has_symbol else None),
        quantity=number(fields.quantity, corrected.quantity),
        price=number(fields.price, corrected.price),
        commission=number(fields.commission, corrected.commission),
        executed_at=fields.executed_at or corrected.executed_at,
        note=corrected.note if fields.note is None else fields.note,
        currency=fields.currency,
    )


def check_executed_at(executed_at: datetime, recorded_at: datetime) -> None:
    """Refuse a time before 1970 or ahead of the clock."""
    if executed_at < NEVER:
        raise invalid("executed_at", f"executed_at is {time_text(executed_at)}; the earliest is {time_text(NEVER)}")
    if executed_at > recorded_at + FUTURE:
        latest = time_text(recorded_at + FUTURE)
        raise invalid("executed_at", f"executed_at is {time_text(executed_at)}; the latest is {latest}", maximum=latest)


def is_plain(value: str) -> bool:
    """Tell whether text has no control characters and no halves of characters."""
    return not any(c < " " or "\x7f" <= c < "\xa0" or "\ud800" <= c < "\ue000" for c in value)


def _meaning(kind: Kind) -> str:
    if kind in PAID_KINDS:
        return "paid"
    return "split" if kind is Kind.SPLIT else "cash"


def _kind(literal: str | None) -> Kind | None:
    if not literal:
        return None
    try:
        return Kind(literal.upper())
    except ValueError:
        raise invalid("type", f"type {literal[:40]!r} is none of {_KINDS}") from None


def _paid(kind: Kind, fields: Fields) -> Entry:
    symbol = _symbol(fields.symbol)
    quantity = _within("quantity", fields.quantity, UNIT, MAX_QUANTITY)
    price = _within("price", fields.price, UNIT, MAX_PRICE)
    amount = product(quantity, price)
    if amount > MAX_TOTAL:
        detail = f"quantity times price is {text(amount)}; the limit is {MAX_TOTAL}"
        raise invalid("quantity", detail, maximum=str(MAX_TOTAL))
    most = amount if kind is Kind.DIVIDEND else MAX_TOTAL
    commission = _within("commission", fields.commission or ZERO, ZERO, most)
    return Entry(kind, symbol, quantity, price, commission, fields.executed_at, _note(fields.note))


def _split(fields: Fields) -> Entry:
    symbol = _symbol(fields.symbol)
    ratio = _within("quantity", fields.quantity, UNIT, MAX_QUANTITY)
    if ratio == ONE:
        raise invalid("quantity", "quantity is 1; a split's is its ratio, 4 for 4-for-1 and 0.5 for 1-for-2")
    _absent(Kind.SPLIT, price=fields.price or None, commission=fields.commission or None)
    return Entry(Kind.SPLIT, symbol, ratio, ZERO, ZERO, fields.executed_at, _note(fields.note))


def _cash(kind: Kind, fields: Fields) -> Entry:
    quantity = None if fields.quantity == ONE else fields.quantity
    _absent(kind, symbol=fields.symbol or None, quantity=quantity, commission=fields.commission or None)
    amount = _within("price", fields.price, UNIT, MAX_TOTAL)
    return Entry(kind, "", ONE, amount, ZERO, fields.executed_at, _note(fields.note))


def _symbol(symbol: str | None) -> str:
    if not symbol:
        raise invalid("symbol", "symbol is missing")
    try:
        return str(SymbolKey.parse(symbol))
    except SymbolError as error:
        raise invalid("symbol", str(error)) from None


def _within(field: str, value: Decimal | None, least: Decimal, most: Decimal) -> Decimal:
    bounds = {"minimum": text(least), "maximum": text(most)}
    if value is None:
        raise invalid(field, f"{field} is missing", **bounds)
    if not least <= value <= most:
        raise invalid(field, f"{field} is {text(value)}; it is from {text(least)} to {text(most)}", **bounds)
    return value


def _absent(kind: Kind, **values: object) -> None:
    for field, value in values.items():
        if value is not None:
            raise invalid(field, f"{field} is given; a {kind} has none")


def _note(given: str | None) -> str:
    note = (given or "").strip()
    if len(note) > MAX_NOTE_CHARACTERS:
        detail = f"note has {len(note)} characters; the limit is {MAX_NOTE_CHARACTERS}"
        raise invalid("note", detail, maximum=MAX_NOTE_CHARACTERS)
    if not is_plain(note):
        raise invalid("note", "note holds a control character")
    return note


def check_currency(fields: Fields, currency: str) -> None:
    """Refuse a transaction in another currency than the portfolio's, and a symbol whose currency nobody looked up."""
    given = fields.currency or ("" if fields.symbol else currency)
    if given != currency:
        what = (
            f"{fields.symbol} is traded in {given or 'no known currency'}" if fields.symbol else f"currency is {given}"
        )
        field = "symbol" if fields.symbol else "currency"
        raise Refused("wrong_currency", f"{what}; the portfolio is in {currency}", field=field, currency=currency)
