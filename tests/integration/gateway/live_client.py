"""A client of the stream that holds what it is told as the protocol says, and fails on any step out of order."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import msgpack
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.integration.gateway.running import SOON_S, Gateway, token

Message = dict[str, Any]
CHANNELS = ["quote", "depth", "trades", *(f"candles:{each}" for each in ("1m", "5m", "15m", "1h", "1d", "1w", "1M"))]
ALL_FIELDS = {"s", "q", "t", "r", "b", "bz", "a", "az", "l", "lz", "o", "hi", "lo", "v", "pc", "f"}


class LiveClient:
    """What one client has received: `held` by symbol, `passed` in order, `highest` sequence ever by symbol."""

    def __init__(self, socket: ClientConnection, is_packed: bool) -> None:
        self.socket = socket
        self.passed: list[Message] = []
        self.held: dict[str, Message] = {}
        self.highest: dict[str, int] = {}
        self._is_packed = is_packed

    async def send(self, action: str, **fields: object) -> None:
        """Send a command."""
        command = {"action": action, **fields}
        await self.socket.send(msgpack.packb(command) if self._is_packed else json.dumps(command))

    async def read(self, within_s: float = SOON_S) -> Message:
        """Read the next message and hold it against those before it."""
        async with asyncio.timeout(within_s):
            data = await self.socket.recv()
        assert isinstance(data, bytes) == self._is_packed
        message: Message = msgpack.unpackb(data) if isinstance(data, bytes) else json.loads(data)
        self.passed.append(message)
        self._hold(message)
        return message

    async def until(
        self, kind: str, where: Callable[[Message], object] = lambda _: True, within_s: float = SOON_S
    ) -> Message:
        """Read on until a message of that type comes; fail after `within_s`."""
        async with asyncio.timeout(within_s):
            while True:
                message = await self.read(within_s)
                if message["type"] == kind and where(message):
                    return message

    async def until_held(self, holds: Callable[[dict[str, Message]], object], within_s: float = SOON_S) -> None:
        """Read on until what is held is as wanted."""
        async with asyncio.timeout(within_s):
            while not holds(self.held):
                await self.read(within_s)

    async def subscribe(self, *symbols: str, channel: str = "quote", **fields: object) -> list[str]:
        """Subscribe and wait for the answer and every snapshot; return the canonical names."""
        await self.send("subscribe", symbols=list(symbols), channel=channel, **fields)
        names: list[str] = (await self.until("subscribed"))["symbols"]
        return await self._snapshots(names, channel)

    async def _snapshots(self, names: Iterable[str], channel: str = "quote") -> list[str]:
        """Read the snapshots that follow an answer at once, in its order, before anything else is said of them."""
        names, told = list(names), []
        while len(told) < len(names):
            message = await self.read()
            assert message["type"] == "snapshot", message
            told += [entry["s"] for entry in message[channel]]
        assert told == names
        return names

    async def unsubscribe(self, *symbols: str) -> None:
        """Unsubscribe and wait for the answer."""
        await self.send("unsubscribe", symbols=list(symbols))
        await self.until("unsubscribed")

    async def resume(self, last_seen: dict[str, str | int], channel: str = "quote", **fields: object) -> Message:
        """Subscribe as after a lost connection; return the answer."""
        await self.send("reconnect", last_seen=last_seen, channel=channel, **fields)
        resumed = await self.until("resumed")
        assert resumed["covered"] == (not resumed["lost"])
        await self._snapshots([*resumed["changed"], *resumed["lost"]], channel)
        return resumed

    async def error(self) -> tuple[str, str]:
        """Wait for an error; return its code and message."""
        error = await self.until("error")
        return error["code"], error["message"]

    async def answers_ping(self) -> None:
        """Show that the connection is up and everything sent before has been dealt with."""
        await self.send("ping")
        await self.until("pong")

    async def closed(self, within_s: float = SOON_S) -> tuple[int, str]:
        """Read on until the server closes the connection; return its code and reason."""
        async with asyncio.timeout(within_s):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await self.read(within_s)
        assert self.socket.close_code is not None
        return self.socket.close_code, self.socket.close_reason or ""

    def of(self, kind: str) -> list[Message]:
        """List what has come of one type."""
        return [message for message in self.passed if message["type"] == kind]

    def entries(self, kind: str, channel: str = "quote") -> list[Message]:
        """List the entries of a channel that have come in frames of one type."""
        return [entry for message in self.of(kind) for entry in message.get(channel, ())]

    def _hold(self, message: Message) -> None:
        if message["type"] in {"snapshot", "update"}:
            for entry in message.get("quote", ()):
                self._merge(entry, is_snapshot=message["type"] == "snapshot")
        elif message["type"] == "resumed" and message["channel"] == "quote":
            for name in message["unchanged"]:
                self.held.setdefault(name, {"s": name, "q": self.highest.get(name, 0)})
        elif message["type"] == "unsubscribed" and message["channel"] == "quote":
            for name in message["symbols"]:
                self.held.pop(name, None)

    def _merge(self, entry: Message, *, is_snapshot: bool) -> None:
        name = entry["s"]
        if is_snapshot:
            assert entry.keys() == ALL_FIELDS, f"a snapshot of {name} is not whole"
            assert entry["q"] >= self.highest.get(name, 0), f"a snapshot of {name} goes back"
        else:
            assert name in self.held, f"an update of {name}, which is not watched"
            assert entry["q"] > self.highest.get(name, 0), f"an update of {name} goes back"
        self.held[name] = self.held.get(name, {}) | entry
        self.highest[name] = entry["q"]


@contextlib.asynccontextmanager
async def unproven(
    gateway: Gateway, *offered: str, query: str = "", **options: int | socket.socket
) -> AsyncIterator[LiveClient]:
    """Connect without a token; `offered` are the subprotocols."""
    async with connect(
        gateway.stream_url + query,
        subprotocols=list(offered) or None,
        proxy=None,
        max_size=None,
        ping_interval=None,
        close_timeout=2,
        **options,
    ) as socket:
        yield LiveClient(socket, "tickmesh.msgpack" in offered[:1])


@contextlib.asynccontextmanager
async def live(
    gateway: Gateway, *, packed: bool = False, bearer: str | None = None, **options: int | socket.socket
) -> AsyncIterator[LiveClient]:
    """Connect with a good token, or the one given, and wait for the welcome."""
    wire = "tickmesh.msgpack" if packed else "tickmesh.json"
    async with unproven(gateway, wire, f"bearer.{bearer or token()}", **options) as client:
        await client.until("welcome")
        yield client
