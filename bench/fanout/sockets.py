"""Many non-blocking sockets read by one thread, in compiled code: epoll and recv, with no Python in between."""

import contextlib
import errno
import select
import socket
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bench.fanout.c_library import DESCRIPTOR_AT, EVENT_WORDS, epoll_wait, last_error, now_ns, recv
from bench.fanout.intake import (
    AT_ONCE,
    BYTES,
    CONNECTED,
    FRAMES,
    HANDED,
    READ_BYTES,
    REPORTS,
    Desk,
    Speech,
    desk_for,
    put_carried,
    report,
    take,
)
from bench.fanout.ledger import Book
from market.compiled import compiled

_ROUND_NS = 20_000_000  # a round of reading takes that long, and what was begun
_EVERY_S = 0.001  # a round begins at most so often: what comes meanwhile is read together


class _Ready(NamedTuple):
    """The kernel's list of sockets that are ready, and whose they are."""

    epoll: int
    events: npt.NDArray[np.int32]
    client_of: npt.NDArray[np.int64]
    """By descriptor."""
    read_in: npt.NDArray[np.int64]
    """By client, the round it was last read in."""
    clock: npt.NDArray[np.int64]


class Report(NamedTuple):
    """What Python is to see to: bytes that were read at a time, in ns since 1970, a connection made, or one ended."""

    client: int
    what: int
    at_ns: int
    data: bytes


class Round(NamedTuple):
    """What one round of reading brought."""

    frames: int
    bytes: int
    reports: list[Report]


class Sockets:
    """The sockets of all clients, by the client's number."""

    def __init__(self, clients: int, speech: Speech, book: Book) -> None:
        self._epoll = select.epoll()
        self._waiting = select.poll()
        self._waiting.register(self._epoll.fileno(), select.POLLIN)
        self._sockets: list[socket.socket | None] = [None] * clients
        self._desk, self._speech, self._book = desk_for(clients), speech, book
        self._ready = _Ready(
            self._epoll.fileno(),
            np.empty((AT_ONCE, EVENT_WORDS), np.int32),
            np.zeros(clients, np.int64),
            np.zeros(clients, np.int64),
            np.empty(2, np.int64),
        )
        self._rounds, self._began_s = 0, 0.0
        self.read()  # compiles what it needs, before any client comes

    def connect(self, client: int, port: int) -> None:
        """Begin to connect a client; a round reports when it is connected."""
        connection = socket.socket()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.connect_ex(("127.0.0.1", port))
        self._sockets[client] = connection
        self._know(connection.fileno(), client)
        self._epoll.register(connection.fileno(), select.EPOLLOUT)

    def listen(self, client: int) -> None:
        """Read what comes to a client that is connected."""
        connection = self._sockets[client]
        if connection is not None:
            self._epoll.modify(connection.fileno(), select.EPOLLIN)

    def send(self, client: int, data: bytes) -> None:
        """Send a few bytes; what a full socket does not take is lost, as clients here say little."""
        connection = self._sockets[client]
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.send(data)

    def close(self, client: int) -> None:
        """Close a client's socket."""
        connection = self._sockets[client]
        if connection is not None:
            self._sockets[client] = None
            self._desk.carried_bytes[client] = 0
            connection.close()

    def close_all(self) -> None:
        """Close every socket."""
        for client in range(len(self._sockets)):
            self.close(client)
        self._epoll.close()

    def take_over(self, client: int, rest: bytes) -> bool:
        """Read a client's updates in compiled code from now on, behind what is there of a frame; False if too long."""
        carried = self._desk.carried[client]
        if len(rest) > len(carried):
            return False
        carried[: len(rest)] = np.frombuffer(rest, np.uint8)
        self._desk.carried_bytes[client] = len(rest)
        self._desk.is_by_hand[client] = False
        return True

    @property
    def parts(self) -> int:
        """How many clients' frames are carried until their rest comes."""
        return int(np.count_nonzero(self._desk.carried_bytes))

    def wait(self, timeout_s: float) -> None:
        """Wait until something is ready, and a round is due."""
        time.sleep(max(0.0, self._began_s + _EVERY_S - time.perf_counter()))
        self._waiting.poll(timeout_s * 1e3)
        self._began_s = time.perf_counter()

    def read(self, most_ns: int = _ROUND_NS) -> Round:
        """Read every socket that is ready, once, as far as time and room allow; who is left is first the next time."""
        desk, totals = self._desk, self._desk.totals
        self._rounds += 1
        totals[:] = 0
        _read_round(self._ready, desk, self._speech, self._book, self._rounds, time.time_ns() + most_ns)
        return Round(int(totals[FRAMES]), int(totals[BYTES]), list(self._reports(int(totals[REPORTS]))))

    def _reports(self, count: int) -> Iterator[Report]:
        if count:
            handed = self._desk.handed[: self._desk.totals[HANDED]].tobytes()
            for client, what, at_ns, start, end in self._desk.reports[:count].tolist():
                yield Report(client, what, at_ns, handed[start:end])

    def _know(self, descriptor: int, client: int) -> None:
        known = self._ready.client_of
        if descriptor >= len(known):
            grown = np.append(known, np.zeros(descriptor + 1, np.int64))
            self._ready = self._ready._replace(client_of=grown)
        self._ready.client_of[descriptor] = client


@compiled
def _read_round(ready: _Ready, desk: Desk, speech: Speech, book: Book, this: int, until_ns: int) -> None:
    """Read sockets in the order in which the kernel lists them: who was read goes to the end of its list."""
    epoll, events, client_of, read_in, clock = ready
    totals = desk.totals
    most_reports, most_handed = len(desk.reports) - AT_ONCE, len(desk.handed) - AT_ONCE * len(desk.arena)
    is_over = False
    while not is_over and totals[REPORTS] <= most_reports and totals[HANDED] <= most_handed:
        count = epoll_wait(epoll, events.ctypes.data, len(events), 0)
        for each in range(count):
            descriptor = events[each, DESCRIPTOR_AT]
            client = client_of[descriptor]
            if read_in[client] == this:
                is_over = True
                continue
            read_in[client] = this
            if events[each, 0] & select.EPOLLOUT:
                report(desk, client, CONNECTED, 0, 0, 0)
            else:
                _read_socket(desk, speech, book, client, descriptor, clock)
        is_over = is_over or count < len(events) or now_ns(clock) > until_ns


@compiled
def _read_socket(
    desk: Desk, speech: Speech, book: Book, client: int, descriptor: int, clock: npt.NDArray[np.int64]
) -> None:
    arena, carried, carried_bytes = desk[:3]
    at = put_carried(arena, carried, carried_bytes, client)
    count = recv(descriptor, arena.ctypes.data + at, READ_BYTES, 0)
    at_ns = now_ns(clock)
    if count > 0:
        desk.totals[BYTES] += count
        take(desk, speech, book, client, at + count, at_ns)
        return
    why = last_error() if count < 0 else 0
    if why != errno.EAGAIN:
        report(desk, client, why, at_ns, 0, 0)
