"""The whole stack as `make up` runs it: up, seen from outside, hurt, down, up again."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nats
import pytest

from tests.launched import UP_WITHIN_S, Launched

pytestmark = pytest.mark.timeout(180)


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
                launched.end(signal.SIGTERM)


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
    stack = launch("--feed", "sim:rate=500,seed=7,depth_ms=500,slice_ms=20")
    page = stack.wait_for(r"Page +(http://\S+)")[1]
    assert ask(page, "GET", "/health/ready")[0] == http.client.OK
    assert log_in(stack, page) == http.client.OK

    guest = await nats.connect(stack.wait_for(r"NATS +(nats://\S+)")[1])
    try:
        quotes = await guest.subscribe("quote.>")
        message = await quotes.next_msg(timeout=10)
    finally:
        await guest.close()
    assert re.fullmatch(r"quote\.[A-Z]{4}\.[A-Z=0-9_-]+", message.subject)

    second = launch()
    refusal = second.wait_for(r"already running \(pid (\d+)\), page at (\S+)", 20)
    assert refusal.groups() == (str(stack.process.pid), page)
    assert second.ended(5) == 1

    names = "nats postgres cache candles portfolios alerts notify feed gateway"
    stack.wait_for(rf"ticks/s, \d+ clients?, feed .* \| (9 up|up: {names})", 20)
    settings = stack.folder / "run" / "settings.json"
    assert {"TICKMESH_NATS_URL", "TICKMESH_POSTGRES_DSN"} <= json.loads(settings.read_text()).keys()

    family = descendants(stack.process.pid)
    assert len(family) >= 5
    assert stack.end(signal.SIGTERM) == 0
    assert not settings.exists()
    until(lambda: not any(is_running(pid) for pid in family))


async def test_killed_processes_come_back_and_a_killed_launcher_leaves_nothing(
    launch: Callable[..., Launched],
    until: Callable[..., None],
    is_running: Callable[[int], bool],
    descendants: Callable[[int], set[int]],
) -> None:
    stack = launch()
    page = stack.wait_for(r"Page +(http://\S+)")[1]
    assert log_in(stack, page) == http.client.OK
    stack.wait_for(r"Stop +Ctrl-C")

    for name, words in {"gateway": "-m\0gateway", "feed": "-m\0workers.feed", "nats": "nats.conf"}.items():
        victim = next(pid for pid in descendants(stack.process.pid) if words in command_line(pid))
        os.kill(victim, signal.SIGKILL)
        stack.wait_for(rf"{name} restarts in .* it ended with SIGKILL", 10)
        stack.wait_for(rf"{name} is up again", 30)
    until(lambda: ask(page, "GET", "/health/ready")[0] == http.client.OK, 30)

    family = descendants(stack.process.pid)
    assert stack.end(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: not any(is_running(pid) for pid in family))

    again = launch()
    assert again.wait_for(r"Page +(http://\S+)")[1] == page, "the ports changed"
    assert log_in(again, page) == http.client.OK, "the demo user is lost"
    assert again.end(signal.SIGINT) == 0


def test_wrong_feed_is_named_and_everything_goes_down(
    launch: Callable[..., Launched], until: Callable[..., None]
) -> None:
    stack = launch("--feed", "iex:/no/such/file")
    stack.wait_for(r"feed did not start: .*no/such/file", UP_WITHIN_S)
    assert stack.ended(10) == 1


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
