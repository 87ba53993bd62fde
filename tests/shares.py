"""How `make test` shares the tests out among its workers: a plugin of pytest, named there beside `-n`."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Its tests look at one running market, which is started once: they go to one worker.
ONE_MARKET = "tests/integration/gateway/"
# What takes long comes first: short files even out the end.
LONGEST_FIRST = (ONE_MARKET, "tests/e2e/", "tests/faults/", "tests/integration/", "tests/conformance/", "")


class Shares(LoadScopeScheduling):
    """Gives a worker whole files, so that what a module shares is made once, and all at once what shares a market."""

    def _split_scope(self, nodeid: str) -> str:
        return ONE_MARKET if nodeid.startswith(ONE_MARKET) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Shares:
    """Share the tests out in the order in which they were found."""
    config.option.loadscopereorder = False
    return Shares(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the folders that take long before the others."""
    items.sort(key=lambda item: next(at for at, folder in enumerate(LONGEST_FIRST) if item.nodeid.startswith(folder)))
