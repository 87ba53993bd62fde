"""Functions over arrays that are compiled to machine code, for what is done once per row, subscription or frame.

Such a function reads like any other and takes arrays, numbers and tuples of them. It is compiled when it is first
called, which takes seconds, and kept beside its module or in the user's cache folder, which makes that milliseconds.
So whoever has one calls it once, on nothing, before anybody waits for it.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def compiled(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Compile a function, and keep the result for the next start where there is a place for it."""
    try:
        return cast(Callable[_Arguments, _Result], numba.njit(cache=True)(function))
    except RuntimeError:  # installed where nothing may be written, for a user without a home
        return cast(Callable[_Arguments, _Result], numba.njit(function))


def inlined(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Compile a function into whoever calls it: handing over an array costs more than to put a number does."""
    return cast(Callable[_Arguments, _Result], numba.njit(forceinline=True)(function))
