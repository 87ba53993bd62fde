"""Messages of the tape are read together, and one that holds no rows spoils none of the others."""

import numpy as np
import pytest

from market import rows
from mesh.actor.reader import Delivery
from workers.alert.core import rows_of


def trades(*prices: float) -> bytes:
    made = rows.TRADE.blank(len(prices))
    made["price"] = prices
    return made.tobytes()


SPOILED = b"\0" + trades(8.0)[1:]


@pytest.mark.parametrize(
    ("payloads", "prices", "sequences"),
    [
        ([], [], []),
        ([trades(1.0, 2.0)], [1.0, 2.0], [5, 5]),
        ([trades(1.0), b"", trades(2.0, 3.0)], [1.0, 2.0, 3.0], [5, 7, 7]),
        ([trades(1.0), SPOILED, trades(2.0)], [1.0, 2.0], [5, 7]),
        ([trades(1.0)[:-1], trades(2.0), trades(3.0) + b"\0"], [2.0], [6]),
    ],
    ids=["none", "one", "several", "a wrong byte", "no whole rows"],
)
def test_rows_are_read_with_the_sequences_of_their_messages(
    payloads: list[bytes], prices: list[float], sequences: list[int]
) -> None:
    deliveries = [Delivery(5 + at, "", 0, payload) for at, payload in enumerate(payloads)]
    read, found = rows_of(deliveries)
    assert read.view(rows.TRADE.dtype)["price"].tolist() == prices
    assert found.tolist() == sequences
    assert found.dtype == np.int64
