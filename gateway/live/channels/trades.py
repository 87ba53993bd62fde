"""Channel `trades`: every print of an instrument, in order, from the place that a client has reached."""

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import msgspec
import numpy as np

from gateway.images import from_iso
from gateway.lane import Lane
from gateway.live.channels.channel import Change, Numbers, Positions
from gateway.live.channels.encoded import Encoded, encoded
from gateway.live.messages import Print, TradesUpdate
from gateway.live.topics import Masks
from gateway.live.wire import Wire
from gateway.upstream import Upstream
from market import rows, subjects
from market.codes import Kind
from market.instrument import Instrument
from market.row_type import RowError
from mesh.connection import Connection

_logger = logging.getLogger(__name__)

HELD_PRINTS = 256  # of an instrument: a client further behind misses some, and is told how many
SNAPSHOT_PRINTS = 50
_PRINTS_OF_AN_ANSWER = 5000  # some 600 KB: an answer has to fit into what may wait for a client
_US_NS = 1000
_UNKNOWN = 1 << 63  # no sequence is as high


@dataclass(slots=True)
class _Log:
    """The latest prints of an instrument; a position counts all that ever came."""

    prints: deque[Print] = field(default_factory=lambda: deque(maxlen=HELD_PRINTS))
    end: int = 0
    sequence: int = 0
    """Of the last print."""
    complete_from: int = _UNKNOWN
    """The sequence from which on no print is missing."""

    @property
    def start(self) -> int:
        return self.end - len(self.prints)

    @property
    def known_to(self) -> int:
        """The sequence up to which every print that there is has come."""
        return self.sequence if self.complete_from == _UNKNOWN else max(self.sequence, self.complete_from)

    def since(self, position: int) -> list[Print]:
        return list(islice(self.prints, max(0, position - self.start), None))


