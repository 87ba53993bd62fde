"""A desk for each test."""

import pytest

from tests.ledger_desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()
