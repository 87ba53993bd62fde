"""One child process that cannot outlive us: started, waited for, and stopped within a bound."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import subprocess
import sys

from infra.local import tie
from infra.local.folder import last_line
from infra.local.probes import until_ready
from infra.local.restart import describe_exit
from infra.local.service import Service

POLL_S = 0.05


class Ended(Exception):  # noqa: N818  # an event, not a fault
    """The process ended before it served; the text carries its last words."""


class Child:
    """A running (or ended) process of a service."""

    def __init__(self, service: Service) -> None:
        """Start the service's command in a session of its own, with its output appended to its log.

        Raises OSError where the program cannot be started. Must be called on the main thread: the kernel ties the
        child to the thread that started it.
        """
        self.service = service
        program = service.argv[0]
        if not os.access(program, os.X_OK):
            raise FileNotFoundError(errno.ENOENT, "not there, or not to be executed", program)
        service.log.parent.mkdir(parents=True, exist_ok=True)
        with service.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # the commands are declared in this package
                tied_command(service, os.getpid()),
                cwd=service.cwd,
                env=service.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process's id, which is also the id of its process group."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process; nothing happens if it has ended.

        After SIGSTOP it stands still: a busy machine halts the threads of a process one by one.
        """
        self._process.send_signal(number)
        if number == signal.SIGSTOP and self.code is None:
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def kill_group(self) -> None:
        """Kill the process and whatever it started in its own group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def exited(self) -> int:
        """Wait for the process to end, clear away what it left in its group, and return its exit code."""
        await _ended(self._process)
        self.kill_group()
        return self._process.wait()

    async def stop(self, within_s: float) -> int:
        """Ask the process to stop, kill its group if it has not within `within_s`, and return its exit code."""
        if self.code is None:
            self.signal(self.service.stop_signal)
            self.signal(signal.SIGCONT)  # one that was halted must run to hear it
        try:
            async with asyncio.timeout(within_s):
                return await self.exited()
        except TimeoutError:
            self.kill_group()
            return await self.exited()


async def _ended(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    if not hasattr(os, "pidfd_open"):  # macOS
        while process.poll() is None:  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(POLL_S)
        return
    loop = asyncio.get_running_loop()
    handle = os.pidfd_open(process.pid)
    ended = asyncio.Event()
    loop.add_reader(handle, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def tied_command(service: Service, parent: int) -> list[str]:
    """Return the command that runs the service's program so that it dies with the parent."""
    uid, gid = (service.run_as.uid, service.run_as.gid) if service.run_as else (tie.KEEP, tie.KEEP)
    words = (parent, int(service.death_signal), uid, gid)
    return [sys.executable, "-I", "-S", tie.__file__, *map(str, words), *service.argv]


async def until_serving(child: Child) -> None:
    """Wait until the service serves, or has done its one step.

    Raises `Ended` where the process ends instead, `NotReady` where it takes longer than the service may.
    """
    service = child.service
    if service.once:
        code = await child.exited()
        if code != 0:
            raise Ended(last_words(service, code))
        return
    if service.probe is None:
        return
    ready = asyncio.create_task(until_ready(service.probe, service.ready_within_s))
    ended = asyncio.create_task(child.exited())
    try:
        await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            raise Ended(last_words(service, ended.result()))
        await ready
    finally:
        ready.cancel()
        ended.cancel()
        await asyncio.gather(ready, ended, return_exceptions=True)


def last_words(service: Service, code: int) -> str:
    """Say how the service's process ended and what it said last."""
    return ": ".join(part for part in (describe_exit(code), last_line(service.log)) if part)
