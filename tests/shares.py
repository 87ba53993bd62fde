"""How `make test` shares the tests out among its workers: a plugin of pytest, named there beside `-n`."""

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


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Shares:
    """Share the tests out in the order in which they were found."""
    config.option.loadscopereorder = False
    return Shares(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the folders that take long before the others."""
    items.sort(key=lambda item: next(at for at, folder in enumerate(LONGEST_FIRST) if item.nodeid.startswith(folder)))
