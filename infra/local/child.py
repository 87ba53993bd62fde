"""One child process that cannot outlive us: started, waited for, and stopped within a bound."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable

from infra.local.service import Service

PR_SET_PDEATHSIG = 1
POLL_S = 0.05


class Child:
    """A running (or ended) process of a service."""

    def __init__(self, service: Service) -> None:
        """Start the service's command in a session of its own, with its output appended to its log.

        Raises OSError where the program cannot be started. Must be called on the main thread: the kernel ties the
        child to the thread that started it.
        """
        self.service = service
        service.log.parent.mkdir(parents=True, exist_ok=True)
        account = service.run_as
        with service.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # the commands are declared in this package
                service.argv,
                cwd=service.cwd,
                env=service.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                preexec_fn=_die_with(os.getpid(), service.death_signal),  # noqa: PLW1509  # only system calls in it
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
        """Send a signal to the process; nothing happens if it has ended."""
        self._process.send_signal(number)

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


def _die_with(parent: int, number: signal.Signals) -> Callable[[], None] | None:
    """Make the call that ties a new child to its parent's life; only Linux knows it.

    It runs after the change of account, which would clear the setting, and looks at the parent once more: that may have
    died before the call.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return tie
