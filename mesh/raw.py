"""Reading and putting bytes, in compiled code. Pure."""

from collections.abc import Callable
from typing import cast

import numba
import numpy as np
import numpy.typing as npt

from market.compiled import compiled, inlined

Bytes = npt.NDArray[np.uint8]

_TEN, _ZERO = np.uint64(10), np.uint8(ord("0"))
_ONE = np.uintp(1)
_POINT = ord(".")
_MOST_DIGITS = 19  # of a value; the next power of ten is beyond it
_POWERS = np.array([10**digits for digits in range(_MOST_DIGITS)], np.int64)

# The C library's: void *memcpy(void *, const void *, size_t). A loop would look at every index for its sign.
_SIGNATURE = numba.types.uintp(*[numba.types.uintp] * 3)
_memcpy = cast(Callable[[int, int, int], int], numba.types.ExternalFunction("memcpy", _SIGNATURE))


@inlined
def put(source: Bytes, start: int, length: int, target: Bytes, at: int) -> int:
    """Copy so many bytes of one contiguous array into another; return where they end. Nothing is checked."""
    _memcpy(target.ctypes.data + at, source.ctypes.data + start, length)
    return at + length


@inlined
def put_byte(byte: int, target: Bytes, at: int) -> int:
    """Put one byte; return where it ends."""
    target[at] = byte
    return at + 1


@inlined
def put_big_endian(value: int, width: int, target: Bytes, at: int) -> int:
    """Put an integer that is not negative, in so many bytes, big end first; return where they end."""
    for place in range(width):
        target[at + width - 1 - place] = (value >> (8 * place)) & 0xFF
    return at + width


@inlined
def put_digits(value: int, least: int, target: Bytes, at: int) -> int:
    """Put an integer that is not negative in decimal digits, `least` of them or more; return where they end."""
    end = at + max(_digits(value), least)
    _put_last(np.uint64(value), target, at, end)
    return end


@inlined
def put_fixed(value: int, decimals: int, target: Bytes, at: int) -> int:
    """Put an integer that is not negative, its last `decimals` digits behind a point: 105 with two is `1.05`."""
    if not decimals:
        return put_digits(value, 1, target, at)
    point = at + max(_digits(value) - decimals, 1)
    end = point + 1 + decimals
    whole = _put_last(np.uint64(value), target, point + 1, end)
    target[point] = _POINT
    _put_last(whole, target, at, point)
    return end


@inlined
def _digits(value: int) -> int:
    digits = 1
    while digits < _MOST_DIGITS and _POWERS[digits] <= value:
        digits += 1
    return digits


@inlined
def _put_last(value: np.uint64, target: Bytes, first: int, end: int) -> np.uint64:
    """Put a number's last digits, as many as there are places; return the number without them.

    What cannot be negative, value or index, takes a third of the time.
    """
    start, place = np.uintp(first), np.uintp(end)
    while place > start:
        place -= _ONE
        tens = value // _TEN
        target[place] = _ZERO + np.uint8(value - tens * _TEN)
        value = tens
    return value


@compiled
def read_big_endian(source: Bytes, at: int, width: int) -> int:
    """Read an integer of so many bytes, 8 at most, big end first."""
    value = 0
    for place in range(width):
        value = (value << 8) | int(source[at + place])
    return value
