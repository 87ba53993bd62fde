"""From asking for a symbol that nobody watches to its snapshot, on a running market."""

import random
from pathlib import Path

from bench import stream_client
from bench.processes import running
from bench.stack import log_in, running_process, running_stack
from bench.table import Line
from workers.feed.sim.universe import load

FEED = "sim:rate=10000,profile=flat,symbols=5000"
ASKED = 800
RATE_PER_S = 100.0
P99_MS = 50.0


async def measure(folder: Path) -> list[Line]:
    """Subscribe one connection to symbol after symbol."""
    symbols = [str(key) for key in load(5000).keys]
    chosen = random.Random(1).sample(symbols, ASKED)
    async with (
        running_stack(folder) as stack,
        running_process(stack, "workers.feed", TICKMESH_FEED=FEED),
        running_process(stack, "gateway", TICKMESH_COMMANDS_PER_S="1000"),
    ):
        url, token = await log_in(stack)
        async with running(
            folder,
            stream_client.subscribe_in_turn,
            url=url,
            token=token,
            symbols=chosen,
            rate=RATE_PER_S,
        ) as client:
            figures = await client.answer()
    return [
        Line(
            "first snapshot after subscribing",
            f"p50 {figures['p50']:.2f} ms, p99 {figures['p99']:.2f} ms, max {figures['max']:.1f} ms",
            f"p99 <= {P99_MS:g} ms",
            figures["p99"] <= P99_MS and figures["count"] == ASKED,
            "",
            f"{figures['count']} of {ASKED} snapshots came, asked for one by one at Poisson times, {RATE_PER_S:g}/s, "
            f"on one connection that keeps up and also received {figures['frames']} frames of updates; none of the "
            f"symbols was watched before. Feed {FEED}.",
        )
    ]
