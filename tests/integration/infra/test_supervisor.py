from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from infra.local.folder import last_line, write_private
from infra.local.restart import RestartPolicy
from infra.local.service import NotReady, Service
from infra.local.supervisor import StartFailed, State, Supervisor

QUICK = RestartPolicy(first_s=0.02, most_s=0.2)
SLEEPER = "import signal; signal.pause()"
DEAFEN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)\n"
STUBBORN = DEAFEN + "while True: signal.pause()"


@pytest.fixture
def service(tmp_path: Path) -> Callable[..., Service]:
    return lambda name, code, **more: Service(
        name, (sys.executable, "-c", code), tmp_path, tmp_path / f"{name}.log", **more
    )


def says(path: Path, text: str, asked: Path) -> Callable[[], Awaitable[None]]:
    async def probe() -> None:
        write_private(asked, "")
        if text not in last_line(path):
            raise NotReady(f"it does not say {text}")

    return probe


def pid_of(path: Path) -> int:
    return int(path.read_text().split()[-1])


async def test_services_start_in_order_each_after_the_one_before_serves(
    service: Callable[..., Service], tmp_path: Path
) -> None:
    moments = tmp_path / "moments"
    write = f"open({str(moments)!r}, 'a').write('{{}}\\n'); print('ready', flush=True); "
    asked = tmp_path / "asked"  # the first is not ready before it was asked whether it is
    slow = f"import os\nwhile not os.path.exists({str(asked)!r}): pass\n" + write.format("first") + SLEEPER
    listed = [
        service("first", slow, probe=says(tmp_path / "first.log", "ready", asked)),
        service("step", write.format("step"), once=True),
        service("last", write.format("last") + SLEEPER, probe=says(tmp_path / "last.log", "ready", asked)),
    ]
    lines: list[str] = []
    supervisor = Supervisor(listed, lines.append)
    await supervisor.start()
    assert moments.read_text().split() == ["first", "step", "last"]
    assert [line.split()[0] for line in lines] == ["first", "step", "last"]
    assert list(supervisor.states.values()) == [State.UP, State.DONE, State.UP]
    await supervisor.stop()
    assert set(supervisor.states.values()) == {State.STOPPED}


async def test_dead_child_is_restarted_with_growing_delay_and_said_so(
    service: Callable[..., Service], until_async: Callable[..., Any]
) -> None:
    lines: list[str] = []
    dying = service("dying", "print('no such file'); raise SystemExit(3)")
    supervisor = Supervisor([dying], lines.append, QUICK)
    await supervisor.start()
    await until_async(lambda: sum("restarts in" in line for line in lines) >= 3)
    told = [line for line in lines if "restarts in" in line]
    assert told[0] == "dying restarts in 0.0 s, it ended with exit code 3: no such file"
    assert told[2].startswith("dying restarts in 0.1 s")
    await supervisor.stop()


async def test_killed_child_is_up_again_under_another_number(
    service: Callable[..., Service], tmp_path: Path, until_async: Callable[..., Any], is_running: Callable[[int], bool]
) -> None:
    lines: list[str] = []
    child = service("child", "import os; print(os.getpid(), flush=True); " + SLEEPER)
    supervisor = Supervisor([child], lines.append, QUICK)
    await supervisor.start()
    await until_async(child.log.read_text)
    killed = pid_of(child.log)
    os.kill(killed, signal.SIGKILL)
    await until_async(lambda: pid_of(child.log) != killed)
    await until_async(lambda: supervisor.states["child"] is State.UP)
    assert any("it ended with SIGKILL" in line for line in lines)
    assert lines[-1] == "child is up again"
    survivor = pid_of(child.log)
    await supervisor.stop()
    assert not is_running(survivor)


async def test_child_that_never_serves_fails_the_start_with_its_last_words(service: Callable[..., Service]) -> None:
    lines: list[str] = []
    supervisor = Supervisor(
        [service("broken", "raise SystemExit('bad spec: rate=-1')", once=True)], lines.append, QUICK
    )
    with pytest.raises(StartFailed, match=r"broken did not start: exit code 1: bad spec: rate=-1"):
        await supervisor.start()
    assert len(lines) == QUICK.start_attempts - 1
    await supervisor.stop()


