"""Clients of `WS /stream` in a process of their own, which note when each message came."""

import asyncio
import random
import time

import msgspec
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.processes import Figures, Line


async def open_stream(url: str, token: str) -> ClientConnection:
    """Connect with the token as a subprotocol, and read the welcome."""
    offered = [Subprotocol("tickmesh.json"), Subprotocol(f"bearer.{token}")]
    client = await connect(url, subprotocols=offered, compression=None, max_queue=None)
    await _until(client, "welcome")
    return client


async def watch(line: Line, url: str, token: str, groups: list[list[str]]) -> None:
    """Open one connection per group of symbols; measure each update from the feed's receipt to its arrival here."""
    ages_ms: list[float] = []
    clients = [await open_stream(url, token) for _ in groups]
    for client, symbols in zip(clients, groups, strict=True):
        await client.send(msgspec.json.encode({"action": "subscribe", "symbols": symbols}), text=True)
        await _until(client, "snapshot")  # one frame holds them all
    reading = [asyncio.ensure_future(_note_ages(client, ages_ms)) for client in clients]
    line.say(ready=True)
    while True:
        seconds = (await line.heard())["seconds"]
        ages_ms.clear()
        await asyncio.sleep(seconds)
        line.say(**quantiles(ages_ms), lost_connections=sum(each.done() for each in reading))


async def _note_ages(client: ClientConnection, ages_ms: list[float]) -> None:
    async for text in client:
        arrived_ns = time.time_ns()
        message = msgspec.json.decode(text)
        if message["type"] == "update":
            ages_ms += [arrived_ns / 1e6 - each["r"] / 1e3 for each in message["quote"]]


async def subscribe_in_turn(line: Line, url: str, token: str, symbols: list[str], rate: float) -> None:
    """Subscribe to symbols nobody watches, one by one at random times; measure from asking to the snapshot."""
    client = await open_stream(url, token)
    asked_s: dict[str, float] = {}
    took_ms: list[float] = []
    updates = 0

    async def read() -> None:
        nonlocal updates
        async for text in client:
            arrived_s = time.perf_counter()
            message = msgspec.json.decode(text)
            updates += message["type"] == "update"
            if message["type"] == "snapshot":
                took_ms.extend(
                    (arrived_s - asked_s[each["s"]]) * 1e3 for each in message["quote"] if each["b"] is not None
                )

    reading = asyncio.ensure_future(read())
    for symbol in symbols:
        await asyncio.sleep(random.expovariate(rate))
        asked_s[symbol] = time.perf_counter()
        await client.send(msgspec.json.encode({"action": "subscribe", "symbols": [symbol]}), text=True)
    async with asyncio.timeout(10):
        while len(took_ms) < len(symbols):  # noqa: ASYNC110  # a wake-up per snapshot would disturb what is measured
            await asyncio.sleep(0.05)
    reading.cancel()
    line.say(**quantiles(took_ms), asked=len(symbols), frames=updates)


def quantiles(samples_ms: list[float]) -> Figures:
    """Sum up samples."""
    if not samples_ms:
        return {
            "count": 0,
            "p50": float("nan"),
            "p99": float("nan"),
            "max": float("nan"),
        }
    p50, p99, most = np.percentile(samples_ms, [50, 99, 100]).tolist()
    return {"count": len(samples_ms), "p50": p50, "p99": p99, "max": most}


async def _until(client: ClientConnection, kind: str) -> None:
    async with asyncio.timeout(10):
        while msgspec.json.decode(await client.recv())["type"] != kind:
            pass
