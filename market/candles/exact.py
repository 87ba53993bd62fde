"""Exact sums: a number is whole units and nano units, two integers, so that adding knows no order."""

import math

import numpy as np
import numpy.typing as npt

from market.compiled import compiled

NANOS = 1_000_000_000

I8 = npt.NDArray[np.int64]
F8 = npt.NDArray[np.float64]


def split(values: F8) -> tuple[I8, I8 | None]:
    """Cut values, at least 0, into whole units and the nearest nano units, 0 to 1e9; None where all are whole."""
    whole = np.floor(values)
    rest = values - whole
    if not rest.any():
        return whole.astype(np.int64), None
    rest *= NANOS
    return whole.astype(np.int64), np.rint(rest, out=rest).astype(np.int64)


@compiled
def parts(value: float) -> tuple[int, int]:
    """Cut one value as `split` cuts many."""
    whole = math.floor(value)
    return whole, round((value - whole) * NANOS)


def carry(whole: I8, nano: I8) -> tuple[I8, I8]:
    """Bring nano units below 1e9 by moving whole ones over."""
    over = nano // NANOS
    return whole + over, nano - over * NANOS
