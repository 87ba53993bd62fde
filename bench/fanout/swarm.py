"""Many clients of one server in one thread: they open at a pace, read all they are sent, check it and time it.

A read of whole frames of updates, and nearly all are, is never looked at by itself: the reads of some milliseconds lie
side by side, and numpy finds the updates in them. Everything else is read message by message.
"""

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bench.fanout import frames
from bench.fanout.dialects import Dialect, Entry
from bench.fanout.frames import CLOSE, PING, PONG, Bytes, Positions, Reads, Reassembler
from bench.fanout.ledger import Int64, Ledger
from bench.fanout.sample import Sample
from bench.fanout.sockets import Sockets, TimedReads
from bench.fanout.steps import Openings, Step

_WAIT_S, _WAIT_OPENING_S = 0.02, 0.002
_TAKE_EVERY_S = 0.02
_EXPECTED = frozenset(("update", "snapshot", "ready", "welcome", "subscribed", "heartbeat", "info", "rate"))
Booleans = npt.NDArray[np.bool_]
RECORDED = 500
SAMPLED = 20  # clients, spread evenly, whose every message is decoded whole


@dataclass(slots=True)
class Tally:
    """What came since the measurement began."""

    frames: int = 0
    bytes: int = 0
    turns_s: list[float] = field(default_factory=list)  # how long each round of reading and checking took


