"""Doubles as decimal text that reads back as the same double, in compiled code. Pure."""

import numpy as np

from market.compiled import compiled
from mesh.raw import Bytes, put, put_byte, put_digits

_NULL = np.frombuffer(b"null", np.uint8).copy()
_MINUS, _POINT = map(ord, "-.")
_TENS = 10.0 ** np.arange(9)
_SHORT = 1e15  # a whole number of the last decimals below this is exact
_LEAST, _MOST = 1e-3, 1e15
_SIGNIFICANT = 17  # digits are enough for any double
_POWERS = np.array([10**power for power in range(20)], np.uint64)
_FRACTION_BITS = 62  # the last bit of a double of 0.001 or more counts 2 to the -62 or more
_LOW_32 = np.uint64(0xFFFF_FFFF)


@compiled
def put_decimal(value: float, out: Bytes, at: int) -> int:
    """Put a number with as few decimals as tell it, or 17 digits; `null` for NaN; return where it ends.

    Returns less than 0 for what is not 0 and below 0.001, or 1e15 and more, without its sign.
    """
    if np.isnan(value):
        return put(_NULL, 0, 4, out, at)
    if value < 0:
        at, value = put_byte(_MINUS, out, at), -value
    if value >= _MOST or 0 < value < _LEAST:
        return -1
    for decimals in range(len(_TENS)):
        scaled = np.rint(value * _TENS[decimals])
        # Dividing two exact doubles rounds once: whoever reads these digits, rounds to the very same.
        if scaled < _SHORT and scaled / _TENS[decimals] == value:
            whole, rest = divmod(int(scaled), int(_TENS[decimals]))
            return _put_parts(whole, rest, max(1, decimals), out, at)
    return _put_all_digits(value, out, at)


@compiled
def _put_parts(whole: int, rest: int, decimals: int, out: Bytes, at: int) -> int:
    at = put_byte(_POINT, out, put_digits(whole, 1, out, at))
    return put_digits(rest, decimals, out, at)


@compiled
def _put_all_digits(value: float, out: Bytes, at: int) -> int:
    whole = int(value)
    decimals = _SIGNIFICANT
    if whole:
        left = whole
        while left:
            decimals, left = decimals - 1, left // 10
    else:
        first = 0.1
        while value < first:
            decimals, first = decimals + 1, first / 10
    fraction = np.uint64((value - whole) * 2.0**_FRACTION_BITS)
    rest = _scaled(fraction, _POWERS[decimals])
    if rest == _POWERS[decimals]:
        return _put_parts(whole + 1, 0, decimals, out, at)
    return _put_parts(whole, int(np.int64(rest)), decimals, out, at)


@compiled
def _scaled(fraction: np.uint64, power: np.uint64) -> np.uint64:
    """Multiply 62 bits of a fraction by a power of ten, and round: a product of 126 bits, from four of 64."""
    bits = np.uint64(32)
    low_low = (fraction & _LOW_32) * (power & _LOW_32)
    low_high = (fraction & _LOW_32) * (power >> bits)
    high_low = (fraction >> bits) * (power & _LOW_32)
    middle = (low_low >> bits) + (low_high & _LOW_32) + (high_low & _LOW_32)
    high = (fraction >> bits) * (power >> bits) + (low_high >> bits) + (high_low >> bits) + (middle >> bits)
    low = (middle << bits) | (low_low & _LOW_32)
    return (high << np.uint64(2)) + (low >> np.uint64(62)) + ((low >> np.uint64(61)) & np.uint64(1))
