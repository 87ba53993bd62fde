"""How `make test` shares the tests out among its workers: a plugin of pytest, named there beside `-n`."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

MARKET = "look at one running market, which is started once"
STACKS = "start stacks, each of which takes the usual ports where they are free"
SERVERS = "start servers of their own in that folder"
COMPILED = "have the same functions compiled, which no other test needs"
# What goes to one worker, and why: tests that …
TOGETHER = {
    "tests/integration/gateway/test_serving_": SERVERS,
    "tests/integration/gateway/": MARKET,
    "tests/e2e/": STACKS,
    "tests/integration/infra/test_local_stack.py": STACKS,
    "tests/unit/bench/": COMPILED,
}
# Compile everything between them, in some ten seconds where nothing has been compiled yet; the first sees it work, too.
COMPILING = ("tests.unit.gateway.test_compiled_ahead", "tests.compiled_ahead")
COMPILED_WITHIN_S = 180
# The tests that cover `market`. Tracing the others, too, takes time and shows nothing: what they prove runs elsewhere.
COVERING = ("tests/unit/", "tests/property/")
# What takes long comes first: short files even out the end.
LONGEST_FIRST = (
    "tests/integration/gateway/",
    "tests/e2e/",
    "tests/faults/",
    "tests/integration/",
    "tests/conformance/",
    "",
)


class Shares(LoadScopeScheduling):
    """Gives a worker whole files, so that what a module shares is made once, and at once what stays together."""

    def _split_scope(self, nodeid: str) -> str:
        reasons = (reason for prefix, reason in TOGETHER.items() if nodeid.startswith(prefix))
        return next(reasons, nodeid.partition("::")[0])


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile once, before the workers: else every process that they start first does, all at the same time."""
    if not hasattr(session.config, "workerinput"):
        compile_all()


def compile_all() -> None:
    """Compile in as many processes at once as there are things to compile that have nothing in common."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(_compile, COMPILING))


def _compile(module: str) -> None:
    root, command = Path(__file__).parents[1], (sys.executable, "-m", module)
    subprocess.run(command, cwd=root, stdout=subprocess.DEVNULL, timeout=COMPILED_WITHIN_S, check=True)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Shares:
    """Share the tests out in the order in which they were found."""
    config.option.loadscopereorder = False
    return Shares(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the folders that take long before the others; have lines counted only where they are to be covered."""
    items.sort(key=lambda item: next(at for at, folder in enumerate(LONGEST_FIRST) if item.nodeid.startswith(folder)))
    for item in items:
        if not item.nodeid.startswith(COVERING):
            item.add_marker("no_cover")