class TradesChannel:
    """The latest prints of watched instruments."""

    name = "trades"
    full_mask = 1
    is_log = True
    is_dropped_first = True

    def __init__(
        self, connection: Connection, upstream: Upstream, linger_s: float, on_changed: Callable[[], None]
    ) -> None:
        self._upstream = upstream
        self._on_changed = on_changed
        self._lane = Lane(connection, connection.open_varied(self._receive), subjects.trade, linger_s)
        self._logs: dict[int, _Log] = {}
        self._dirty: set[int] = set()

    async def watch(self, instruments: Sequence[Instrument]) -> None:
        """Watch instruments; return when it is known from which sequence on their prints are complete."""
        fresh = self._lane.watch(instruments)
        for each in fresh:
            self._logs[int(each.number)] = _Log()
        await self._begin([each for each in instruments if self._log(int(each.number)).complete_from == _UNKNOWN])

    async def catch_up(self, last_seen: Mapping[int, int]) -> None:
        """Wait for the prints that a client saw at another gateway, so that it is not sent them again."""
        behind = [number for number, sequence in last_seen.items() if sequence > self._log(number).known_to]
        # What the answer says does not matter: on its way to us it is behind every print that the feed sent before it.
        await self._upstream.ask_states(self._upstream.numbered(behind))

    def unwatch(self, numbers: Sequence[int]) -> None:
        """Watch instruments once less each."""
        self._lane.unwatch(numbers)

    def sweep(self, now_s: float) -> None:
        """Let go of what nobody has watched for a while."""
        for number in self._lane.sweep(now_s):
            self._logs.pop(number, None)
            self._dirty.discard(number)

    async def refresh(self) -> None:
        """Begin every log anew: prints may have been missed while NATS was away."""
        instruments = self._upstream.numbered(self._lane.numbers())
        before = {number: log.sequence for number, log in self._logs.items()}
        for number, sequence in (await self._begin(instruments)).items():
            if sequence > before.get(number, sequence):
                self._break(number)

    def take_changes(self) -> Change | None:
        """Give the instruments that had prints since the last call."""
        if not self._dirty:
            return None
        numbers = np.fromiter(self._dirty, np.intp)
        self._dirty.clear()
        return Change(numbers, np.ones(len(numbers), np.uint16), self.positions(numbers))

    def positions(self, numbers: Numbers) -> Positions:
        """Give how many prints came."""
        return np.array([self._log(number).end for number in numbers.tolist()], np.int64)

    def is_newer(self, number: int, last_seen: int | str) -> bool:
        """Whether there is a print after a sequence, or a time of the exchange; raises ValueError."""
        return self.resume_since(number, last_seen) < self._log(number).end

    def is_covered(self, number: int, last_seen: int | str) -> bool:
        """Whether no print after the sequence is missing; of a time that cannot be said."""
        log = self._log(number)
        oldest = log.prints[0].q if log.start > 0 and log.prints else log.complete_from
        return isinstance(last_seen, int) and last_seen >= max(oldest, log.complete_from)

    def snapshot_since(self, numbers: Numbers) -> Positions:
        """Give where the prints of a first snapshot begin."""
        starts = np.array([self._log(number).start for number in numbers.tolist()], np.int64)
        return np.maximum(starts, np.maximum(self.positions(numbers) - SNAPSHOT_PRINTS, self.earliest(numbers)))

    def earliest(self, numbers: Numbers) -> Positions:
        """Give where the last prints begin that all instruments together may have in one answer."""
        return self.positions(numbers) - _PRINTS_OF_AN_ANSWER // max(1, len(numbers))

    def resume_since(self, number: int, last_seen: int | str) -> int:
        """Give where the prints begin that a client has not seen; raises ValueError for what is no time."""
        log = self._log(number)
        if isinstance(last_seen, int):
            return log.end - sum(each.q > last_seen for each in log.prints)
        seen_us = from_iso(last_seen) // _US_NS
        return log.end - sum(each.t > seen_us for each in log.prints)

    def entries(self, wire: Wire, numbers: Numbers, masks: Masks, since: Positions) -> Encoded:
        """Encode every print since the positions that clients have."""
        return encoded([wire.encode(self._entry(*each)) for each in zip(numbers.tolist(), since.tolist(), strict=True)])

    def _entry(self, number: int, position: int) -> TradesUpdate:
        log = self._log(number)
        missed = max(0, log.start - position)
        return TradesUpdate(self._upstream.name(number), log.known_to, log.since(position), missed)

    async def _begin(self, instruments: Sequence[Instrument]) -> dict[int, int]:
        """Note, and return, from which sequence each log is complete: the instrument's, asked for after subscribing."""
        states = await self._upstream.ask_states(instruments)
        complete_from = dict(zip(states["instrument"].tolist(), states["sequence"].tolist(), strict=True))
        for number, sequence in complete_from.items():
            self._log(number).complete_from = sequence
        return complete_from

    def _break(self, number: int) -> None:
        """Let every client know that prints may be missing: the log goes on one place further, with none before it."""
        log = self._log(number)
        log.prints.clear()
        log.end += 1
        self._dirty.add(number)
        self._on_changed()

    def _log(self, number: int) -> _Log:
        return self._logs.setdefault(number, _Log())

    def _receive(self, number: int, payload: bytes) -> None:
        try:
            events = rows.read_events(payload)
        except RowError as error:
            _logger.warning("prints of %s cannot be read: %s", self._upstream.name(number), error)
            return
        log = self._log(number)
        for kind, event in zip(events["kind"].tolist(), events, strict=True):
            if int(event["sequence"]) > log.sequence:
                log.prints.append(_print(kind, event))
                log.sequence = int(event["sequence"])
                log.end += 1
        self._dirty.add(number)
        self._on_changed()


def _print(kind: int, event: np.void) -> Print:
    """Read a TRADE row, or a CORRECTION, which withdraws one."""
    row = event.view(rows.EVENT_TYPES[Kind(kind)].dtype)
    is_trade = kind == Kind.TRADE
    return Print(
        q=int(row["sequence"]),
        t=int(row["ts_event"]) // _US_NS,
        r=int(row["ts_recv"]) // _US_NS,
        p=float(row["price"]),
        z=float(row["size"]),
        i=str(int(row["trade_id"])),
        k=int(row["conditions"]) if is_trade else 0,
        f=int(row["flags"]),
        x=msgspec.UNSET if is_trade else int(row["ts_trade"]) // _US_NS,
    )
