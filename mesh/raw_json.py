"""Putting money, percentages and other numbers as JSON, in compiled code. Pure."""

import numpy as np
import numpy.typing as npt

from market.compiled import compiled, inlined
from market.portfolio.valuation import MOST_PARTS, PERCENT_PARTS
from mesh.raw import put, put_byte, put_digits, put_fixed

Bytes = npt.NDArray[np.uint8]

_QUOTE, _POINT, _MINUS, _ZERO = b'".-0'
_DASH, _T, _COLON, _Z = b"-T:Z"


def text_bytes(text: str) -> Bytes:
    """Give a text as `put_text` takes it."""
    return np.frombuffer(text.encode(), np.uint8).copy()


_NULL = text_bytes("null")


@inlined
def put_text(text: Bytes, out: Bytes, at: int) -> int:
    """Put a whole text; return where it ends."""
    return put(text, 0, len(text), out, at)


@compiled
def put_money(minor: int, decimals: int, is_known: bool, out: Bytes, at: int) -> int:
    """Put an amount as a JSON string, or null."""
    if not is_known:
        return put_text(_NULL, out, at)
    at = put_minor(minor, decimals, out, put_byte(_QUOTE, out, at))
    return put_byte(_QUOTE, out, at)


@inlined
def put_minor(minor: int, decimals: int, out: Bytes, at: int) -> int:
    """Put an amount in minor units as `market.portfolio.money.money_text` writes it."""
    if minor < 0:
        at, minor = put_byte(_MINUS, out, at), -minor
    return put_fixed(minor, decimals, out, at)


@compiled
def put_percent(part: int, whole: int, is_known: bool, out: Bytes, at: int) -> int:
    """Put what `market.portfolio.valuation.percent` gives, by the same steps."""
    if not is_known or whole <= 0:
        return put_text(_NULL, out, at)
    found = float(part) * PERCENT_PARTS * 100 / float(whole)
    return put_decimal(int(np.rint(found)) if abs(found) <= MOST_PARTS else 0, 4, abs(found) <= MOST_PARTS, out, at)


@inlined
def put_decimal(value: int, decimals: int, is_known: bool, out: Bytes, at: int) -> int:
    """Put a number with so many decimals, one at least, without zeros at its end, or null."""
    if not is_known:
        return put_text(_NULL, out, at)
    at = put_minor(value, decimals, out, at)
    while out[at - 1] == _ZERO:
        at -= 1
    return at - 1 if out[at - 1] == _POINT else at


@compiled
def put_instant(at_ns: int, out: Bytes, at: int) -> int:
    """Put a time from 1970 on as `market.portfolio.valuation.instant` writes it: `2026-11-22T10:28:14.123Z`."""
    ms, days = at_ns // 1_000_000 % 86_400_000, at_ns // 86_400_000_000_000
    year, month, day = _date(days)
    at = put_byte(_DASH, out, put_digits(year, 4, out, at))
    at = put_byte(_DASH, out, put_digits(month, 2, out, at))
    at = put_byte(_T, out, put_digits(day, 2, out, at))
    at = put_byte(_COLON, out, put_digits(ms // 3_600_000, 2, out, at))
    at = put_byte(_COLON, out, put_digits(ms // 60_000 % 60, 2, out, at))
    at = put_byte(_POINT, out, put_digits(ms // 1000 % 60, 2, out, at))
    return put_byte(_Z, out, put_digits(ms % 1000, 3, out, at))


@compiled
def _date(days: int) -> tuple[int, int, int]:
    """Give year, month and day; years begin in March here, so that a leap day is their last.

    https://howardhinnant.github.io/date_algorithms.html#civil_from_days
    """
    era, of_era = divmod(days + 719_468, 146_097)
    of_years = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * of_years + of_years // 4 - of_years // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return era * 400 + of_years + (month <= 2), month, day
