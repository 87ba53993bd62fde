"""One client that never reads, among a thousand that do."""

import asyncio
import socket
import time
from pathlib import Path
from uuid import uuid4

import msgspec

from bench.fanout.frames import BINARY, CLOSE, FrameError, Reassembler, masked, upgrade
from bench.fanout.scene import Window, attending, measured, opened, running_gateway, running_market, settled
from bench.fanout.usage import resident_bytes
from bench.fanout.walk import name
from bench.fanout.words import ages, faults, generator, is_faultless
from bench.processes import Figures
from bench.table import Line
from gateway.accounts.settings import TokenSettings
from gateway.accounts.tokens import AccessTokens

CLIENTS, SYMBOLS, PER_S = 1_000, 1_000, 20_000.0
OPTIONS = {"clients": CLIENTS, "symbols": SYMBOLS}
STUCK_SYMBOLS = 200
BEFORE_S, STUCK_S = 8.0, 20.0  # the second is longer than the gateway bears with a client that does not read
MOST_CHANGE = 0.2
_READ_WITHIN_S = 2.0


async def measure(folder: Path) -> list[Line]:
    """Measure the others' ages without it, then with it."""
    async with (
        running_market(folder, SYMBOLS, PER_S) as market,
        running_gateway(market) as gateway,
        attending(folder, "msgpack", gateway.port, market.secret, OPTIONS) as clients,
    ):
        await opened(clients, CLIENTS)
        start_bytes = resident_bytes(gateway.pid)
        without = await measured(clients, BEFORE_S, gateway=gateway.pid)
        middle_bytes = resident_bytes(gateway.pid)
        with _stuck_client(gateway.port, market.secret) as stuck:
            beside = await measured(clients, STUCK_S, gateway=gateway.pid)
            grown_bytes = resident_bytes(gateway.pid) - middle_bytes
            end = await asyncio.to_thread(_end_of, stuck)
        at_the_end = await settled(market.source, clients, folder)
    return [_line(without, beside, middle_bytes - start_bytes, grown_bytes, end, at_the_end)]


def _line(without: Window, beside: Window, grown_before: int, grown_beside: int, end: str, at_the_end: Figures) -> Line:
    p99_ms, p99_beside_ms = (each.clients["age_ms"]["p99"] for each in (without, beside))
    change = p99_beside_ms / p99_ms - 1
    return Line(
        f"one stuck client among {CLIENTS:,}",
        f"the others' p99 {p99_ms:.1f} ms without, {p99_beside_ms:.1f} ms with it: {change:+.0%}",
        f"rises by < {MOST_CHANGE:.0%}",
        change < MOST_CHANGE and is_faultless(beside, at_the_end),
        "",
        f"It watches {STUCK_SYMBOLS} symbols at 20/s and never reads; in {STUCK_S:g} s: {end}. The gateway's memory "
        f"grew by {grown_beside / 1000:,.0f} KB meanwhile, and by {grown_before / 1000:,.0f} KB in the {BEFORE_S:g} s "
        f"before. Ages without {ages(without.clients['age_ms'])}, with {ages(beside.clients['age_ms'])}. "
        f"{faults(beside, at_the_end)}. {generator(beside.clients)}.",
    )


def _stuck_client(port: int, secret: str) -> socket.socket:
    """Connect, subscribe, and leave it at that."""
    token = AccessTokens(TokenSettings(secret=secret.encode())).issue(uuid4(), time.time())
    asked = {"action": "subscribe", "symbols": [name(number) for number in range(STUCK_SYMBOLS)], "rate": 20.0}
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(upgrade("/stream", f"tickmesh.msgpack, bearer.{token}"))
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += connection.recv(1)  # not a byte more
    connection.sendall(masked(BINARY, msgspec.msgpack.encode(asked)))
    return connection


def _end_of(connection: socket.socket) -> str:
    """Read what lies there at last, and tell whether the gateway had closed the connection."""
    stream, received, deadline_s = Reassembler(), 0, time.monotonic() + _READ_WITHIN_S
    connection.settimeout(_READ_WITHIN_S)
    try:
        while time.monotonic() < deadline_s:
            data = connection.recv(1 << 16)
            if not data:
                return f"it was cut off, after {received:,} bytes had piled up"
            received += len(data)
            for opcode, payload in stream.take(data):
                if opcode == CLOSE:
                    code = int.from_bytes(payload[:2], "big")
                    return f"it was closed with {code}, after {received:,} bytes had piled up"
    except (OSError, FrameError) as error:
        return f"it was cut off ({type(error).__name__}), after {received:,} bytes had piled up"
    return "it was not closed"
