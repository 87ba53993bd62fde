"""Reading and putting bytes, in compiled code. Pure."""

from collections.abc import Callable
from typing import cast

import numba
import numpy as np
import numpy.typing as npt

from market.compiled import compiled

Bytes = npt.NDArray[np.uint8]

_TEN, _ZERO = np.uint64(10), np.uint8(ord("0"))
_MOST_DIGITS = 19  # of a value; the next power of ten is beyond it

# The C library's: void *memcpy(void *, const void *, size_t). A loop would look at every index for its sign.
_SIGNATURE = numba.types.uintp(*[numba.types.uintp] * 3)
_memcpy = cast(Callable[[int, int, int], int], numba.types.ExternalFunction("memcpy", _SIGNATURE))


@compiled
def put(source: Bytes, start: int, length: int, target: Bytes, at: int) -> int:
    """Copy so many bytes of one contiguous array into another; return where they end. Nothing is checked."""
    _memcpy(target.ctypes.data + at, source.ctypes.data + start, length)
    return at + length


@compiled
def put_byte(byte: int, target: Bytes, at: int) -> int:
    """Put one byte; return where it ends."""
    target[at] = byte
    return at + 1


@compiled
def put_big_endian(value: int, width: int, target: Bytes, at: int) -> int:
    """Put an integer that is not negative, in so many bytes, big end first; return where they end."""
    for place in range(width):
        target[at + width - 1 - place] = (value >> (8 * place)) & 0xFF
    return at + width


@compiled
def put_digits(value: int, least: int, target: Bytes, at: int) -> int:
    """Put an integer that is not negative in decimal digits, `least` of them or more; return where they end."""
    digits, power = 1, 10
    while power <= value and digits < _MOST_DIGITS:
        digits, power = digits + 1, power * 10
    digits = max(digits, least)
    rest = np.uint64(value)  # divided three times as fast as what may be negative
    for place in range(at + digits - 1, at - 1, -1):
        tens = rest // _TEN
        target[place] = _ZERO + np.uint8(rest - tens * _TEN)
        rest = tens
    return at + digits


@compiled
def read_big_endian(source: Bytes, at: int, width: int) -> int:
    """Read an integer of so many bytes, 8 at most, big end first."""
    value = 0
    for place in range(width):
        value = (value << 8) | int(source[at + place])
    return value
