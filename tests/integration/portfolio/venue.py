"""A venue of a test's own: its instruments have the prices that the test says, and their feed answers for them."""

import itertools
import time

import numpy as np
from nats.aio.msg import Msg

from market import subjects
from market.instrument import Instrument, Listing
from market.row_type import Rows
from market.state import blank_states
from market.symbols import SymbolKey
from mesh.connection import Connection
from mesh.directory import Directory

_codes = itertools.count(1)


class Venue:
    """Lists, publishes and answers; `start` before use."""

    def __init__(self, client: Connection, directory: Directory) -> None:
        self.code = f"XP{next(_codes):02d}"
        self._client = client
        self._directory = directory
        self._instruments: dict[str, Instrument] = {}
        self._states: dict[str, Rows] = {}
        self._count = itertools.count(1)

    async def start(self, **sectors: str) -> None:
        listings = [
            Listing(SymbolKey(self.code, symbol), f"{symbol} Inc.", "USD", 0.01, sector)
            for symbol, sector in sectors.items()
        ]
        for each in await self._directory.enlist(listings):
            self._instruments[each.key.symbol] = each
        await self._client.subscribe(subjects.snapshots(self.code), cb=self._answer)
        await self._client.flush()

    def name(self, symbol: str) -> str:
        return f"{self.code}:{symbol}"

    async def price(self, symbol: str, last: float, previous: float = np.nan) -> None:
        """Let an instrument trade."""
        states = blank_states(1)
        states["instrument"], states["sequence"] = self._instruments[symbol].number, next(self._count)
        states["ts_event"] = states["ts_recv"] = time.time_ns()
        states["last"], states["prev_close"] = last, previous
        self._states[symbol] = states
        await self._client.publish(subjects.quote(self._instruments[symbol].key), states.tobytes())

    async def _answer(self, request: Msg) -> None:
        asked = request.data.decode().split(" ")
        known = [self._states[symbol].tobytes() for symbol in asked if symbol in self._states]
        await request.respond(b"".join(known))
