"""What the parts of the benchmark share: a running market and gateway, clients on it, and what both used in a while."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.fanout import clients, quote_source
from bench.fanout.usage import Meter, Usage
from bench.processes import Figures, Role, RoleError, running
from bench.stack import Stack, StackError, running_process, running_stack
from gateway.serving import raise_limit
from infra.local.ports import any_free

WARM_S = 2.0
MOST_CLIENTS = 10_000
_DESCRIPTORS = MOST_CLIENTS + 1_000
_OPEN_WITHIN_S = 70.0

# What limits one machine's clients would meet: they are as many users, but all have one address.
LIMITS = {
    "TICKMESH_CONNECTIONS_PER_ADDRESS": str(2 * MOST_CLIENTS),
    "TICKMESH_CONNECTIONS_UNPROVEN": str(2 * MOST_CLIENTS),
    "TICKMESH_LOG_LEVEL": "WARNING",
}


@dataclass(frozen=True, slots=True)
class Window:
    """What clients received in some seconds, and what each process used meanwhile."""

    clients: Figures
    used: Mapping[str, Usage]

    def us_per_update(self, *names: str) -> float:
        """Give the processor time of some processes for each update delivered."""
        return sum(self.used[name].cpu_s for name in names) / max(1, int(self.clients["updates"])) * 1e6

    def us_per_frame(self, name: str) -> tuple[float, float]:
        """Give a process's user and system time for each frame delivered."""
        frames = max(1, self.clients["frames"]) / 1e6
        return self.used[name].user_s / frames, self.used[name].system_s / frames

    def cores(self, name: str) -> float:
        """Give the cores a process kept busy."""
        return float(self.used[name].cpu_s / self.clients["wall_s"])

    @property
    def updates_per_s(self) -> float:
        """Give the updates delivered to all clients in a second."""
        return float(self.clients["updates"] / self.clients["wall_s"])


@dataclass(frozen=True, slots=True)
class Market:
    """The servers, and the publisher of the quote lane."""

    stack: Stack
    source: Role

    @property
    def secret(self) -> str:
        """The key that the gateway's tokens are signed with."""
        return self.stack.environment["TICKMESH_JWT_SECRET"]


@contextlib.asynccontextmanager
async def running_market(folder: Path, symbols: int, per_s: float) -> AsyncIterator[Market]:
    """Run a stack, and publish so many updates a second in all; raises StackError where sockets are too few."""
    _allow_many_sockets()
    async with (
        running_stack(folder) as stack,
        publishing(folder, stack.nats_url, stack.cache_url, symbols, per_s) as source,
    ):
        yield Market(stack, source)


def _allow_many_sockets() -> None:
    """Raise this process's limit of descriptors, which its children inherit."""
    granted = raise_limit()
    if granted < _DESCRIPTORS:
        raise StackError(f"the system allows {granted} open files, and {MOST_CLIENTS:,} clients need {_DESCRIPTORS:,}")


@contextlib.asynccontextmanager
async def publishing(folder: Path, nats_url: str, cache_url: str, symbols: int, per_s: float) -> AsyncIterator[Role]:
    """Run the quote lane's publisher at so many updates a second in all."""
    arguments = {"nats_url": nats_url, "cache_url": cache_url, "symbols": symbols}
    async with running(folder, quote_source.publish, **arguments) as source:
        await source.answer()
        await source.ask(per_s=per_s)
        yield source


@dataclass(frozen=True, slots=True)
class Gateway:
    """A real gateway process."""

    port: int
    pid: int


@contextlib.asynccontextmanager
async def running_gateway(market: Market, **settings: str) -> AsyncIterator[Gateway]:
    """Run `python -m gateway` on a port of its own."""
    port = any_free()
    async with running_process(market.stack, "gateway", TICKMESH_HTTP_PORT=str(port), **(LIMITS | settings)) as server:
        yield Gateway(port, server.pid)


@contextlib.asynccontextmanager
async def attending(
    folder: Path, dialect: str, port: int, secret: str = "", options: Mapping[str, float] | None = None
) -> AsyncIterator[Role]:
    """Run clients in a process of their own; the first answer, for `opened`, says how they got in."""
    async with running(
        folder, clients.attend, dialect=dialect, port=port, secret=secret, **(options or {})
    ) as attendants:
        yield attendants


async def opened(attendants: Role, clients: int, warm_s: float = WARM_S) -> Figures:
    """Wait until every client is in, and some seconds more; raises RoleError where one was refused."""
    figures = await attendants.answer(_OPEN_WITHIN_S)
    if figures["live"] != clients:
        raise RoleError(f"{figures['live']} of {clients} clients got in: {figures['others']}")
    await asyncio.sleep(warm_s)
    return figures


async def measured(attendants: Role, seconds: float, **pids: int) -> Window:
    """Let clients and processes run for a while."""
    meters = {name: Meter(pid) for name, pid in pids.items()}
    received = await attendants.ask(measure=seconds)
    return Window(received, {name: meter.stop() for name, meter in meters.items()})


async def settled(source: Role, attendants: Role, folder: Path, within_s: float = 10.0) -> Figures:
    """Stop the publisher, and wait, within bounds, until every client holds what was published last."""
    await source.ask(per_s=0)
    path = folder / "states.npy"
    await source.ask(save=str(path))
    return await attendants.ask(settle=str(path), for_s=within_s)
