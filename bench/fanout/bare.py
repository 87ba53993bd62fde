"""The least a frame can cost: recorded frames, written to sockets without a thought, at the same pace."""

import asyncio
import os
import socket
import time
from pathlib import Path

import msgspec

from bench.fanout.frames import BINARY, SWITCHING, served
from bench.processes import Line

_SLICE_S = 0.01  # the gateway's own step
_REQUEST_END = b"\r\n\r\n"


async def serve(line: Line, recorded: str, clients: int) -> None:
    """Say the port, take all clients; when told `{"per_s": …}`, write that many frames a second to them in turn."""
    frames = _frames(Path(recorded))
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    line.say(port=listener.getsockname()[1])
    sockets = [await _accepted(listener, frames[0]) for _ in range(clients)]
    line.say(clients=len(sockets))
    descriptors = [each.fileno() for each in sockets]
    per_s = (await line.heard())["per_s"]
    line.say(going=True)
    began_s, sent = time.perf_counter(), 0
    while True:
        due = int((time.perf_counter() - began_s) * per_s) - sent
        for at in range(sent, sent + due):
            try:
                os.write(descriptors[at % clients], frames[at % len(frames)])
            except BlockingIOError:
                continue
        sent += due
        await asyncio.sleep(_SLICE_S - (time.perf_counter() - began_s) % _SLICE_S)


def _frames(recorded: Path) -> list[bytes]:
    messages = msgspec.msgpack.decode(recorded.read_bytes(), type=list[bytes])
    return [served(BINARY, message) for message in messages]


async def _accepted(listener: socket.socket, first: bytes) -> socket.socket:
    """Take one client, upgrade it, and send it its first frame."""
    loop = asyncio.get_running_loop()
    connection, _ = await loop.sock_accept(listener)
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = b""
    while _REQUEST_END not in request:
        request += await loop.sock_recv(connection, 4096)
    await loop.sock_sendall(connection, SWITCHING + first)
    return connection
