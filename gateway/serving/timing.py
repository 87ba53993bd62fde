"""What bounds a connection in time: an alarm, and the reset that it may end in."""

import asyncio
import socket
import struct
from collections.abc import Callable

_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: on, for 0 s


class Alarm:
    """Calls `ring` once, `after_s` after it was set; setting it again changes nothing until it is cancelled or rang."""

    __slots__ = ("_after_s", "_ring", "_timer")

    def __init__(self, after_s: float, ring: Callable[[], object]) -> None:
        self._after_s = after_s
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None

    def set(self) -> None:
        """Begin to wait."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._after_s, self._on_time)

    def cancel(self) -> None:
        """Wait no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_time(self) -> None:
        self._timer = None
        self._ring()


def reset(transport: asyncio.Transport) -> None:
    """Close at once, and let the kernel drop what the client never read, which it else would go on offering."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    transport.abort()
