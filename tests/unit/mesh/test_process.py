"""The life of a process: how a signal, an error and an end are passed on."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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
