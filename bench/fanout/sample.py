"""A few clients' updates merged as the protocol says, to be held against the last states published. Pure."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.fanout.walk import name
from market.row_type import Rows

# The protocol's names of a state's fields.
FIELDS = {
    "b": "bid", "bz": "bid_size", "a": "ask", "az": "ask_size", "l": "last", "lz": "last_size",
    "o": "open", "hi": "high", "lo": "low", "v": "volume", "pc": "prev_close", "f": "flags",
}  # fmt: skip
_NS_PER_US = 1000


class Sample:
    """What some clients hold of each instrument, every field of it."""

    def __init__(self) -> None:
        self._held: dict[int, dict[str, dict[str, Any]]] = {}

    def take(self, client: int, is_snapshot: bool, images: Sequence[dict[str, Any]]) -> None:
        """Take a client's snapshot whole, and merge an update into what is held."""
        held = self._held.setdefault(client, {})
        for image in images:
            symbol = image["s"]
            held[symbol] = image if is_snapshot else held.get(symbol, {}) | image

    @property
    def instruments(self) -> int:
        """How many instruments are held, over all clients."""
        return sum(map(len, self._held.values()))

    def differing(self, states: Rows) -> list[str]:
        """Name each instrument that is held otherwise than `states`, STATE rows by the walk's number, have it."""
        return [
            f"client {client}: {image} should be {wanted}"
            for client, held in self._held.items()
            for symbol, image in held.items()
            if image != (wanted := state_image(states, int(symbol[-5:])))
        ]


def state_image(states: Rows, number: int) -> dict[str, Any]:
    """Say of a state all that a snapshot says."""
    row = states[number]
    image: dict[str, Any] = {
        "s": name(number),
        "q": int(row["sequence"]),
        "t": int(row["ts_event"]) // _NS_PER_US,
        "r": int(row["ts_recv"]) // _NS_PER_US,
    }
    for short, long in FIELDS.items():
        value = float(row[long])
        image[short] = None if np.isnan(value) else value
    return image
