"""A way to Postgres that breaks at the worst moment: with a COMMIT on it, before or after it got there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from enum import Enum

_COMMIT = b"COMMIT\0"


class Cut(Enum):
    BEFORE = "before it reaches the server"
    AFTER = "after the server has it, before its answer comes"


class Way:
    """Passes bytes on; `cut` says what is to become of the next COMMIT, `cuts` how many were cut off."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.tasks: set[asyncio.Task[None]] = set()
        self.cut: Cut | None = None
        self.cuts = 0

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass_on(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._port)
        back = asyncio.create_task(_copy(server_reader, writer))
        try:
            while data := await reader.read(1 << 16):
                cut = self.cut if _COMMIT in data else None
                if cut is not None:
                    self.cut, self.cuts = None, self.cuts + 1
                    back.cancel()
                if cut is Cut.BEFORE:
                    break
                server_writer.write(data)
                await server_writer.drain()
                if cut is Cut.AFTER:
                    await asyncio.gather(back, return_exceptions=True)
                    await server_reader.read(1)  # its answer, which nobody hears
                    break
        except ConnectionError:
            pass
        finally:
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)
            for each in (writer, server_writer):
                each.close()
                with contextlib.suppress(ConnectionError):
                    await each.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def cutting_way(port: int) -> AsyncIterator[tuple[Way, int]]:
    """Open a way to the server at a port of this machine; gives it and the port that it begins at."""
    way = Way(port)
    server = await asyncio.start_server(way.connected, "127.0.0.1", 0)
    try:
        yield way, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in way.tasks:
            task.cancel()
        await asyncio.gather(*way.tasks, return_exceptions=True)