async def test_child_that_is_late_is_stopped_and_named(
    service: Callable[..., Service], is_running: Callable[[int], bool], tmp_path: Path
) -> None:
    async def never() -> None:
        raise NotReady("no greeting")

    late = service("late", "import os; print(os.getpid(), flush=True); " + SLEEPER, probe=never, ready_within_s=0.3)
    supervisor = Supervisor([late], lambda line: None, QUICK)
    with pytest.raises(StartFailed, match="late did not start: no greeting"):
        await supervisor.start()
    assert not any(is_running(int(pid)) for pid in late.log.read_text().split())


async def test_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = Service("ghost", (str(tmp_path / "ghost"),), tmp_path, tmp_path / "ghost.log")
    with pytest.raises(StartFailed, match=r"not there, or not to be executed: .*ghost"):
        await Supervisor([missing], lambda line: None, QUICK).start()


async def test_everything_stops_in_reverse_order_within_five_seconds_even_the_deaf(
    service: Callable[..., Service], tmp_path: Path, until_async: Callable[..., Any], is_running: Callable[[int], bool]
) -> None:
    moments = tmp_path / "moments"
    polite = (
        "import signal, sys\n"
        f"def stop(*_): open({str(moments)!r}, 'a').write('{{}}\\n'); sys.exit()\n"
        "signal.signal(signal.SIGTERM, stop); print('ready', flush=True)\n"
        "while True: signal.pause()"
    )
    listed = [service("first", polite.format("first")), service("second", polite.format("second"))]
    listed += [service(f"deaf-{number}", STUBBORN) for number in range(3)]
    supervisor = Supervisor(listed, lambda line: None)
    await supervisor.start()
    await until_async(lambda: all(one.log.read_text() for one in listed))
    pids = [supervisor.pid(one.name) for one in listed]
    began = time.monotonic()
    await supervisor.stop()
    assert time.monotonic() - began < 5.0
    assert not any(is_running(pid) for pid in pids)
    assert moments.read_text().split() == ["second", "first"]


async def test_kill_ends_all_at_once(
    service: Callable[..., Service], until_async: Callable[..., Any], is_running: Callable[[int], bool]
) -> None:
    deaf = service("deaf", STUBBORN)
    supervisor = Supervisor([deaf], lambda line: None)
    await supervisor.start()
    await until_async(lambda: "deaf" in deaf.log.read_text())
    pid = supervisor.pid("deaf")
    stopping = asyncio.create_task(supervisor.stop())
    began = time.monotonic()
    await asyncio.sleep(0)
    supervisor.kill()
    await stopping
    assert time.monotonic() - began < 1.0
    assert not is_running(pid)


async def test_what_a_child_started_goes_with_it(
    service: Callable[..., Service], until_async: Callable[..., Any], is_running: Callable[[int], bool]
) -> None:
    code = (
        f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]).pid, flush=True); "
        + SLEEPER
    )
    parent = service("parent", code)
    supervisor = Supervisor([parent], lambda line: None)
    await supervisor.start()
    await until_async(parent.log.read_text)
    grandchild = pid_of(parent.log)
    await supervisor.stop()
    await until_async(lambda: not is_running(grandchild))


def test_nothing_is_left_when_the_launcher_is_killed(
    tmp_path: Path, until: Callable[..., None], is_running: Callable[[int], bool]
) -> None:
    program = f"""
import asyncio, pathlib, sys
from infra.local.service import Service
from infra.local.supervisor import Supervisor
folder = pathlib.Path({str(tmp_path)!r})
async def main():
    deaf = Service("deaf", (sys.executable, "-c", {STUBBORN!r}), folder, folder / "deaf.log")
    supervisor = Supervisor([deaf], lambda line: None)
    await supervisor.start()
    print(supervisor.pid("deaf"), flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        child = int(launcher.stdout.readline())
        until(lambda: "deaf" in (tmp_path / "deaf.log").read_text())
        assert is_running(child)
        launcher.kill()
    until(lambda: not is_running(child))
