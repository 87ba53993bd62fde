"""The transport of `BulkClient`: nats-py's own over TCP and TLS, with larger reads.

nats-py takes 32 KiB at a time. Decoding a read costs some 50 us before its first message, so under load a read should
hold hundreds of messages: this one takes up to 1 MiB, and while reads are large leaves the next a millisecond to fill.
"""

import asyncio
from urllib.parse import ParseResult

from nats.aio.transport import TcpTransport

READ_BYTES = 1 << 20
_LARGE_READ_BYTES = 64 << 10
_FILL_S = 0.001


class BulkTransport(TcpTransport):
    """nats-py's TCP transport, reading in bulk; an idle connection is read at once, as ever."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # nats-py leaves it so
        self._last_read_bytes = 0
        self._is_leaving = False

    def __bool__(self) -> bool:
        # nats-py makes a transport of its own where this is false; before connecting it would not keep ours.
        return True

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        """Connect, with room for large reads whatever nats-py asks for."""
        await super().connect(uri, max(buffer_size, READ_BYTES), connect_timeout)

    def leave(self) -> None:
        """From now on a connection that was lost is as good as one that was closed."""
        self._is_leaving = True

    async def drain(self) -> None:
        """Wait for room in the write buffer; raises ConnectionError where the connection is lost and still wanted."""
        try:
            await super().drain()  # type: ignore[no-untyped-call]  # nats-py leaves it so
        except ConnectionError:
            if not self._is_leaving:
                raise

    async def read(self, buffer_size: int) -> bytes:
        """Read what is there, up to `READ_BYTES`."""
        if self._last_read_bytes > _LARGE_READ_BYTES:
            await asyncio.sleep(_FILL_S)
        data: bytes = await super().read(max(buffer_size, READ_BYTES))
        self._last_read_bytes = len(data)
        return data
