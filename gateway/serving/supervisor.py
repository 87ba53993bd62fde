"""Several gateway processes on one port: started, started again when they die, and stopped together."""

import asyncio
import contextlib
import logging
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence

from uvicorn.config import STARTUP_FAILURE

PROCESS = "TICKMESH_GATEWAY_PROCESS"
"""The variable that tells a child which one it is, from 0; only its parent sets it."""

FIRST_DELAY_S = 0.2
MOST_DELAY_S = 10.0
HEALTHY_S = 30.0
"""A process that lived so long is forgiven its past."""

_logger = logging.getLogger(__name__)


def process_number(environment: Mapping[str, str]) -> int | None:
    """Tell which of several processes this one is; None where it is the only one, or their parent."""
    number = environment.get(PROCESS)
    return None if number is None else int(number)


def supervise(count: int, command: Sequence[str], within_s: float) -> int:
    """Run `count` processes of the command until SIGTERM or SIGINT; return 0, or the code of one that could not start.

    They are told to stop with SIGTERM, and killed after `within_s`, or at once at a second signal.
    """
    return asyncio.run(_supervise(Supervisor(count, command, within_s)))


async def _supervise(supervisor: "Supervisor") -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stop)
    return await supervisor.run()


class Supervisor:
    """Keeps `count` processes of a command running; each has its number, from 0, in its environment."""

    def __init__(self, count: int, command: Sequence[str], within_s: float) -> None:
        self._count = count
        self._command = command
        self._within_s = within_s
        self._children: dict[int, Process] = {}
        self._told = asyncio.Event()

    def stop(self) -> None:
        """Let all of them end; called again: kill them."""
        if self._told.is_set():
            self._signal_all(signal.SIGKILL)
        self._told.set()

    async def run(self) -> int:
        """Keep them running until told to stop; return 0.

        Where one answers its very first start with STARTUP_FAILURE, as for a taken port, all end and it returns that.
        """
        keepers = [asyncio.create_task(self._keep(number)) for number in range(self._count)]
        told = asyncio.create_task(self._told.wait())
        done, _ = await asyncio.wait({told, *keepers}, return_when=asyncio.FIRST_COMPLETED)
        failed = [keeper.result() for keeper in keepers if keeper in done]
        for task in (told, *keepers):
            task.cancel()
        await asyncio.gather(told, *keepers, return_exceptions=True)
        await self._stop_all()
        return failed[0] if failed else 0

    async def _keep(self, number: int) -> int:
        """Start a process again whenever it ends; return its code only where its very first start fails."""
        loop = asyncio.get_running_loop()
        failures, is_first = 0, True
        while True:
            began_s = loop.time()
            code = await self._run_one(number)
            if is_first and code == STARTUP_FAILURE:
                _logger.critical("process %d cannot start", number)
                return code
            is_first = False
            failures = 1 if loop.time() - began_s >= HEALTHY_S else failures + 1
            delay_s = restart_delay_s(failures)
            _logger.error("process %d ended with code %d, starts again in %.1f s", number, code, delay_s)
            await asyncio.sleep(delay_s)

    async def _run_one(self, number: int) -> int:
        # The pipe is what ties it to us: nothing is ever written, and its end is ours.
        environment = os.environ | {PROCESS: str(number)}
        child = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, env=environment)
        self._children[number] = child
        return await child.wait()

    async def _stop_all(self) -> None:
        self._signal_all(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._within_s):
                await self._all_ended()
        self._signal_all(signal.SIGKILL)
        await self._all_ended()

    async def _all_ended(self) -> None:
        await asyncio.gather(*(child.wait() for child in self._children.values()))

    def _signal_all(self, number: signal.Signals) -> None:
        for child in self._children.values():
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(number)


def restart_delay_s(failures: int) -> float:
    """Tell how long to wait before the next start, after `failures` in a row, 1 or more."""
    return min(MOST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(failures - 1, 32))
