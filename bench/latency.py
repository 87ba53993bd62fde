"""From the feed's socket to a client's, on an idle system, through every process there is."""

from pathlib import Path

from bench import quiet_feed, stream_client
from bench.processes import Figures, running
from bench.stack import log_in, running_process, running_stack
from bench.table import Line

SYMBOLS = 50
RATE_PER_S = 50.0
SECONDS = 10.0
P50_MS, P99_MS = 2.0, 10.0


async def measure(folder: Path) -> list[Line]:
    """Measure with a client for each symbol, then with one client for all symbols, whose frames are paced."""
    names = quiet_feed.names(SYMBOLS)
    async with running_stack(folder) as stack:
        source = {
            "nats_url": stack.nats_url,
            "cache_url": stack.cache_url,
            "symbols": SYMBOLS,
            "rate": RATE_PER_S,
        }
        async with running(folder, quiet_feed.feed, **source) as feed:
            await feed.answer()
            async with running_process(stack, "gateway"):
                url, token = await log_in(stack)
                each = await _watch(folder, url, token, [[name] for name in names], SECONDS)
                one = await _watch(folder, url, token, [names], SECONDS / 2)
    return [
        Line(
            "latency, feed socket to client socket, idle",
            _measured(each),
            f"p50 <= {P50_MS:g} ms, p99 <= {P99_MS:g} ms",
            each["p50"] <= P50_MS and each["p99"] <= P99_MS and not each["lost_connections"],
            f"one client watching all {SYMBOLS} symbols: {_measured(one)}; its frames are held to 20 a second",
            f"{each['count']} updates at Poisson times, {RATE_PER_S:g}/s, {SYMBOLS} symbols in turn, one WebSocket "
            "client each (library websockets, JSON, all in one process that keeps up). From ts_recv, stamped by the "
            "feed before it folds the change in, to the client's return from recv(). Feed, nats-server with the tape, "
            "gateway with token check, Postgres, cache and client are processes of their own.",
        )
    ]


async def _watch(folder: Path, url: str, token: str, groups: list[list[str]], seconds: float) -> Figures:
    async with running(folder, stream_client.watch, url=url, token=token, groups=groups) as client:
        await client.answer()
        await client.ask(seconds=1.0)  # the first second warms everything up
        return await client.ask(seconds=seconds)


def _measured(figures: Figures) -> str:
    return f"p50 {figures['p50']:.2f} ms, p99 {figures['p99']:.2f} ms, max {figures['max']:.1f} ms"
