"""As many clients as one process is to carry, on a lane of 200,000 updates a second."""

import asyncio
from pathlib import Path

from bench.fanout.scene import attending, measured, opened, running_gateway, running_market, settled
from bench.fanout.usage import resident_bytes
from bench.fanout.words import ages, faults, generator, is_faultless
from bench.machine import loopback_drops, loopback_room
from bench.table import Line

CLIENTS, SYMBOLS, EACH = 10_000, 20_000, 10
PER_S, RATE = 200_000.0, 10.0
OPENING_PER_S, OPENED_PER_S = 20_000.0, 250.0  # the lane while clients come, and how many of them come in a second
SECONDS, WARM_S = 12.0, 4.0
P99_MS, MOST_CORES, MOST_KB = 150.0, 1.0, 30.0


async def measure(folder: Path) -> list[Line]:
    """Connect everybody, and hold ages, processor and memory against their bounds."""
    async with (
        running_market(folder, SYMBOLS, OPENING_PER_S) as market,
        running_gateway(market) as gateway,
    ):
        before = resident_bytes(gateway.pid)
        options = {"clients": CLIENTS, "symbols": SYMBOLS, "each": EACH, "rate": RATE, "per_s": OPENED_PER_S}
        async with attending(folder, "msgpack", gateway.port, market.secret, options) as clients:
            opening = await opened(clients, CLIENTS, warm_s=0)
            await market.source.ask(per_s=PER_S)
            await asyncio.sleep(WARM_S)
            drops = loopback_drops()
            window = await measured(
                clients, SECONDS, gateway=gateway.pid, nats=market.stack.nats_pid, source=market.source.pid
            )
            drops = loopback_drops() - drops
            grown_kb = (resident_bytes(gateway.pid) - before) / CLIENTS / 1000
            at_the_end = await settled(market.source, clients, folder)
    received, cores = window.clients, window.cores("gateway")
    is_good = received["age_ms"]["p99"] <= P99_MS and cores <= MOST_CORES and grown_kb <= MOST_KB
    return [
        Line(
            f"{CLIENTS:,} clients x {EACH} of {SYMBOLS:,} symbols, one process",
            f"age {ages(received['age_ms'])}; {cores:.2f} cores; {grown_kb:.1f} KB a connection",
            f"p99 <= {P99_MS:g} ms, <= {MOST_CORES:g} core, <= {MOST_KB:g} KB",
            is_good and is_faultless(window, at_the_end),
            "",
            f"Lane of {PER_S:,.0f} msg/s, {PER_S / SYMBOLS:g}/s a symbol; every client asked for {RATE:g}/s. "
            f"{window.updates_per_s:,.0f} updates/s delivered of {PER_S / SYMBOLS * CLIENTS * EACH:,.0f} published for "
            f"somebody, the others conflated, in {received['frames'] / received['wall_s']:,.0f} frames/s. "
            f"{window.us_per_update('gateway'):.2f} us/update. {faults(window, at_the_end)}. "
            f"Memory is resident growth from before the first connection, subscriptions included. They came in "
            f"{opening['took_s']:.1f} s, with {OPENING_PER_S:,.0f} msg/s. "
            f"Loopback's backlog of {loopback_room()} packets dropped {drops:,}. "
            f"{generator(received)}; nats-server {window.cores('nats'):.2f}, publisher {window.cores('source'):.2f}.",
        )
    ]
