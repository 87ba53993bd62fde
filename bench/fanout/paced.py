"""A thousand clients, every symbol updated 20 times a second: what an update delivered costs, here and elsewhere."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bench.fanout import json_source, textbook
from bench.fanout.nats_websocket import running_websocket_nats
from bench.fanout.scene import (
    Market,
    Window,
    attending,
    measured,
    opened,
    publishing,
    running_gateway,
    running_market,
    settled,
)
from bench.fanout.usage import Meter
from bench.fanout.words import ages, faults, generator, is_faultless
from bench.processes import Figures, running
from bench.table import Line
from infra.local.servers import running_valkey

CLIENTS, SYMBOLS, PER_SYMBOL_S = 1_000, 1_000, 20
PER_S = float(SYMBOLS * PER_SYMBOL_S)
SECONDS, INTAKE_S = 8.0, 4.0
OPTIONS = {"clients": CLIENTS, "symbols": SYMBOLS}
OF_NATS, OF_TEXTBOOK = 5, 20  # we are to cost at most such a part


@dataclass(frozen=True, slots=True)
class _Run:
    """One way to send the same updates to the same clients."""

    window: Window
    at_the_end: Figures
    us: float  # of the sending process, per update delivered
    more: str


async def measure(folder: Path) -> list[Line]:
    """Run ours in both encodings, then the peers."""
    async with running_market(folder, SYMBOLS, PER_S) as market:
        ours = {dialect: await _ours(folder, market, dialect) for dialect in ("msgpack", "json")}
    nats, intake_us = await _nats(folder)
    book = await _textbook(folder)
    return [
        *(_our_line(name, run, nats.us, book.us) for name, run in ours.items()),
        Line(
            "peer (a): nats-server's own WebSocket listener",
            f"{nats.us:.2f} us/update delivered, {nats.us - intake_us:.2f} without the publisher's intake",
            notes=f"The same clients subscribed to the same subjects. {_notes(nats)}",
        ),
        Line(
            "peer (b): textbook gateway, Litestar and Redis",
            f"{book.us:.2f} us/update delivered",
            notes=f"bench/fanout/textbook.py: a Redis subscription per symbol, a JSON message per update. {book.more} "
            f"{_notes(book)}",
        ),
    ]


def _our_line(dialect: str, run: _Run, nats_us: float, book_us: float) -> Line:
    most_us = min(nats_us / OF_NATS, book_us / OF_TEXTBOOK)
    return Line(
        f"{CLIENTS:,} clients x 10 of {SYMBOLS:,} symbols at {PER_SYMBOL_S}/s, {dialect}",
        f"{run.us:.2f} us/update delivered",
        f"<= 1/{OF_NATS} of (a), {nats_us / OF_NATS:.2f}, and 1/{OF_TEXTBOOK} of (b), {book_us / OF_TEXTBOOK:.2f} us",
        run.us <= most_us and is_faultless(run.window, run.at_the_end),
        f"1/{nats_us / run.us:.1f} of (a), 1/{book_us / run.us:.1f} of (b)",
        f"{run.more} {_notes(run)}",
    )


def _notes(run: _Run) -> str:
    received = run.window.clients
    return (
        f"{run.window.updates_per_s:,.0f} updates/s in {received['frames'] / received['wall_s']:,.0f} messages/s, "
        f"{received['bytes'] / max(1, received['updates']):.0f} bytes/update. Age {ages(received['age_ms'])}. "
        f"{faults(run.window, run.at_the_end)}. {generator(received)}."
    )


async def _ours(folder: Path, market: Market, dialect: str) -> _Run:
    await market.source.ask(per_s=PER_S)
    async with (
        running_gateway(market) as gateway,
        attending(folder, dialect, gateway.port, market.secret, OPTIONS) as clients,
    ):
        await opened(clients, CLIENTS)
        window = await measured(clients, SECONDS, gateway=gateway.pid, nats=market.stack.nats_pid)
        at_the_end = await settled(market.source, clients, folder)
    user_us, system_us = window.us_per_frame("gateway")
    return _Run(
        window,
        at_the_end,
        window.us_per_update("gateway"),
        f"The gateway's whole process, {window.cores('gateway'):.2f} cores: {user_us:.1f} us user and {system_us:.1f} "
        f"kernel a frame, reading from NATS included; with nats-server's own "
        f"{window.us_per_update('gateway', 'nats'):.2f} us/update.",
    )


async def _nats(folder: Path) -> tuple[_Run, float]:
    """Measure nats-server, and what of its cost is taking the publisher's messages in."""
    async with (
        running_websocket_nats(folder) as server,
        publishing(folder, server.url, "", SYMBOLS, PER_S) as source,
    ):
        meter = Meter(server.pid)
        await asyncio.sleep(INTAKE_S)
        intake_s = meter.stop().cpu_s / INTAKE_S
        async with attending(folder, "nats", server.websocket_port, options=OPTIONS) as clients:
            await opened(clients, CLIENTS)
            window = await measured(clients, SECONDS, nats=server.pid)
            at_the_end = await settled(source, clients, folder)
    run = _Run(window, at_the_end, window.us_per_update("nats"), "")
    return run, intake_s / window.updates_per_s * 1e6


async def _textbook(folder: Path) -> _Run:
    async with (
        running_valkey(folder) as cache,
        running(folder, json_source.publish, redis_url=cache.url, symbols=SYMBOLS) as source,
        running(folder, textbook.serve, redis_url=cache.url) as server,
    ):
        port = (await server.answer())["port"]
        await source.answer()
        async with attending(folder, "textbook", port, options=OPTIONS) as clients:
            await opened(clients, CLIENTS, warm_s=0)
            await source.ask(per_s=PER_S)
            await asyncio.sleep(1)
            window = await measured(clients, SECONDS, server=server.pid, cache=cache.pid)
            at_the_end = await settled(source, clients, folder, within_s=2.0)
    return _Run(
        window,
        at_the_end,
        window.us_per_update("server"),
        f"Its process alone, {window.cores('server'):.2f} cores; with Valkey's own "
        f"{window.us_per_update('server', 'cache'):.2f}. Asked for {PER_S * 10:,.0f} updates/s.",
    )
