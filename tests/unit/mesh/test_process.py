"""The life of a process: how a signal, an error and an end are passed on."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from nats.errors import TimeoutError as NatsTimeout

from mesh import process

REPOSITORY = Path(__file__).parents[3]

PROGRAM = """
import asyncio
from mesh import process

async def main():
    try:
        print("running", flush=True)
        {work}
    finally:
        print("tidied up", flush=True)

process.run(main(), "INFO")
"""


class Program:
    """A Python process whose main does `work`."""

    def __init__(self, work: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(work=work)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "running\n"

    def end(self) -> tuple[int, str, str]:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        out, error = self.process.stdout.read(), self.process.stderr.read()
        return self.process.wait(20), out, error


@pytest.fixture
def program() -> Iterator[type[Program]]:
    started: list[Program] = []

    class Watched(Program):
        def __init__(self, work: str) -> None:
            super().__init__(work)
            started.append(self)

    yield Watched
    for each in started:
        each.process.kill()
        each.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_process_in_order(program: type[Program], number: signal.Signals) -> None:
    running = program("await asyncio.Event().wait()")
    running.process.send_signal(number)
    code, out, error = running.end()
    assert (code, out) == (0, "tidied up\n")
    assert "stopped" in error
    assert "Traceback" not in error


def test_an_end_of_its_own_is_an_end_in_order(program: type[Program]) -> None:
    code, out, error = program("pass").end()
    assert (code, out) == (0, "tidied up\n")
    assert "stopped" in error


def test_an_error_ends_a_process_with_its_trace_and_a_code(program: type[Program]) -> None:
    code, out, error = program("raise RuntimeError('the reason')").end()
    assert (code, out) == (1, "tidied up\n")
    assert "RuntimeError: the reason" in error


class Opening:
    """Something to open that NATS leaves `failures` times on the way."""

    def __init__(self, failures: int) -> None:
        self.left, self.attempts = failures, 0

    @contextlib.asynccontextmanager
    async def __call__(self) -> AsyncIterator[str]:
        self.attempts += 1
        if self.left:
            self.left -= 1
            raise NatsTimeout
        yield "open"


async def test_a_start_that_nats_leaves_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_OPEN_AGAIN_S", 0.0)
    opening = Opening(failures=3)
    async with process.opened(opening) as what:
        assert (what, opening.attempts) == ("open", 4)


async def test_a_start_is_given_up_after_so_many_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_OPEN_AGAIN_S", 0.0)
    opening = Opening(failures=99)
    with pytest.raises(NatsTimeout):
        async with process.opened(opening):
            raise AssertionError("never open")
    assert opening.attempts == 10


async def test_what_fails_once_it_is_open_is_not_begun_again() -> None:
    opening = Opening(failures=0)
    with pytest.raises(NatsTimeout):
        async with process.opened(opening):
            raise NatsTimeout
    assert opening.attempts == 1
