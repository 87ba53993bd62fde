"""Accepts connections, several at a time: uvloop takes one in a turn of its loop, and those of a busy gateway are long.

With a fan-out that fills the time between them, newcomers waited for seconds before anybody knew of them.
"""

import asyncio
import logging
import socket
from collections.abc import Callable

_AT_ONCE = 16  # some 2 ms of work, until they are known to wait for their turn
_RETRY_S = 1.0  # after which there may be descriptors again; asyncio waits as long

_logger = logging.getLogger(__name__)


class Acceptor:
    """Listens on a bound socket; each connection gets a protocol. uvicorn treats it as one of its servers."""

    def __init__(self, listener: socket.socket, make_protocol: Callable[[], asyncio.Protocol]) -> None:
        self._listener = listener
        self._make_protocol = make_protocol
        self._opening: set[asyncio.Task[None]] = set()
        self._retry: asyncio.TimerHandle | None = None
        self._is_open = False

    def start(self, backlog: int) -> None:
        """Listen. Raises OSError where another process took the port meanwhile."""
        self._listener.setblocking(False)
        self._listener.listen(backlog)
        self._is_open = True
        self._go_on()

    def close(self) -> None:
        """Accept no more; the socket is its owner's to close, after this. Called again it does nothing."""
        if self._is_open:
            self._is_open = False
            if self._retry is not None:
                self._retry.cancel()
            asyncio.get_running_loop().remove_reader(self._listener)

    async def wait_closed(self) -> None:
        """Return at once: nothing is left to be done for a closed one."""

    def _go_on(self) -> None:
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(_AT_ONCE):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                _logger.warning("cannot accept connections just now: %s", error)
                loop.remove_reader(self._listener)
                self._retry = loop.call_later(_RETRY_S, self._go_on)
                return
            task = loop.create_task(self._open(connection))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(self._make_protocol, connection)
        except OSError:
            connection.close()  # it was reset already
