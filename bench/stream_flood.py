"""A process that holds many WebSockets open and counts the bytes that come, and does nothing else with them."""

import base64
import os
import select
import socket
import threading
import time

from bench.processes import Line

_BUFFER_BYTES = 1 << 18
_WAIT_S = 10.0


class Flood:
    """Many open sockets, read by one thread with epoll, so that counting costs as little as can be."""

    def __init__(self) -> None:
        self.bytes = 0
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}

    def open(self, port: int, count: int) -> None:
        """Connect `count` WebSockets to `/stream`, then read them for ever."""
        for _ in range(count):
            connection = _upgraded(port)
            connection.setblocking(False)
            self._sockets[connection.fileno()] = connection
            self._epoll.register(connection.fileno(), select.EPOLLIN)
        threading.Thread(target=self._read, daemon=True).start()

    def wait_for(self, count: int) -> int:
        """Wait, within bounds, until that many bytes came; return how many did."""
        deadline_s = time.monotonic() + _WAIT_S
        while self.bytes < count and time.monotonic() < deadline_s:
            time.sleep(0.01)
        return self.bytes

    def _read(self) -> None:
        buffer = bytearray(_BUFFER_BYTES)
        while True:
            for descriptor, _ in self._epoll.poll(1.0, 1000):
                try:
                    self.bytes += self._sockets[descriptor].recv_into(buffer)
                except BlockingIOError:
                    continue
                except ConnectionError:
                    self._epoll.unregister(descriptor)


def _upgraded(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        f"GET /stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(4096)
    if b" 101 " not in answer.split(b"\r\n")[0]:
        raise ConnectionError(answer.split(b"\r\n")[0].decode())
    return connection


async def receive(line: Line) -> None:
    """Connect when told where and how many; answer with the bytes received when asked."""
    flood = Flood()
    wanted = await line.heard()
    flood.open(wanted["port"], wanted["clients"])
    line.say(connected=wanted["clients"])
    until = await line.heard()
    line.say(bytes=flood.wait_for(until["until"]))
