"""A client that stays: it comes back as the protocol says, and fails if anything it is told goes back."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from websockets.exceptions import WebSocketException

from tests.integration.gateway.live_client import LiveClient, Message, live
from tests.integration.gateway.running import Gateway, until

SYMBOLS = (
    *("SPY", "QQQ", "NVDA", "TSLA", "AAPL", "AMZN", "MSFT", "META", "AMD", "GOOGL"),
    *("BRK.B", "JPM", "NFLX", "INTC", "BAC", "XOM", "WMT", "KO", "DIS", "T"),
)


class Watcher:
    """What a client has seen over all its connections."""

    def __init__(self, gateway: Gateway) -> None:
        self.connections = 0
        self.longest_silence_s = 0.0
        self._gateway = gateway
        self._client: LiveClient
        self._held: dict[str, Message] = {}
        self._highest: dict[str, int] = {}
        self._statuses: list[str] = []
        self._quoted_at_s = time.monotonic()

    @property
    def highest(self) -> dict[str, int]:
        """The highest sequence ever seen of each symbol."""
        return dict(self._highest)

    @property
    def held(self) -> dict[str, Message]:
        """The newest image of each symbol."""
        return dict(self._held)

    @property
    def statuses(self) -> list[str]:
        """What the gateway said of its own connection, in order."""
        return self._statuses

    async def run(self) -> None:
        """Watch for as long as the task lives; only what is out of order ends it."""
        while True:
            with contextlib.suppress(OSError, EOFError, WebSocketException):
                async with live(self._gateway) as client:
                    await self._watch(client)

    async def moved_on(self) -> float:
        """Wait until every symbol's quote is newer than now; return the seconds that took."""
        before = self.highest

        async def is_newer() -> bool:
            return len(before) == len(SYMBOLS) and all(self._highest[name] > before[name] for name in before)

        return await until(is_newer, "every quote moves on")

    async def told(self, status: str, count: int = 1) -> float:
        """Wait until the gateway has said a status that often; return the seconds that took."""

        async def is_told() -> bool:
            return self._statuses.count(status) >= count

        return await until(is_told, f"the status is {status}")

    async def _watch(self, client: LiveClient) -> None:
        client.highest = self._highest
        self.connections += 1
        if self._held:
            await client.resume({name: image["q"] for name, image in self._held.items()})
            for name, image in client.held.items():
                client.held[name] = self._held[name] | image
        else:
            await client.subscribe(*SYMBOLS)
        self._held = client.held
        while True:
            message = await client.read(within_s=60)
            client.passed.clear()
            if message["type"] == "status":
                self._statuses.append(message["upstream"])
            elif message["type"] == "update":
                now_s = time.monotonic()
                self.longest_silence_s = max(self.longest_silence_s, now_s - self._quoted_at_s)
                self._quoted_at_s = now_s


@contextlib.asynccontextmanager
async def watching(gateway: Gateway) -> AsyncIterator[Watcher]:
    """Watch in the background until the end of the block, which fails where the watcher did."""
    watcher = Watcher(gateway)
    task = asyncio.create_task(watcher.run())
    try:

        async def has_all() -> bool:
            if task.done():
                task.result()
            return len(watcher.highest) == len(SYMBOLS)

        await until(has_all, "the watcher has every symbol")
        yield watcher
        if task.done():
            task.result()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
