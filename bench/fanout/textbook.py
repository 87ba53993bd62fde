"""The textbook gateway: Litestar on uvicorn, a Redis subscription per symbol, a JSON message for every update.

One connection to Redis, one subscription for all who watch a symbol, and each message is passed on as it is: nothing is
decoded or encoded on the way. No tokens, no limits, no conflation.
"""

import asyncio
import contextlib
import socket
from collections import defaultdict
from typing import Any

import uvicorn
from litestar import Litestar, WebSocket, websocket
from litestar.datastructures import State
from litestar.exceptions import WebSocketException
from redis.asyncio import Redis

from bench.processes import Line

AnySocket = WebSocket[Any, Any, Any]


def channel(symbol: str) -> str:
    """Name the Redis channel of a symbol's quotes."""
    return f"quote:{symbol}"


class Quotes:
    """Passes every quote on to whoever watches its symbol."""

    def __init__(self, redis: Redis) -> None:
        self._pubsub = redis.pubsub(ignore_subscribe_messages=True)
        self._watchers: dict[str, set[AnySocket]] = defaultdict(set)

    async def watch(self, client: AnySocket, symbols: list[str]) -> None:
        """Send a client every quote of these symbols."""
        names = [channel(symbol) for symbol in symbols]
        fresh = [name for name in names if name not in self._watchers]
        for name in names:
            self._watchers[name].add(client)
        if fresh:
            await self._pubsub.subscribe(*fresh)

    def forget(self, client: AnySocket) -> None:
        """Send a client nothing more."""
        for watchers in self._watchers.values():
            watchers.discard(client)

    async def run(self) -> None:
        """Pass quotes on for as long as the task lives."""
        await self._pubsub.subscribe("status")
        async for message in self._pubsub.listen():
            for client in tuple(self._watchers[message["channel"]]):
                try:
                    await client.send_text(message["data"])
                except (WebSocketException, RuntimeError):
                    self.forget(client)


@websocket("/stream")
async def stream(socket: AnySocket, state: State) -> None:
    """Serve one client."""
    await socket.accept()
    with contextlib.suppress(WebSocketException):
        while True:
            symbols = (await socket.receive_json())["subscribe"]
            await state.quotes.watch(socket, symbols)
            await socket.send_json({"subscribed": len(symbols)})
    state.quotes.forget(socket)


async def serve(line: Line, redis_url: str) -> None:
    """Serve for ever, on a port that is said."""
    quotes = Quotes(Redis.from_url(redis_url, decode_responses=True))
    app = Litestar([stream], state=State({"quotes": quotes}), logging_config=None)
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    line.say(port=listener.getsockname()[1])
    config = uvicorn.Config(app, log_level="warning")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(quotes.run())
        tasks.create_task(uvicorn.Server(config).serve([listener]))
