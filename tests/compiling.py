"""What compiled functions were before, and how often they were compiled."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from numba.core.dispatcher import Dispatcher

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def as_python(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Give the function as Python runs it."""
    return cast(Callable[_Arguments, _Result], cast(Dispatcher, function).py_func)


def times_compiled(function: Callable[..., object]) -> int:
    """Count the kinds of arguments for which a function was compiled."""
    return len(cast(Dispatcher, function).signatures)
