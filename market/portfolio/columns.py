"""Columns that grow by a little at a time, so that little of them is ever spare."""

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Column = TypeVar("Column", bound=np.generic)


def enough(size: int) -> int:
    """Say how long to make a column that has to hold `size` and may have to hold more."""
    return size + size // 64


def sized(column: npt.NDArray[Column], size: int) -> npt.NDArray[Column]:
    """Copy a column into one of `size`, which is not less; what is new is zero."""
    larger: npt.NDArray[Any] = np.zeros((size, *column.shape[1:]), column.dtype)
    larger[: len(column)] = column
    return larger
