"""The live subjects of one feed: states, trades, depth and status, framed in bulk and written at once."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from market import rows, subjects
from market.codes import NO_INSTRUMENT, Kind, TradingState
from market.grouping import group
from market.instrument import Instrument
from market.row_type import Rows, as_bytes, take
from mesh.bulk_client import BulkClient
from mesh.frames import SubjectTable

Numbers = npt.NDArray[np.intp]


class LiveLanes:
    """Collects messages of what changes and sends them together, as every write to a socket costs a system call.

    While NATS is away it drops, and counts, messages: the next state heals them.
    """

    def __init__(self, client: BulkClient) -> None:
        self._client = client
        self._quotes = SubjectTable("quote")
        self._trades = SubjectTable("trade")
        self._depth = SubjectTable("depth")
        self._waiting: list[bytes | memoryview] = []
        self._waiting_messages = 0
        self.published = 0
        self.dropped = 0

    def add(self, instruments: list[Instrument]) -> None:
        """Learn the subjects of instruments."""
        tokens = {int(instrument.number): instrument.key.token for instrument in instruments}
        for table in (self._quotes, self._trades, self._depth):
            table.add(tokens)

    def quotes(self, numbers: Numbers, states: Rows) -> None:
        """Collect the states (STATE rows) of `numbers`."""
        if len(numbers):
            self._collect(self._quotes.frames(numbers, as_bytes(states)), len(numbers))

    def depth(self, numbers: Numbers, books: npt.NDArray[np.uint8]) -> None:
        """Collect whole books, uint8[n, BOOK_BYTES]."""
        if len(numbers):
            self._collect(self._depth.frames(numbers, books), len(numbers))

    def trades(self, events: Rows) -> None:
        """Collect every trade and correction of a batch: one message an instrument, its rows back to back."""
        prints = np.flatnonzero((events["kind"] == Kind.TRADE) | (events["kind"] == Kind.CORRECTION))
        if not len(prints):
            return
        groups = group(events["instrument"][prints])
        data, sizes = as_bytes(events), groups.sizes
        for size in np.unique(sizes):  # messages of one length are framed together
            same = sizes == size
            members = groups.order[groups.starts[same][:, None] + np.arange(size)]
            payloads = data[prints[members]].reshape(-1, size * rows.EVENT_BYTES)
            self._collect(self._trades.frames(groups.keys[same].astype(np.intp), payloads), len(payloads))

    def status(self, venue: str, events: Rows) -> None:
        """Collect status rows on the venue's status subject."""
        subject = subjects.status(venue).encode()
        self._collect([b"PUB %s %d\r\n%s\r\n" % (subject, events.nbytes, events.tobytes())], 1)

    def alive(self, venue: str, now_ns: int) -> None:
        """Collect the feed's heartbeat for a venue."""
        row = rows.STATUS.blank(1)
        row["instrument"], row["state"] = NO_INSTRUMENT, TradingState.FEED_ALIVE
        row["ts_event"] = row["ts_recv"] = now_ns
        self.status(venue, row)

    async def send(self) -> None:
        """Send what was collected, and wait until the connection's buffer has room."""
        if not self._waiting:
            return
        if self._client.write_frames(self._waiting):
            self.published += self._waiting_messages
        else:
            self.dropped += self._waiting_messages
        self._waiting, self._waiting_messages = [], 0
        await self._client.drain_writes()

    def _collect(self, frames: Sequence[bytes | memoryview], messages: int) -> None:
        self._waiting += frames
        self._waiting_messages += messages


def status_by_venue(events: Rows, venues: list[str], venue_of: npt.NDArray[np.int16]) -> list[tuple[str, Rows]]:
    """Sort a batch's status rows by venue; those about no instrument go to every venue.

    `venue_of` int16[capacity] gives each instrument number its position in `venues`.
    """
    positions = np.flatnonzero(events["kind"] == Kind.STATUS)
    if not len(positions):
        return []
    numbers = events["instrument"][positions]
    general = numbers == NO_INSTRUMENT
    at = np.where(general, -1, venue_of[np.where(general, 0, numbers)])
    picked = [(venue, positions[general | (at == index)]) for index, venue in enumerate(venues)]
    return [(venue, take(events, chosen)) for venue, chosen in picked if len(chosen)]
