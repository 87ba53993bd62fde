"""Decimals of the ledger: at most 8 places, bounded so that units of 1e-8 fit int64, never through a float.

Sums and differences of such numbers are exact in Python's standard context (28 digits). Products and quotients are
not: they are taken here, with digits to spare, and rounded once, half to even.
"""

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal

from market.refusal import Refused, invalid

PLACES = 8
UNIT = Decimal("1e-8")
ZERO = Decimal(0)
ONE = Decimal(1)
MAX_QUANTITY = Decimal(10_000_000_000)
MAX_PRICE = Decimal(100_000_000)
MAX_TOTAL = Decimal(90_000_000_000)

_DIGITS = Context(prec=80, rounding=ROUND_HALF_EVEN)
_LITERAL = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,2})?", re.ASCII)


def parse(value: str | int | Decimal, field: str) -> Decimal:
    """Read a number as it was written; raises Refused, naming `field`, where it has more than 8 decimals or is none."""
    literal = str(value).strip()
    if isinstance(value, bool) or not _LITERAL.fullmatch(literal):
        raise invalid(field, f"{field} {literal[:40]!r} is not a decimal number")
    number = Decimal(literal)
    if abs(number) > MAX_TOTAL:
        raise invalid(field, f"{field} is {literal[:40]}; the limit is {MAX_TOTAL}", maximum=str(MAX_TOTAL))
    rounded = round_to_units(number)
    if rounded != number:
        raise invalid(field, f"{field} is {literal[:60]}; at most {PLACES} decimals are kept", decimals=PLACES)
    return rounded + ZERO


def text(value: Decimal) -> str:
    """Write a number in plain notation: no exponent, no trailing zeros, no negative zero."""
    return format(value.normalize(_DIGITS), "f") if value else "0"


def round_to_units(value: Decimal) -> Decimal:
    """Round to 8 decimals, half to even."""
    return value.quantize(UNIT, context=_DIGITS)


def product(left: Decimal, right: Decimal) -> Decimal:
    """Multiply and round once."""
    return round_to_units(_DIGITS.multiply(left, right))


def share(whole: Decimal, part: Decimal, of: Decimal) -> Decimal:
    """Give `whole * part / of`, rounded once: the quotient has digits enough never to look like a tie."""
    return round_to_units(_DIGITS.divide(_DIGITS.multiply(whole, part), of))


def check_total(name: str, value: Decimal) -> None:
    """Refuse a sum that the ledger cannot hold."""
    if abs(value) > MAX_TOTAL:
        detail = f"{name} would be {text(value)}; the limit is {MAX_TOTAL} either way"
        raise Refused("out_of_bounds", detail, 409, total=name, maximum=str(MAX_TOTAL))
