"""Many non-blocking sockets read by one thread with epoll, as fast as Python can: into one buffer, side by side."""

import contextlib
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.fanout.frames import Positions, Reads

BUFFER_BYTES = 4 << 20
READ_BYTES = 16 << 10
_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class TimedReads:
    """Reads, whose they are, and when each was read, in ns since 1970."""

    reads: Reads
    clients: Positions
    at_ns: npt.NDArray[np.int64]


class Sockets:
    """The sockets of all clients, by the client's number."""

    def __init__(self, clients: int) -> None:
        self._epoll = select.epoll()
        self._sockets: list[socket.socket | None] = [None] * clients
        self._client_of: dict[int, int] = {}
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._clients: list[int] = []
        self._ends: list[int] = []
        self._at_ns: list[int] = []
        self._end = 0

    def connect(self, client: int, port: int) -> None:
        """Begin to connect a client; `turn` says when it is connected."""
        connection = socket.socket()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.connect_ex(("127.0.0.1", port))
        self._sockets[client] = connection
        self._client_of[connection.fileno()] = client
        self._epoll.register(connection.fileno(), select.EPOLLOUT)

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
            del self._client_of[connection.fileno()]
            connection.close()

    def close_all(self) -> None:
        """Close every socket."""
        for client in list(self._client_of.values()):
            self.close(client)
        self._epoll.close()

    def wait(self, timeout_s: float) -> list[tuple[int, int]]:
        """Wait until something is ready; hand it to `read`."""
        return self._epoll.poll(timeout_s, _AT_ONCE)

    def read(
        self, ready: list[tuple[int, int]], on_connected: Callable[[int], None], on_closed: Callable[[int, str], None]
    ) -> None:
        """Read every socket that is ready, once."""
        view, now_ns = self._buffer, time.time_ns
        client_of, sockets = self._client_of, self._sockets
        clients, ends, at_ns = self._clients, self._ends, self._at_ns
        end = self._end
        for descriptor, events in ready:
            client = client_of[descriptor]
            connection = sockets[client]
            if connection is None or end > BUFFER_BYTES - READ_BYTES:
                continue  # what is not read now stays ready
            if events & select.EPOLLOUT:
                self._epoll.modify(descriptor, select.EPOLLIN)
                on_connected(client)
                continue
            try:
                count = connection.recv_into(view[end : end + READ_BYTES])
            except BlockingIOError:
                continue
            except OSError as error:
                on_closed(client, type(error).__name__)
                continue
            if not count:
                on_closed(client, "end of stream")
                continue
            end += count
            clients.append(client)
            ends.append(end)
            at_ns.append(now_ns())
        self._end = end

    @property
    def waiting_bytes(self) -> int:
        """How much was read and not taken yet."""
        return self._end

    @property
    def is_full(self) -> bool:
        """Whether the buffer has to be taken before the next turn."""
        return self._end > BUFFER_BYTES // 2

    def take(self) -> TimedReads:
        """Take what was read; it stays where it is until the next turn."""
        ends = np.array(self._ends, np.intp)
        starts = np.concatenate([np.zeros(1, np.intp), ends[:-1]])
        reads = Reads(np.frombuffer(self._buffer[: self._end], np.uint8), starts, ends)
        taken = TimedReads(reads, np.array(self._clients, np.intp), np.array(self._at_ns, np.int64))
        self._clients, self._ends, self._at_ns, self._end = [], [], [], 0
        return taken
