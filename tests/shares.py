"""How `make test` shares the tests out among its workers: a plugin of pytest, named there beside `-n`."""

import subprocess
import sys
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

MARKET = "look at one running market, which is started once"
STACKS = "start stacks, each of which takes the usual ports where they are free"
# What goes to one worker, and why: tests that …
TOGETHER = {
    "tests/integration/gateway/": MARKET,
    "tests/e2e/": STACKS,
    "tests/integration/infra/test_local_stack.py": STACKS,
}
# Builds what is compiled and sees it work, in some ten seconds where nothing has been compiled yet.
COMPILE = (sys.executable, "-m", "tests.unit.gateway.test_compiled_ahead")
COMPILED_WITHIN_S = 180
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
        root = Path(__file__).parents[1]
        subprocess.run(COMPILE, cwd=root, stdout=subprocess.DEVNULL, timeout=COMPILED_WITHIN_S, check=True)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Shares:
    """Share the tests out in the order in which they were found."""
    config.option.loadscopereorder = False
    return Shares(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the folders that take long before the others."""
    items.sort(key=lambda item: next(at for at, folder in enumerate(LONGEST_FIRST) if item.nodeid.startswith(folder)))
