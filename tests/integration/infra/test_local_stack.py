"""The whole stack as `make up` runs it: up, seen from outside, hurt, down, up again."""

from __future__ import annotations

import http.client
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nats
import pytest

ROOT = Path(__file__).parents[3]
UP_WITHIN_S = 90.0
DOWN_WITHIN_S = 5.0

pytestmark = pytest.mark.timeout(180)


class Launched:
    """A running launcher and what it prints."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "infra.local", "--data", str(folder), *arguments]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.said: list[str] = []

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def wait_for(self, pattern: str, within_s: float = UP_WITHIN_S) -> re.Match[str]:
        """Read on until a line matches; fail when the launcher ends or the time is over."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"no {pattern!r} in\n" + "\n".join(self.said)
            self.said.append(line)
            if found := re.search(pattern, line):
                return found

    def end(self, number: signal.Signals, within_s: float) -> int:
        """Send a signal and wait for the end; fail when it takes longer."""
        self.process.send_signal(number)
        code = self.process.wait(within_s)
        self._reader.join(within_s)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def launch() -> Iterator[Callable[..., Launched]]:
    """Start launchers in one data folder that every account may enter; end those that a failed test left."""
    started: list[Launched] = []
    with tempfile.TemporaryDirectory(prefix="tickmesh-stack-") as name:
        Path(name).chmod(0o711)

        def start(*arguments: str) -> Launched:
            started.append(Launched(Path(name), *arguments))
            return started[-1]

        yield start
        for launched in started:
            if launched.process.poll() is None:
                launched.end(signal.SIGTERM, DOWN_WITHIN_S)


def ask(page: str, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(urlsplit(page).netloc, timeout=5)
    try:
        connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def log_in(launched: Launched, page: str) -> int:
    email, password = launched.wait_for(r"Demo login +(\S+)  password (\S+)").groups()
    return ask(page, "POST", "/auth/login", {"email": email, "password": password})[0]


async def test_the_stack_comes_up_serves_and_leaves_nothing(
    launch: Callable[..., Launched],
    until: Callable[..., None],
    is_running: Callable[[int], bool],
    descendants: Callable[[int], set[int]],
) -> None:
    stack = launch("--feed", "sim:rate=500,seed=7")
    page = stack.wait_for(r"Page +(http://\S+)")[1]
    assert ask(page, "GET", "/health/ready")[0] == http.client.OK
    assert log_in(stack, page) in {http.client.OK, http.client.CREATED}

    guest = await nats.connect(stack.wait_for(r"NATS +(nats://\S+)")[1])
    quotes = await guest.subscribe("quote.>")
    message = await quotes.next_msg(timeout=10)
    assert message.subject.startswith("quote.XN")
    await guest.close()

    second = launch()
    refusal = second.wait_for(r"already running \(pid (\d+)\), page at (\S+)", 20)
    assert refusal.groups() == (str(stack.process.pid), page)
    assert second.process.wait(5) == 1

    stack.wait_for(r"ticks/s, \d+ clients?, feed .* \| up: nats postgres cache feed gateway", 20)
    family = descendants(stack.process.pid)
    assert len(family) >= 5
    assert stack.end(signal.SIGTERM, DOWN_WITHIN_S) == 0
    until(lambda: not any(is_running(pid) for pid in family))


async def test_killed_processes_come_back_and_a_killed_launcher_leaves_nothing(
    launch: Callable[..., Launched],
    until: Callable[..., None],
    is_running: Callable[[int], bool],
    descendants: Callable[[int], set[int]],
) -> None:
    stack = launch()
    page = stack.wait_for(r"Page +(http://\S+)")[1]
    assert log_in(stack, page) in {http.client.OK, http.client.CREATED}
    stack.wait_for(r"Stop +Ctrl-C")

    for name, words in {"gateway": "-m\0gateway", "feed": "-m\0workers.feed", "nats": "nats.conf"}.items():
        victim = next(pid for pid in descendants(stack.process.pid) if words in command_line(pid))
        os.kill(victim, signal.SIGKILL)
        stack.wait_for(rf"{name} restarts in .* it ended with SIGKILL", 10)
        stack.wait_for(rf"{name} is up again", 30)
    until(lambda: ask(page, "GET", "/health/ready")[0] == http.client.OK, 30)

    family = descendants(stack.process.pid)
    assert stack.end(signal.SIGKILL, DOWN_WITHIN_S) == -signal.SIGKILL
    until(lambda: not any(is_running(pid) for pid in family))

    again = launch()
    assert again.wait_for(r"Page +(http://\S+)")[1] == page, "the ports changed"
    assert log_in(again, page) in {http.client.OK, http.client.CREATED}, "the demo user is lost"
    assert again.end(signal.SIGINT, DOWN_WITHIN_S) == 0


def test_wrong_feed_is_named_and_everything_goes_down(
    launch: Callable[..., Launched], until: Callable[..., None]
) -> None:
    stack = launch("--feed", "iex:/no/such/file")
    stack.wait_for(r"feed did not start: .*no/such/file", UP_WITHIN_S)
    assert stack.process.wait(10) == 1


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
