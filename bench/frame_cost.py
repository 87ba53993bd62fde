"""What one frame of ten updates costs the gateway's process: through ASGI, directly, and as a bare send."""

import asyncio
import os
import random
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
from litestar import Litestar, WebSocket, websocket

from bench.processes import Line, Role, running
from bench.stream_flood import receive
from bench.table import Line as TableLine
from gateway.live.direct_send import DirectSendProtocol, direct_send_of, frame

CLIENTS = (500, 3_000)
SYMBOLS, UPDATES, UPDATE_BYTES = 1_000, 10, 40
FRAMES_PER_S = 20_000  # in all: paced, as a gateway's are, so that receivers sleep and are woken
SECONDS = 3.0
TARGET_USER_US = 1.5

Send = Callable[[bytes], Awaitable[None]]
AnySocket = WebSocket[Any, Any, Any]


async def serve(line: Line, way: str) -> None:
    """Serve `/stream` as the gateway does, and send every client frames of shared updates, one of the ways."""
    clients: list[tuple[Send, tuple[int, ...]]] = []
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)

    @websocket("/stream")
    async def stream(socket: AnySocket) -> None:
        await socket.accept()
        clients.append((_sender(socket, way), tuple(random.sample(range(SYMBOLS), UPDATES))))
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass

    config = uvicorn.Config(
        Litestar([stream], logging_config=None),
        ws=DirectSendProtocol,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        log_level="warning",
    )
    serving = asyncio.create_task(uvicorn.Server(config).serve([listener]))
    line.say(port=listener.getsockname()[1])
    await line.heard()
    line.say(clients=len(clients), **await _flood(clients))
    serving.cancel()


async def _flood(clients: list[tuple[Send, tuple[int, ...]]]) -> dict[str, float]:
    updates = [os.urandom(UPDATE_BYTES) for _ in range(SYMBOLS)]
    round_s, frames = len(clients) / FRAMES_PER_S, 0
    began_s, used = time.perf_counter(), os.times()
    while (now_s := time.perf_counter() - began_s) < SECONDS:
        for send, symbols in clients:
            await send(b"".join([updates[symbol] for symbol in symbols]))
        frames += len(clients)
        await asyncio.sleep(max(0.0, frames / FRAMES_PER_S - now_s) if round_s else 0)
    now = os.times()
    took_s = time.perf_counter() - began_s
    return {
        "frames": frames,
        "frames_per_s": frames / took_s,
        "user_us": (now.user - used.user) / frames * 1e6,
        "system_us": (now.system - used.system) / frames * 1e6,
    }


def _sender(socket: AnySocket, way: str) -> Send:
    direct = direct_send_of(socket.scope)
    if direct is None:
        raise RuntimeError("the server does not offer the direct way")
    descriptor, write = direct.descriptor, direct.writer(is_text=False)

    async def plainly(message: bytes) -> None:
        await socket.send_data(message, mode="binary")

    async def directly(message: bytes) -> None:
        if not write(message):
            await plainly(message)

    async def barely(message: bytes) -> None:
        os.write(descriptor, frame(message, False))

    return {"asgi": plainly, "direct": directly, "bare": barely}[way]


async def measure(folder: Path) -> list[TableLine]:
    """Run every way at every number of clients, the same frames to the same receivers."""
    return [await _at(folder, clients) for clients in CLIENTS]


async def _at(folder: Path, clients: int) -> TableLine:
    asgi, direct, bare = [await _one_way(folder, way, clients) for way in ("asgi", "direct", "bare")]
    whole = {name: figures["user_us"] + figures["system_us"] for name, figures in (("direct", direct), ("bare", bare))}
    return TableLine(
        f"a frame of {UPDATES} updates, {clients:,} clients",
        f"user {direct['user_us']:.1f} us, kernel {direct['system_us']:.1f} us",
        f"user <= {TARGET_USER_US} us",
        direct["user_us"] <= TARGET_USER_US,
        f"ASGI send: user {asgi['user_us']:.1f}, kernel {asgi['system_us']:.1f} us; bare os.write of a frame: "
        f"user {bare['user_us']:.1f}, kernel {bare['system_us']:.1f} us",
        f"{UPDATES * UPDATE_BYTES} bytes, joined from shared updates; {direct['frames_per_s']:,.0f} frames/s, paced; "
        f"{direct['received']:,.0f} of {direct['frames']:,.0f} frames' bytes received by one process that sleeps in "
        f"between. The whole is {whole['direct'] / whole['bare']:.2f} x the bare send.",
    )


async def _one_way(folder: Path, way: str, clients: int) -> dict[str, float]:
    async with running(folder, serve, way=way) as server, running(folder, receive) as receiver:
        port = (await server.answer())["port"]
        await receiver.ask(port=port, clients=clients)
        figures = await server.ask(start=True)
        if figures["clients"] != clients:
            raise RuntimeError(f"{figures['clients']} of {clients} clients were connected")
        return {**figures, "received": await _received(receiver, figures["frames"])}


async def _received(receiver: Role, frames: float) -> float:
    frame_bytes = len(frame(bytes(UPDATES * UPDATE_BYTES), False))
    return float((await receiver.ask(until=frames * frame_bytes))["bytes"]) / frame_bytes
