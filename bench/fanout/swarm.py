"""Many clients of one server in one thread: they open at a pace, read all they are sent, check it and time it.

Updates of clients that have their snapshots, which is nearly all that comes, are read and checked in compiled code.
Everything else is read message by message.
"""

import errno
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bench.fanout import frames
from bench.fanout.dialects import Dialect
from bench.fanout.frames import CLOSE, PING, PONG, FrameError, Reassembler
from bench.fanout.intake import CONNECTED, READ, speech_of
from bench.fanout.ledger import Ledger
from bench.fanout.sample import Sample
from bench.fanout.sockets import Report, Sockets
from bench.fanout.steps import Openings, Step
from bench.fanout.walk import number_of

_WAIT_S, _WAIT_OPENING_S = 0.02, 0.002
_EXPECTED = frozenset(("update", "snapshot", "ready", "welcome", "subscribed", "heartbeat", "info", "rate"))
_NS_PER_US = 1000
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
        self._sockets = Sockets(clients, speech_of(dialect), ledger.book)
        self._opened, self._per_s, self._began_s = 0, per_s, time.perf_counter()
        self._answers: dict[int, bytes] = {}  # of upgrades, as far as they have come
        self._streams: dict[int, Reassembler] = {}  # of clients that are read here and are within a message
        self._is_closing = np.zeros(clients, bool)  # told that it is closed: what comes after that is not data
        self._is_sampled = np.zeros(clients, bool)
        self._is_sampled[:: max(1, clients // SAMPLED)] = True

    @property
    def is_open(self) -> bool:
        """Whether every client is live, or gone."""
        return self.openings.count(Step.LIVE) + self.openings.count(Step.CLOSED) == len(self.openings.steps)

    @property
    def parts(self) -> int:
        """How many clients wait for the rest of a message."""
        return self._sockets.parts + len(self._streams)

    def close(self) -> None:
        """Close every connection."""
        self._sockets.close_all()

    def pace(self, rate: float) -> None:
        """Have every client ask for at most so many frames a second from now on."""
        asked = frames.masked(self._dialect.opcode, self._dialect.pace(rate))
        for client in np.flatnonzero(self.openings.steps == Step.LIVE).tolist():
            self._sockets.send(client, asked)

    def turn(self) -> None:
        """Open who is due, read and check what is there."""
        self._sockets.wait(_WAIT_S if self.is_open else _WAIT_OPENING_S)
        began_s = time.perf_counter()
        self._open_due()
        came = self._sockets.read()
        self.tally.frames += came.frames
        self.tally.bytes += came.bytes
        for report in came.reports:
            self._see_to(report)
        self.tally.turns_s.append(time.perf_counter() - began_s)

    def _see_to(self, report: Report) -> None:
        client, what, at_ns, data = report
        if what == READ:
            self._read(client, data, at_ns)
        elif what == CONNECTED:
            self._upgrade(client)
        else:
            self._close(client, errno.errorcode.get(what, "end of stream"))

    def _open_due(self) -> None:
        due = min(len(self.openings.steps), int((time.perf_counter() - self._began_s) * self._per_s))
        for client in range(self._opened, due):
            self.openings.went(client, Step.CONNECTING, time.time_ns())
            self._sockets.connect(client, self._port)
        self._opened = max(due, self._opened)

    def _upgrade(self, client: int) -> None:
        self._sockets.listen(client)
        offered = self._dialect.offered(self._token_of(client))
        self._answers[client] = b""
        self.openings.went(client, Step.UPGRADING, time.time_ns())
        self._sockets.send(client, frames.upgrade(self._dialect.path, offered))

    def _close(self, client: int, why: str) -> None:
        self.others[f"closed: {why}"] += 1
        self.openings.went(client, Step.CLOSED, time.time_ns())
        self._sockets.close(client)

    def _read(self, client: int, data: bytes, at_ns: int) -> None:
        if client in self._answers:
            data = self._upgraded(client, data, at_ns)
        if not data or self._is_closing[client] or self.openings.steps[client] == Step.CLOSED:
            return
        stream = self._streams.pop(client, None) or Reassembler()
        try:
            messages = stream.take(data)
        except FrameError as error:
            self._close(client, str(error))
            return
        for opcode, payload in messages:
            if opcode == PING:
                self._sockets.send(client, frames.masked(PONG, payload))
            elif opcode == CLOSE:
                self.others[f"close code {int.from_bytes(payload[:2], 'big')}"] += 1
                self._sockets.send(client, frames.masked(CLOSE, payload[:2]))
                self._is_closing[client] = True
                return
            elif opcode != PONG:
                self._hear(client, payload, at_ns)
        self._go_on(client, stream)

    def _go_on(self, client: int, stream: Reassembler) -> None:
        """Have what comes next read in compiled code where it can be."""
        rest = stream.rest
        is_updates = self.openings.steps[client] == Step.LIVE and not self._is_sampled[client]
        if is_updates and rest is not None and self._sockets.take_over(client, rest):
            return
        if rest != b"":
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
        heard = self._dialect.hear(message)
        if heard.reply is not None:
            self._sockets.send(client, frames.masked(self._dialect.opcode, heard.reply))
        if heard.kind not in _EXPECTED:
            self.others[" ".join(filter(None, (heard.kind, heard.detail)))] += 1
        self.tally.frames += heard.kind == "update"
        is_snapshot = heard.kind == "snapshot"
        self.ledger.take(
            client,
            [number_of(each.s) for each in heard.entries],
            [each.q for each in heard.entries],
            [each.r for each in heard.entries],
            at_ns // _NS_PER_US,
            is_snapshot,
        )
        if self._is_sampled[client]:
            self.sample.take(client, is_snapshot, self._dialect.images(message))
            if heard.kind == "update":
                self.recorded.append(message)
        if heard.kind == "welcome" and self._dialect.greets:
            self._ask(client)
        else:
            self.openings.hear(client, heard.kind, at_ns)
