"""Tasks and how they are run: one after the other, with a line that says how far they are."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from infra.bootstrap.stamps import LOGS, ROOT

SHOWN_LOG_LINES = 30
SHOW_EVERY_S = 0.5
PLAIN_EVERY_S = 10.0


class CannotPrepare(Exception):  # noqa: N818  # reads as what it says
    """Something is missing or failed that the user has to look at; the text says what."""


@dataclass(frozen=True)
class Task:
    """One thing to make: its title, whether it has to be made, and how."""

    title: str
    is_due: Callable[[], bool]
    make: Callable[[Runner], None]


def prepare(tasks: Sequence[Task]) -> None:
    """Make what is due, one after the other, showing how far it is. Raises CannotPrepare where one fails."""
    if not any(task.is_due() for task in tasks):
        return
    with _one_at_a_time():
        due = [task for task in tasks if task.is_due()]
        for number, task in enumerate(due, 1):
            log = LOGS / f"setup-{task.title.replace(' ', '-').lower()}.log"
            runner = Runner(f"[{number}/{len(due)}] {task.title}", log)
            try:
                task.make(runner)
            except subprocess.CalledProcessError as failure:
                raise CannotPrepare(runner.describe(failure)) from None
            runner.done()


class Runner:
    """Runs a task's commands with their output in a log and the latest of it on one line of the screen."""

    def __init__(self, title: str, log: Path) -> None:
        """Begin an empty log."""
        self._title = title
        self._log = log
        self._began_s = time.monotonic()
        self._shown_s = self._began_s
        log.write_bytes(b"")

    def __call__(self, command: Sequence[str], cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> None:
        """Run a command to its end. Raises CalledProcessError where its exit code is not 0."""
        with self._log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603  # commands of this package
                command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            while process.poll() is None:
                self._show(f"{self._title}  {self._elapsed_s():.0f} s  {self._latest()}")
                with suppress(subprocess.TimeoutExpired):
                    process.wait(SHOW_EVERY_S)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        if process.returncode != 0:
            raise subprocess.CalledProcessError(process.returncode, list(command))

    def done(self) -> None:
        """Say that the task is done, and how long it took."""
        erase = "\r\x1b[2K" if sys.stdout.isatty() else ""
        print(f"{erase}{self._title}, done in {self._elapsed_s():.0f} s", flush=True)  # noqa: T201  # progress

    def describe(self, failure: subprocess.CalledProcessError) -> str:
        """Tell what failed, with the beginning and the end of what it said."""
        said = self._log.read_text(errors="replace").splitlines()
        half = SHOWN_LOG_LINES // 2
        shown = said if len(said) <= SHOWN_LOG_LINES else [*said[:half], "…", *said[-half:]]
        command = " ".join(map(str, failure.cmd))
        lines = [f"{self._title} failed: {command} ended with code {failure.returncode}"]
        return "\n".join([*lines, *(f"  {line}" for line in shown), f"All of it is in {self._log}"])

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began_s

    def _show(self, text: str) -> None:
        """Show a line that the next one replaces; where there is no terminal, one every 10 s."""
        if sys.stdout.isatty():
            columns = shutil.get_terminal_size((80, 24)).columns
            print(f"\r\x1b[2K{text[: columns - 1]}", end="", flush=True)  # noqa: T201  # progress
        elif time.monotonic() - self._shown_s >= PLAIN_EVERY_S:
            self._shown_s = time.monotonic()
            print(text[:160], flush=True)  # noqa: T201  # progress

    def _latest(self) -> str:
        with self._log.open("rb") as file:
            file.seek(max(0, self._log.stat().st_size - 2000))
            lines = file.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Keep a second preparation of the same checkout waiting until the first is done."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS.parent / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another make prepares this checkout; waiting for it", flush=True)  # noqa: T201  # a command's answer
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