class Swarm:
    """The clients, from the first connection to the last update."""

    def __init__(
        self, dialect: Dialect, ledger: Ledger, token_of: Callable[[int], str], port: int, rate: float, per_s: float
    ) -> None:
        clients = len(ledger.watched)
        self.ledger, self.sample, self.openings = ledger, Sample(), Openings(dialect, ledger, clients)
        self.tally = Tally()
        self.recorded: deque[bytes] = deque(maxlen=RECORDED)  # the last updates of the sampled clients
        self.others: Counter[str] = Counter()  # what came besides, and how connections ended
        self._dialect, self._token_of, self._port, self._rate = dialect, token_of, port, rate
        self._sockets = Sockets(clients)
        self._opened, self._per_s, self._began_s = 0, per_s, time.perf_counter()
        self._answers: dict[int, bytes] = {}  # of upgrades, as far as they have come
        self._streams: dict[int, Reassembler] = {}  # of clients whose last read ended within a message
        self._is_cut = np.zeros(clients, bool)
        self._is_closing = np.zeros(clients, bool)  # told that it is closed: what comes after that is not data
        self._is_sampled = np.zeros(clients, bool)
        self._is_sampled[:: max(1, clients // SAMPLED)] = True
        self._pieces: list[tuple[int, int, bytes]] = []  # messages of updates that had to be put together
        self._entries: list[tuple[int, int, bool, Entry]] = []
        self._taken_s = 0.0

    @property
    def is_open(self) -> bool:
        """Whether every client is live, or gone."""
        return self.openings.count(Step.LIVE) + self.openings.count(Step.CLOSED) == len(self.openings.steps)

    @property
    def parts(self) -> int:
        """How many clients wait for the rest of a message."""
        return int(self._is_cut.sum())

    def close(self) -> None:
        """Close every connection."""
        self._sockets.close_all()

    def pace(self, rate: float) -> None:
        """Have every client ask for at most so many frames a second from now on."""
        asked = frames.masked(self._dialect.opcode, self._dialect.pace(rate))
        for client in np.flatnonzero(self.openings.steps == Step.LIVE).tolist():
            self._sockets.send(client, asked)

    def turn(self) -> None:
        """Open who is due, read what is there, and check it now and then."""
        is_open = self.is_open
        ready = self._sockets.wait(_WAIT_S if is_open else _WAIT_OPENING_S)
        began_s = time.perf_counter()
        self._open_due()
        self._sockets.read(ready, self._upgrade, self._close)
        is_due = began_s - self._taken_s >= _TAKE_EVERY_S or self._sockets.is_full or not is_open
        if self._sockets.waiting_bytes and is_due:
            self._take(self._sockets.take())
            self._taken_s = began_s
        self.tally.turns_s.append(time.perf_counter() - began_s)

    def _open_due(self) -> None:
        due = min(len(self.openings.steps), int((time.perf_counter() - self._began_s) * self._per_s))
        for client in range(self._opened, due):
            self.openings.went(client, Step.CONNECTING, time.time_ns())
            self._sockets.connect(client, self._port)
        self._opened = max(due, self._opened)

    def _upgrade(self, client: int) -> None:
        offered = self._dialect.offered(self._token_of(client))
        self._answers[client] = b""
        self.openings.went(client, Step.UPGRADING, time.time_ns())
        self._sockets.send(client, frames.upgrade(self._dialect.path, offered))

    def _close(self, client: int, why: str) -> None:
        self.others[f"closed: {why}"] += 1
        self.openings.went(client, Step.CLOSED, time.time_ns())
        self._sockets.close(client)

    def _take(self, timed: TimedReads) -> None:
        """Read in bulk what can be, and the rest in the order it came."""
        reads, clients = timed.reads, timed.clients
        self.tally.bytes += len(reads.data)
        is_bulk = self._in_bulk(reads, clients)
        if is_bulk.any():
            self._find(reads.data, reads.starts, clients, timed.at_ns, is_bulk)
        for at in np.flatnonzero(~is_bulk).tolist():
            data = reads.data[reads.starts[at] : reads.ends[at]].tobytes()
            self._read(int(clients[at]), data, int(timed.at_ns[at]))
        self._note()

    def _in_bulk(self, reads: Reads, clients: Positions) -> Booleans:
        """Tell which reads are nothing but whole frames of updates, for clients that have their snapshots."""
        cut = frames.split(reads, self._dialect.opcode)
        is_bulk = cut.is_whole & (self.openings.steps == Step.LIVE)[clients]
        is_bulk &= ~(self._is_sampled | self._is_cut | self._is_closing)[clients]
        is_bulk[cut.reads[~frames.begins_with(reads.data, cut.payloads, self._dialect.prefix)]] = False
        # All of a client's reads go one way, or their order would be lost.
        is_by_hand = np.zeros(len(self._is_cut), bool)
        is_by_hand[clients[~is_bulk]] = True
        is_bulk = ~is_by_hand[clients]
        self.tally.frames += int(is_bulk[cut.reads].sum())
        return is_bulk

    def _find(
        self, data: Bytes, starts: Positions, clients: Positions, at_ns: Int64, counts: Booleans | None = None
    ) -> None:
        found = self._dialect.pattern.find(data)
        of = np.searchsorted(starts, found.at, "right") - 1
        numbers, sequences, received_us = found.numbers, found.sequences, found.received_us
        if counts is not None and not counts.all():
            kept = counts[of]
            of, numbers, sequences, received_us = of[kept], numbers[kept], sequences[kept], received_us[kept]
        self.ledger.take(clients[of], numbers, sequences, at_ns[of] // 1000 - received_us)

    def _read(self, client: int, data: bytes, at_ns: int) -> None:
        if client in self._answers:
            data = self._upgraded(client, data, at_ns)
        if not data or self._is_closing[client] or self.openings.steps[client] == Step.CLOSED:
            return
        stream = self._streams.pop(client, None) or Reassembler()
        for opcode, payload in stream.take(data):
            if opcode == PING:
                self._sockets.send(client, frames.masked(PONG, payload))
            elif opcode == CLOSE:
                self.others[f"close code {int.from_bytes(payload[:2], 'big')}"] += 1
                self._sockets.send(client, frames.masked(CLOSE, payload[:2]))
                self._is_closing[client] = True
                return
            elif opcode != PONG:
                self._hear(client, payload, at_ns)
        self._is_cut[client] = not stream.is_between
        if not stream.is_between:
            self._streams[client] = stream

    def _upgraded(self, client: int, data: bytes, at_ns: int) -> bytes:
        """Take a part of the answer to the upgrade; return what comes behind it."""
        answer, end, rest = (self._answers.pop(client) + data).partition(b"\r\n\r\n")
        if not end:
            self._answers[client] = answer
            return b""
        status = answer.partition(b"\r\n")[0].decode(errors="replace")
        if " 101 " not in f"{status} ":
            self._close(client, status)
            return b""
        self.openings.went(client, Step.GREETING, at_ns)
        if not self._dialect.greets:
            self._ask(client)
        return rest

    def _ask(self, client: int) -> None:
        asked = self._dialect.ask(self.ledger.watched[client].tolist(), self._rate)
        self.openings.went(client, Step.ASKING, time.time_ns())
        self._sockets.send(client, b"".join(frames.masked(self._dialect.opcode, each) for each in asked))

    def _hear(self, client: int, message: bytes, at_ns: int) -> None:
        is_live, is_sampled = self.openings.steps[client] == Step.LIVE, bool(self._is_sampled[client])
        if is_live and not is_sampled and message.startswith(self._dialect.prefix):
            self.tally.frames += 1
            self._pieces.append((client, at_ns, message))
            return
        heard = self._dialect.hear(message)
        if heard.reply is not None:
            self._sockets.send(client, frames.masked(self._dialect.opcode, heard.reply))
        if heard.kind not in _EXPECTED:
            self.others[" ".join(filter(None, (heard.kind, heard.detail)))] += 1
        self.tally.frames += heard.kind == "update"
        is_snapshot = heard.kind == "snapshot"
        self._entries += [(client, at_ns, is_snapshot, entry) for entry in heard.entries]
        if is_sampled:
            self.sample.take(client, is_snapshot, self._dialect.images(message))
            if heard.kind == "update":
                self.recorded.append(message)
        if not is_sampled:
            self._note()  # pieces may follow that must not overtake
        if not is_live:
            self._open_further(client, heard.kind, at_ns)

    def _open_further(self, client: int, kind: str, at_ns: int) -> None:
        if kind == "welcome" and self._dialect.greets:
            self._ask(client)
            return
        self._note()
        self.openings.hear(client, kind, at_ns)

    def _note(self) -> None:
        self._note_pieces()
        self._note_entries()

    def _note_pieces(self) -> None:
        """Find the updates of messages that came in pieces."""
        if self._pieces:
            clients, at_ns, messages = zip(*self._pieces, strict=True)
            self._pieces = []
            starts = np.cumsum([0, *map(len, messages[:-1])])
            data = np.frombuffer(b"".join(messages), np.uint8)
            self._find(data, starts, np.array(clients, np.intp), np.array(at_ns, np.int64))

    def _note_entries(self) -> None:
        if self._entries:
            clients, at_ns, is_snapshot, entries = zip(*self._entries, strict=True)
            self._entries = []
            numbers = np.array([int(entry.s[-5:]) for entry in entries])
            sequences = np.array([entry.q for entry in entries], np.int64)
            ages_us = np.array(at_ns, np.int64) // 1000 - np.array([entry.r for entry in entries], np.int64)
            self.ledger.take(np.array(clients, np.intp), numbers, sequences, ages_us, np.array(is_snapshot))
