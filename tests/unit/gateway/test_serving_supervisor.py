"""Several processes kept running: numbered, started again, stopped together; the processes are tiny ones."""

import asyncio
import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from uvicorn.config import STARTUP_FAILURE

from gateway.serving.supervisor import (
    FIRST_DELAY_S,
    MOST_DELAY_S,
    PROCESS,
    Supervisor,
    process_number,
    restart_delay_s,
)

SOON_S = 20.0
BEGIN = f"""
import os, pathlib, signal, sys, time
folder, number = pathlib.Path(sys.argv[1]), os.environ["{PROCESS}"]
starts = len(list(folder.glob(number + "-*")))
(folder / f"{{number}}-{{os.getpid()}}").touch()
"""
OBEYS = BEGIN + "sys.stdin.read()"
REFUSES = BEGIN + "signal.signal(signal.SIGTERM, signal.SIG_IGN); sys.stdin.read()"


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(SOON_S):
        while not condition():  # noqa: ASYNC110  # other processes set no event
            await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def ignores_sigterm(pid: int) -> bool:
    (ignored,) = re.findall(r"^SigIgn:\t(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(int(ignored, 16) & 1 << (signal.SIGTERM - 1))


class Family:
    """A supervisor that runs, and what its processes left in a folder."""

    def __init__(self, folder: Path, program: str, count: int, within_s: float) -> None:
        self._folder = folder
        self.supervisor = Supervisor(count, (sys.executable, "-c", program, str(folder)), within_s)
        self.running = asyncio.create_task(self.supervisor.run())

    def pids(self, number: int) -> list[int]:
        """List all that ever ran under a number, the latest last."""
        found = sorted(self._folder.glob(f"{number}-*"), key=lambda path: path.stat().st_ctime_ns)
        return [int(path.name.partition("-")[2]) for path in found]

    async def until_started(self, number: int, times: int) -> int:
        """Wait until a process has been started so often; return its id."""
        await until(lambda: len(self.pids(number)) >= times)
        return self.pids(number)[-1]

    async def result(self, within_s: float = SOON_S) -> int:
        """Wait for the end of all."""
        return await asyncio.wait_for(asyncio.shield(self.running), within_s)


@contextlib.asynccontextmanager
async def family(folder: Path, program: str, count: int = 2, within_s: float = SOON_S) -> AsyncIterator[Family]:
    made = Family(folder, program, count, within_s)
    try:
        yield made
    finally:
        made.supervisor.stop()
        made.supervisor.stop()
        await made.result()
    assert not [pid for number in range(count) for pid in made.pids(number) if is_running(pid)]


def test_delays_double_up_to_a_bound() -> None:
    assert [restart_delay_s(failures) for failures in (1, 2, 3, 4)] == [FIRST_DELAY_S * each for each in (1, 2, 4, 8)]
    assert restart_delay_s(7) == restart_delay_s(1_000_000) == MOST_DELAY_S


def test_a_process_knows_its_number() -> None:
    assert process_number({}) is None
    assert process_number({PROCESS: "3"}) == 3


async def test_one_that_dies_is_started_again_and_the_others_go_on(tmp_path: Path) -> None:
    async with family(tmp_path, OBEYS) as running:
        first, other = await running.until_started(0, 1), await running.until_started(1, 1)
        os.kill(first, signal.SIGKILL)
        began_s = time.monotonic()
        second = await running.until_started(0, 2)
        assert time.monotonic() - began_s >= FIRST_DELAY_S
        assert second != first
        assert running.pids(1) == [other]
        os.kill(other, 0)


async def test_one_that_keeps_dying_is_started_ever_later(tmp_path: Path) -> None:
    async with family(tmp_path, BEGIN + "sys.exit(1)", count=1) as running:
        began_s = time.monotonic()
        await running.until_started(0, 4)
        assert time.monotonic() - began_s >= FIRST_DELAY_S * (1 + 2 + 4)


async def test_told_to_stop_all_end_in_order(tmp_path: Path) -> None:
    async with family(tmp_path, OBEYS) as running:
        await running.until_started(0, 1)
        await running.until_started(1, 1)
        running.supervisor.stop()
        assert await running.result() == 0


async def test_who_does_not_end_in_time_is_killed(tmp_path: Path) -> None:
    async with family(tmp_path, REFUSES, within_s=0.3) as running:
        pid = await running.until_started(0, 1)
        await until(lambda: ignores_sigterm(pid))
        began_s = time.monotonic()
        running.supervisor.stop()
        assert await running.result() == 0
        assert 0.3 <= time.monotonic() - began_s < 2


async def test_told_twice_it_kills_at_once(tmp_path: Path) -> None:
    async with family(tmp_path, REFUSES) as running:
        pid = await running.until_started(0, 1)
        await until(lambda: ignores_sigterm(pid))
        running.supervisor.stop()
        with pytest.raises(TimeoutError):
            await running.result(0.2)
        running.supervisor.stop()
        assert await running.result(2) == 0


async def test_where_one_cannot_start_at_all_none_runs(tmp_path: Path) -> None:
    program = BEGIN + f"sys.exit({STARTUP_FAILURE}) if number == '1' else sys.stdin.read()"
    async with family(tmp_path, program) as running:
        assert await running.result() == STARTUP_FAILURE
        assert len(running.pids(1)) == 1


async def test_one_that_ran_once_may_fail_to_start_later(tmp_path: Path) -> None:
    """What it needs may be away for a while."""
    program = BEGIN + f"sys.exit({STARTUP_FAILURE}) if starts in (1, 2) else sys.stdin.read()"
    async with family(tmp_path, program, count=1) as running:
        os.kill(await running.until_started(0, 1), signal.SIGKILL)
        await running.until_started(0, 4)
        assert not running.running.done()
