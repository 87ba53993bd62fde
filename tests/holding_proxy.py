"""A proxy before a server that can hold back what a process says to it and hears of it, from exact bytes on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

CHUNK_BYTES = 1 << 16


class HoldingProxy:
    """Passes bytes on in both directions; `hold_before` and `hold_after` say where that ends."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._pattern = b""
        self._is_passed_on = False
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self.caught = asyncio.Event()

    @property
    def url(self) -> str:
        """The server's address with the proxy's port."""
        account = self._parts.netloc.rpartition("@")[0]
        return urlunsplit(self._parts._replace(netloc=f"{account}@127.0.0.1:{self._port}"))

    def hold_before(self, pattern: bytes) -> None:
        """Let nothing through any more, either way, from the first of these bytes on."""
        self._pattern, self._is_passed_on = pattern, False
        self.caught.clear()

    def hold_after(self, pattern: bytes) -> None:
        """Pass these bytes on to the server once, and let nothing through after them: no acknowledgement."""
        self._pattern, self._is_passed_on = pattern, True
        self.caught.clear()

    def release(self) -> None:
        """Forget what was held: its connections are cut; new ones pass everything on."""
        self._pattern = b""
        self.caught.clear()
        self.cut()

    def cut(self) -> None:
        """Break all connections."""
        for writer in self._writers:
            writer.transport.abort()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen on a free port."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            self.cut()
            await asyncio.gather(*self._passing, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError):
                to_reader, to_writer = await asyncio.open_connection(self._parts.hostname, self._parts.port)
                self._writers.add(to_writer)
                try:
                    await self._pass_both_ways(reader, writer, to_reader, to_writer)
                finally:
                    self._writers.discard(to_writer)
                    to_writer.transport.abort()
        finally:
            self._passing.discard(task)
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pass_both_ways(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        to_reader: asyncio.StreamReader,
        to_writer: asyncio.StreamWriter,
    ) -> None:
        ways = [
            asyncio.create_task(self._say(reader, to_writer)),
            asyncio.create_task(self._hear(to_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _say(self, reader: asyncio.StreamReader, to_writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            if self.caught.is_set():
                continue
            at = data.find(self._pattern) if self._pattern else -1
            if at >= 0:
                self.caught.set()
                data = data if self._is_passed_on else data[:at]
            to_writer.write(data)
            await to_writer.drain()

    async def _hear(self, to_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await to_reader.read(CHUNK_BYTES):
            if not self.caught.is_set():
                writer.write(data)
                await writer.drain()


@contextlib.asynccontextmanager
async def holding_proxy(url: str) -> AsyncIterator[HoldingProxy]:
    """Run a proxy before the server at `url`."""
    proxy = HoldingProxy(url)
    async with proxy.running():
        yield proxy
