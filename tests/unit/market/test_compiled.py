"""Compiled functions where the result cannot be kept."""

from collections.abc import Callable
from typing import cast

from market.compiled import compiled
from tests.compiling import times_compiled


def test_a_function_without_a_file_is_compiled_all_the_same() -> None:
    namespace: dict[str, object] = {}
    exec("def doubled(value):\n    return 2 * value", namespace)  # noqa: S102  # a function that no file holds
    doubled = compiled(cast(Callable[[int], int], namespace["doubled"]))
    assert doubled(21) == 42
    assert times_compiled(doubled) == 1
