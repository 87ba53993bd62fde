"""Which venues have a feed that is alive, by the heartbeats on their status subjects."""

import time

import numpy as np
from nats.aio.msg import Msg

from market import rows
from market.codes import TradingState
from market.row_type import RowError

ALIVE_FOR_S = 5.0


class Venues:
    """Remembers when each venue's feed was last heard of."""

    def __init__(self) -> None:
        self._heard_at_s: dict[str, float] = {}

    async def on_status(self, message: Msg) -> None:
        """Take a message of `status.<exch>`."""
        try:
            events = rows.STATUS.read(message.data)
        except RowError:
            return
        if np.any(events["state"] == TradingState.FEED_ALIVE):
            self.heard(message.subject.partition(".")[2], time.monotonic())

    def heard(self, venue: str, now_s: float) -> None:
        """Note that the feed of `venue` is alive."""
        self._heard_at_s[venue] = now_s

    def is_alive(self, venue: str, now_s: float) -> bool:
        """Whether the venue's feed was heard of lately."""
        return now_s - self._heard_at_s.get(venue, -ALIVE_FOR_S) < ALIVE_FOR_S

    def alive(self, now_s: float) -> list[str]:
        """List the venues whose feed is alive."""
        return sorted(venue for venue in self._heard_at_s if self.is_alive(venue, now_s))
