"""All that the processes of the tests have compiled is compiled before they start: none waits, none does it again."""

import importlib
import pkgutil
from pathlib import Path

from numba.core.dispatcher import Dispatcher

import gateway
import market
import mesh
from tests.shares import compile_all


def compiled_functions() -> set[Dispatcher]:
    """List the functions of the platform whose compiled code is kept beside their modules."""
    modules = [
        importlib.import_module(each.name)
        for package in (gateway, market, mesh)
        for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not each.name.endswith("__main__")
    ]
    values = [value for module in modules for value in vars(module).values()]
    return {value for value in values if isinstance(value, Dispatcher) and value.stats.cache_path}


def is_kept(function: Dispatcher) -> bool:
    """Tell whether there is compiled code of it for processes to come."""
    name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"
    return any(Path(function.stats.cache_path).glob(f"{name}-{function.__code__.co_firstlineno}.*.nbi"))


def test_all_that_is_compiled_is_compiled_ahead() -> None:
    compile_all()
    functions = compiled_functions()
    assert len(functions) > 30
    assert [each.__qualname__ for each in functions if not is_kept(each)] == []
