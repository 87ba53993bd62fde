"""What one frame of ten updates costs the gateway, beside writing the same bytes without a thought."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from bench.fanout import bare
from bench.fanout.scene import (
    WARM_S,
    Gateway,
    Market,
    Window,
    attending,
    measured,
    opened,
    running_gateway,
    running_market,
)
from bench.fanout.words import ages, besides, generator
from bench.processes import Figures, Role, running
from bench.table import Line

SYMBOLS, EACH = 1_000, 10
SECONDS, QUIET_S, BARE_S = 8.0, 6.0, 6.0
OPENED_PER_S = 300.0
LEAST_RATE = 0.1  # frames a second: a client that gets nearly none, and costs the gateway all else
WHOLE_OF_BARE = 1.4


@dataclass(frozen=True, slots=True)
class Case:
    """So many clients, each sent so many frames a second; every symbol changes as often."""

    clients: int
    rate: float
    user_us: float  # the target


CASES = (Case(500, 20.0, 1.5), Case(5_000, 10.0, 2.5))


async def measure(folder: Path) -> list[Line]:
    """Measure each case."""
    return [await _case(folder, case) for case in CASES]


async def _case(folder: Path, case: Case) -> Line:
    recorded = folder / f"frames-{case.clients}.msgpack"
    async with (
        running_market(folder, SYMBOLS, SYMBOLS * case.rate) as market,
        running_gateway(market) as gateway,
        _clients(folder, market, gateway, case) as clients,
    ):
        ours = await measured(clients, SECONDS, gateway=gateway.pid)
        sample = await clients.ask(record=str(recorded))
        await clients.ask(rate=LEAST_RATE)
        await asyncio.sleep(WARM_S)
        quiet = await measured(clients, QUIET_S, gateway=gateway.pid)
    return _line(case, ours, quiet, await _bare(folder, case, ours, recorded), sample)


@contextlib.asynccontextmanager
async def _clients(folder: Path, market: Market, gateway: Gateway, case: Case) -> AsyncIterator[Role]:
    """Have all clients in."""
    options = {"clients": case.clients, "symbols": SYMBOLS, "each": EACH, "rate": case.rate, "per_s": OPENED_PER_S}
    async with attending(folder, "msgpack", gateway.port, market.secret, options) as clients:
        await opened(clients, case.clients)
        yield clients


async def _bare(folder: Path, case: Case, ours: Window, recorded: Path) -> Window:
    """Write as many frames a second, of the bytes recorded, to as many clients of the same program."""
    async with running(folder, bare.serve, recorded=str(recorded), clients=case.clients) as server:
        port = (await server.answer())["port"]
        options = {"clients": case.clients, "symbols": SYMBOLS, "each": EACH}
        async with attending(folder, "recorded", port, options=options) as clients:
            await server.answer()
            await opened(clients, case.clients, warm_s=0)
            await server.ask(per_s=ours.clients["frames"] / ours.clients["wall_s"])
            await asyncio.sleep(1)
            return await measured(clients, BARE_S, server=server.pid)


def _line(case: Case, ours: Window, quiet: Window, least: Window, sample: Figures) -> Line:
    user_us, system_us = ours.us_per_frame("gateway")
    bare_user_us, bare_system_us = least.us_per_frame("server")
    frames_per_s = ours.clients["frames"] / ours.clients["wall_s"]
    quiet_us = [
        spent_s / quiet.clients["wall_s"] / frames_per_s * 1e6
        for spent_s in (quiet.used["gateway"].user_s, quiet.used["gateway"].system_s)
    ]
    alone_us = user_us - quiet_us[0]
    whole_us, bare_us = user_us + system_us - sum(quiet_us), bare_user_us + bare_system_us
    return Line(
        f"a frame of {ours.clients['updates'] / ours.clients['frames']:.1f} updates, {case.clients:,} clients",
        f"fan-out alone: user {alone_us:.2f}, kernel {system_us - quiet_us[1]:.2f} us; whole process: user "
        f"{user_us:.2f}, kernel {system_us:.2f} us",
        f"fan-out: user <= {case.user_us} us, user and kernel <= {WHOLE_OF_BARE} x (c)",
        alone_us <= case.user_us and whole_us <= WHOLE_OF_BARE * bare_us,
        f"(c) bare os.write of recorded frames: user {bare_user_us:.2f}, kernel {bare_system_us:.2f} us; ours is "
        f"{whole_us / bare_us:.2f} x, the whole process {(user_us + system_us) / bare_us:.2f} x",
        f"{frames_per_s:,.0f} frames/s of {sample['mean_bytes']:.0f} bytes; {SYMBOLS:,} symbols at {case.rate:g}/s "
        f"each. Left out of the fan-out is what the gateway used with the same lane and subscriptions at "
        f"{LEAST_RATE} frames/s a client. (c) wrote {least.clients['frames'] / least.clients['wall_s']:,.0f} frames/s "
        f"in steps of 10 ms. Receivers in both: one process, asleep in epoll in between, that reads and checks "
        f"everything; age {ages(ours.clients['age_ms'])}. {besides(ours)}. {generator(ours.clients)}; for (c): "
        f"{generator(least.clients)}.",
    )
