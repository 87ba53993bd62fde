"""The gateway's own side of NATS with no server behind it: messages are handed to the connection as bytes read."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.js.errors import KeyNotFoundError

from gateway.metrics import Metrics
from gateway.upstream import Upstream
from market import rows, subjects
from market.book import LEVELS
from market.instrument import Instrument, Listing
from market.row_type import Rows
from market.state import blank_states
from market.symbols import SymbolKey
from mesh.connection import Connection
from mesh.directory import Directory

SECOND_NS = 1_000_000_000
NOON_NS = 1_774_794_605 * SECOND_NS
NOON_US = NOON_NS // 1000
BID, ASK = 0, LEVELS


class OfflineConnection(Connection):
    """Takes what a test says the server sent; requests are answered from `answers`, by an instrument's subject."""

    def __init__(self, max_bulk_subscriptions: int = 100_000) -> None:
        super().__init__(max_bulk_subscriptions)
        self.answers: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    @property
    def is_connected(self) -> bool:
        return True

    async def request(  # type: ignore[override]  # none of the options matter here
        self, subject: str, payload: bytes = b"", **_: object
    ) -> Msg:
        named = [f"{subject}.{token}" for token in payload.decode().split()] or [subject]
        self.asked += named
        await self.may_answer.wait()
        found = [self.answers[each] for each in named if each in self.answers]
        if not found:
            raise NoRespondersError
        if payload:  # for many at once the states alone
            found = [each[: rows.STATE.width_bytes] for each in found]
        return Msg(self, subject, data=b"".join(found))

    async def deliver(self, *messages: tuple[str, bytes]) -> None:
        """Let messages arrive in one network read; those that nobody is subscribed to are not sent."""
        sids = {subject: sid for sid, subject in self._subjects.items()}
        read = [
            b"MSG %s %d %d\r\n%s\r\n" % (subject.encode(), sids[subject], len(payload), payload)
            for subject, payload in messages
            if subject in sids
        ]
        await self._ps.parse(b"".join(read))

    @property
    def subscribed(self) -> set[str]:
        """The subjects subscribed."""
        return set(self._subjects.values())


@dataclass
class _Entry:
    value: bytes
    revision: int


class Bucket:
    """A key-value bucket in memory, as far as the directory writes one."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    async def get(self, key: str) -> _Entry:
        if key not in self._entries:
            raise KeyNotFoundError
        return self._entries[key]

    async def create(self, key: str, value: bytes) -> None:
        assert key not in self._entries
        self._entries[key] = _Entry(value, 1)

    async def update(self, key: str, value: bytes, last: int) -> None:
        assert self._entries[key].revision == last
        self._entries[key] = _Entry(value, last + 1)


class Offline:
    """An upstream whose server is the test."""

    def __init__(self) -> None:
        self.connection = OfflineConnection()
        bucket = Bucket()
        self.directory = Directory(bucket, bucket, "epoch")  # type: ignore[arg-type]  # see Bucket
        self.upstream = Upstream(self.connection, self.directory, None, linger_s=0, metrics=Metrics())
        self.changes = 0

    def changed(self) -> None:
        """Count what a channel says."""
        self.changes += 1

    async def enlist(self, *symbols: str) -> list[Instrument]:
        """List symbols; numbers count from 0 in the order of listing."""
        return await self.directory.enlist([Listing(SymbolKey("XNAS", symbol), symbol) for symbol in symbols])

    async def quote(self, *states: Rows) -> None:
        """Let states arrive."""
        messages = [(subjects.quote(self._key(state)), state.tobytes()) for state in states]
        await self.connection.deliver(*messages)

    async def depth(self, *books: Rows) -> None:
        """Let books arrive."""
        await self.connection.deliver(*((subjects.depth(self._key(book)), book.tobytes()) for book in books))

    async def trade(self, *batches: Rows) -> None:
        """Let prints arrive, a message for each batch."""
        await self.connection.deliver(*((subjects.trade(self._key(batch)), batch.tobytes()) for batch in batches))

    def answers(self, state: Rows, book: Rows | None = None) -> None:
        """Answer with these from now on."""
        answer = state.tobytes() + (b"" if book is None else book.tobytes())
        self.connection.answers[subjects.snapshot(self._key(state))] = answer

    def _key(self, found: Rows) -> SymbolKey:
        instrument = self.directory.numbered(int(found["instrument"][0]))
        assert instrument is not None
        return instrument.key


def at_ns(sequence: int) -> int:
    """Give the time at which an event happens: a second after the one before."""
    return NOON_NS + (sequence & 0xFFFF) * SECOND_NS


def state(instrument: Instrument, sequence: int, **fields: float) -> Rows:
    """Make a STATE row; prices are unknown unless given."""
    row = blank_states(1)
    row["instrument"], row["sequence"] = instrument.number, sequence
    row["ts_event"] = row["ts_recv"] = at_ns(sequence)
    for name, value in fields.items():
        row[name] = value
    return row


def book(instrument: Instrument, sequence: int, levels: dict[int, tuple[float, float, int]]) -> Rows:
    """Make a book: price, size and orders by place, BID and ASK being the first of each side."""
    made = rows.LEVEL.blank(2 * LEVELS)
    made["instrument"], made["price"] = instrument.number, np.nan
    made["side"], made["level"] = np.repeat([0, 1], LEVELS), np.tile(np.arange(LEVELS), 2)
    for place, (price, size, orders) in levels.items():
        made["price"][place], made["size"][place], made["orders"][place] = price, size, orders
    made["sequence"][next(iter(levels), 0)] = sequence
    made["ts_event"][0] = made["ts_recv"][0] = at_ns(sequence)
    return made


def trades(instrument: Instrument, sequences: Sequence[int], **fields: float) -> Rows:
    """Make TRADE rows, each a second after the one before."""
    made = rows.TRADE.blank(len(sequences))
    made["instrument"], made["sequence"] = instrument.number, sequences
    made["ts_event"] = made["ts_recv"] = [at_ns(each) for each in sequences]
    made["price"], made["size"], made["trade_id"] = 10.5, 100, sequences
    for name, value in fields.items():
        made[name] = value
    return made
