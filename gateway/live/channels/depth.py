"""Channel `depth`: ten levels a side, of which clients are sent the sides that changed, each whole."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.images import from_iso, levels_image
from gateway.lane import Lane
from gateway.live.channels.channel import Change, Numbers, Positions
from gateway.live.channels.encoded import Encoded, encoded
from gateway.live.channels.state_channel import StateChannel
from gateway.live.messages import DepthUpdate
from gateway.live.topics import Masks
from gateway.live.wire import Wire
from gateway.upstream import Upstream
from market import rows, subjects
from market.book import BOOK_BYTES, LEVELS
from market.instrument import Instrument
from market.row_type import Rows
from mesh.connection import Connection

BIDS, ASKS = 1, 2
_US_NS = 1000
_TOLD = ("price", "size", "orders")
_NO_BOOK: Rows = rows.LEVEL.blank(2 * LEVELS)


class DepthChannel(StateChannel):
    """The books of watched instruments, as they came and as clients were last shown them."""

    name = "depth"
    full_mask = BIDS | ASKS
    is_dropped_first = True

    def __init__(
        self, connection: Connection, upstream: Upstream, linger_s: float, on_changed: Callable[[], None]
    ) -> None:
        self._upstream = upstream
        self._on_changed = on_changed
        self._lane = Lane(connection, connection.open_bulk(BOOK_BYTES, self._receive), subjects.depth, linger_s)
        self._newest: dict[int, Rows] = {}
        self._shown: dict[int, Rows] = {}
        self._dirty: set[int] = set()

    async def watch(self, instruments: Sequence[Instrument]) -> None:
        """Watch instruments; return when their books are known as far as they can be."""
        fresh = self._lane.watch(instruments)
        unknown = {int(each.number): each for each in instruments if int(each.number) not in self._newest}
        wanted = {int(each.number): each for each in fresh} | unknown
        for number, (_, levels) in (await self._upstream.ask_many(list(wanted.values()))).items():
            self._take(number, levels)

    def unwatch(self, numbers: Sequence[int]) -> None:
        """Watch instruments once less each."""
        self._lane.unwatch(numbers)

    def sweep(self, now_s: float) -> None:
        """Let go of what nobody has watched for a while."""
        for number in self._lane.sweep(now_s):
            self._newest.pop(number, None)
            self._shown.pop(number, None)
            self._dirty.discard(number)

    async def refresh(self) -> None:
        """Ask for every watched book anew."""
        instruments = self._upstream.numbered(self._lane.numbers())
        for number, (_, levels) in (await self._upstream.ask_many(instruments)).items():
            self._take(number, levels)

    def take_changes(self) -> Change | None:
        """Show the books that changed since the last call."""
        if not self._dirty:
            return None
        numbers = np.fromiter(self._dirty, np.intp)
        self._dirty.clear()
        masks = np.zeros(len(numbers), np.uint16)
        for place, number in enumerate(numbers.tolist()):
            newest = self._newest[number]
            masks[place] = _changed_sides(self._shown.get(number, _NO_BOOK), newest)
            self._shown[number] = newest
        told = masks != 0
        return Change(numbers[told], masks[told], self.positions(numbers[told]))

    def positions(self, numbers: Numbers) -> Positions:
        """Give the sequences of the books shown."""
        return np.array([_sequence(self._shown.get(number, _NO_BOOK)) for number in numbers.tolist()], np.int64)

    def is_newer(self, number: int, last_seen: int | str) -> bool:
        """Whether the book shown is newer than a sequence, or a time of the exchange; raises ValueError."""
        book = self._shown.get(number, _NO_BOOK)
        if isinstance(last_seen, int):
            return _sequence(book) > last_seen
        return int(book["ts_event"].max()) > from_iso(last_seen)

    def is_covered(self, number: int, last_seen: int | str) -> bool:  # a book makes up for all before
        """Whether the book is known: it makes up for everything before it."""
        return number in self._shown

    def entries(self, wire: Wire, numbers: Numbers, masks: Masks, since: Positions) -> Encoded:
        """Encode the sides in `masks` of the books shown."""
        return encoded([wire.encode(self._entry(*each)) for each in zip(numbers.tolist(), masks.tolist(), strict=True)])

    def _entry(self, number: int, mask: int) -> DepthUpdate:
        book = self._shown.get(number, _NO_BOOK)
        return DepthUpdate(
            self._upstream.name(number),
            _sequence(book),
            int(book["ts_event"].max()) // _US_NS,
            int(book["ts_recv"].max()) // _US_NS,
            levels_image(book[:LEVELS]) if mask & BIDS else msgspec.UNSET,
            levels_image(book[LEVELS:]) if mask & ASKS else msgspec.UNSET,
        )

    def _receive(self, numbers: Numbers, payloads: npt.NDArray[np.uint8]) -> None:
        for number, levels in zip(numbers.tolist(), payloads, strict=True):
            self._take(number, levels.copy().view(rows.LEVEL.dtype))  # else a book keeps its whole network read

    def _take(self, number: int, levels: Rows) -> None:
        if len(levels) == 2 * LEVELS and _sequence(levels) > _sequence(self._newest.get(number, _NO_BOOK)):
            self._newest[number] = levels
            self._dirty.add(number)
            self._on_changed()


def _changed_sides(before: Rows, after: Rows) -> int:
    # Compared as bytes: the price of a level never filled, NaN, equals itself.
    differs = np.zeros(2 * LEVELS, bool)
    for field in _TOLD:
        kind = f"u{after[field].dtype.itemsize}"
        differs |= before[field].view(kind) != after[field].view(kind)
    return BIDS * bool(differs[:LEVELS].any()) | ASKS * bool(differs[LEVELS:].any())


def _sequence(book: Rows) -> int:
    """Give a book's sequence: that of the level which changed last."""
    return int(book["sequence"].max())
