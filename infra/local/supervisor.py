"""Keeps declared services running: started in order, restarted when they die, stopped in reverse within a bound."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from enum import Enum

from infra.local.child import Child, Ended, last_words, until_serving
from infra.local.restart import RestartPolicy
from infra.local.service import NotReady, Service

STOP_ALL_WITHIN_S = 4.0
STOP_ONE_WITHIN_S = 2.0
STOP_RESERVE_S = 0.5


class State(Enum):
    """What a service is doing."""

    WAITING = "waiting"
    STARTING = "starting"
    UP = "up"
    RESTARTING = "restarting"
    DONE = "done"
    STOPPED = "stopped"


class StartFailed(Exception):  # noqa: N818  # reads as what it says
    """A service did not come up at the first start of the stack."""


class Supervisor:
    """Runs services; `say` gets one line for each thing worth telling."""

    def __init__(
        self,
        services: Sequence[Service],
        say: Callable[[str], None],
        policy: RestartPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Hold the services, in their order of start."""
        self._services = tuple(services)
        self._say = say
        self._policy = policy or RestartPolicy()
        self._clock = clock
        self._children: dict[str, Child] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self.states = {service.name: State.WAITING for service in services}

    async def start(self) -> None:
        """Start every service, each when the one before serves. Raises `StartFailed` naming the one that would not."""
        for service in self._services:
            started = self._clock()
            self.states[service.name] = State.STARTING
            await self._first_start(service)
            self.states[service.name] = State.DONE if service.once else State.UP
            self._say(f"{service.name:<10} {self.states[service.name].value} in {self._clock() - started:.1f} s")
            if not service.once:
                self._keepers.append(asyncio.create_task(self._keep(service, started), name=service.name))

    async def stop(self) -> None:
        """Stop all services in reverse order, each killed where it overruns its share of the 4 s there are."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        deadline = self._clock() + STOP_ALL_WITHIN_S
        for left, service in reversed(tuple(enumerate(self._services))):
            child = self._children.get(service.name)
            if child is not None:
                await child.stop(stop_share_s(deadline - self._clock(), left))
            self.states[service.name] = State.STOPPED

    def pid(self, name: str) -> int:
        """Return the id of a service's present (or last) process; KeyError before its first start."""
        return self._children[name].pid

    def kill(self) -> None:
        """Kill everything at once; `stop` then finds only ended processes."""
        for child in self._children.values():
            child.kill_group()

    async def _first_start(self, service: Service) -> None:
        for attempt in range(1, self._policy.start_attempts + 1):
            failure = await self._launch(service)
            if failure is None:
                return
            if attempt < self._policy.start_attempts:
                delay_s = self._policy.delay_s(attempt)
                self._say(f"{service.name} did not start ({failure}), again in {delay_s:.1f} s")
                await asyncio.sleep(delay_s)
        raise StartFailed(f"{service.name} did not start: {failure}\nIts log is {service.log}")

    async def _launch(self, service: Service) -> str | None:
        """Start the process and wait until it serves; return why it does not, and then leave no process behind."""
        try:
            if service.prepare:
                await service.prepare()
            child = self._children[service.name] = Child(service)
        except (NotReady, OSError) as error:
            return str(error)
        try:
            await until_serving(child)
        except (NotReady, Ended) as error:
            await child.stop(STOP_ONE_WITHIN_S)
            return str(error)
        return None

    async def _keep(self, service: Service, started: float) -> None:
        """Restart the service whenever it ends, for ever."""
        failures = 0
        while True:
            code = await self._children[service.name].exited()
            trouble: str | None = f"ended with {last_words(service, code)}"
            while trouble:
                failures = self._policy.failures_after(failures, self._clock() - started)
                delay_s = self._policy.delay_s(failures)
                self.states[service.name] = State.RESTARTING
                self._say(f"{service.name} restarts in {delay_s:.1f} s, it {trouble}")
                await asyncio.sleep(delay_s)
                started = self._clock()
                failure = await self._launch(service)
                trouble = f"did not start: {failure}" if failure is not None else None
            self.states[service.name] = State.UP
            self._say(f"{service.name} is up again")


def stop_share_s(remaining_s: float, left: int) -> float:
    """Return how long one service may take to stop, so that `left` others after it still have half a second each."""
    return max(0.0, min(STOP_ONE_WITHIN_S, remaining_s - STOP_RESERVE_S * left))
