"""The transport of `BulkClient`: nats-py's own over TCP and TLS, with larger reads.

nats-py takes 32 KiB at a time. Decoding a read costs some 50 us before its first message, so under load a read should
hold hundreds of messages: this one takes up to 1 MiB, and while reads are large leaves the next a millisecond to fill.

A task that waits for bytes goes on a turn of the loop after they came. Whoever takes a message at once need not wait
for it: what comes while `read` waits is offered to `take` first, except over TLS.
"""

import asyncio
import ssl
from collections.abc import Callable
from urllib.parse import ParseResult

from nats.aio.transport import TcpTransport

READ_BYTES = 1 << 20
_LARGE_READ_BYTES = 64 << 10
_FILL_S = 0.001

Take = Callable[[bytes], bytes]


class BulkTransport(TcpTransport):
    """nats-py's TCP transport, reading in bulk; an idle connection is read at once, as ever."""

    def __init__(self, take: Take) -> None:
        """`take(data)` returns what it leaves of a network read."""
        super().__init__()  # type: ignore[no-untyped-call]  # nats-py leaves it so
        self._offer = _Offer(take)
        self._way: asyncio.WriteTransport | None = None
        self._last_read_bytes = 0
        self._is_leaving = False

    def __bool__(self) -> bool:
        # nats-py makes a transport of its own where this is false; before connecting it would not keep ours.
        return True

    @property
    def waiting_bytes(self) -> int:
        """How much was written that the system has not taken yet."""
        return 0 if self._way is None else self._way.get_write_buffer_size()

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        """Connect, with room for large reads whatever nats-py asks for."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(max(buffer_size, READ_BYTES), loop)
        async with asyncio.timeout(connect_timeout):
            transport, protocol = await loop.create_connection(
                lambda: _OfferingProtocol(reader, self._offer, loop),
                uri.hostname,  # type: ignore[arg-type]  # nats-py has seen to it that there is one
                uri.port,  # type: ignore[arg-type]
            )
        self._bare_io_reader = self._io_reader = reader
        self._bare_io_writer = self._io_writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        self._way = transport

    async def connect_tls(
        self, uri: str | ParseResult, ssl_context: ssl.SSLContext, buffer_size: int, connect_timeout: int
    ) -> None:
        """Begin TLS on the connection there is."""
        await super().connect_tls(uri, ssl_context, buffer_size, connect_timeout)
        self._way = None if self._io_writer is None else self._io_writer.transport

    def write(self, payload: bytes | memoryview) -> None:
        """Write at once, or as soon as the system takes it: a payload that changes must be waited for."""
        if self._way is None:
            raise RuntimeError("not connected")
        self._way.write(payload)

    def leave(self) -> None:
        """From now on a connection that was lost is as good as one that was closed."""
        self._is_leaving = True

    async def wait_closed(self) -> None:
        """Wait until it is closed; who is cancelled meanwhile leaves others waiting, with whom asyncio would end it."""
        closing = asyncio.ensure_future(super().wait_closed())  # type: ignore[no-untyped-call]  # nats-py leaves it so
        closing.add_done_callback(_see)
        await asyncio.wait({closing})
        closing.result()

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
        self._offer.stands = True  # where something is there already, nothing comes before it was read
        try:
            data: bytes = await super().read(max(buffer_size, READ_BYTES))
        finally:
            self._offer.stands = False
        self._last_read_bytes = len(data)
        return data


def _see(closing: "asyncio.Future[None]") -> None:
    """Look at how it ended, though nobody may wait for it any more."""
    if not closing.cancelled():
        closing.exception()


class _Offer:
    """Who takes what at once, and whether that stands: not where something before it waits for `read`."""

    __slots__ = ("stands", "take")

    def __init__(self, take: Take) -> None:
        self.take = take
        self.stands = False


class _OfferingProtocol(asyncio.StreamReaderProtocol):
    """The protocol of a stream that offers what comes before it keeps it for `read`."""

    def __init__(self, reader: asyncio.StreamReader, offer: _Offer, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(reader, loop=loop)
        self._offer = offer

    def data_received(self, data: bytes) -> None:
        offer = self._offer
        if offer.stands:
            data = offer.take(data)
            if not data:
                return
            offer.stands = False
        super().data_received(data)
