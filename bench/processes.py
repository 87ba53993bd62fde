"""Roles: parts of a benchmark in processes of their own, told what to do in lines of JSON.

A role is a coroutine function `role(line, **arguments)` of any module of this package. It says what it measured with
`line.say` and hears what to do next with `line.heard`. It ends when it returns, or with the process that started it.
"""

import asyncio
import contextlib
import importlib
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop

_LINE_BYTES = 1 << 20
_STOP_WITHIN_S = 5.0
ANSWER_WITHIN_S = 60.0

Figures = dict[str, Any]


class RoleError(Exception):
    """A role ended or stayed silent; the message holds its last words."""


class Line:
    """A role's end of the line to the benchmark."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._words: asyncio.Queue[Figures] = asyncio.Queue()
        self._reading = asyncio.ensure_future(self._read(reader))

    async def heard(self) -> Figures:
        """Wait for what to do next."""
        return await self._words.get()

    def say(self, **figures: object) -> None:
        """Answer."""
        sys.stdout.write(json.dumps(figures) + "\n")
        sys.stdout.flush()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while text := await reader.readline():
            self._words.put_nowait(json.loads(text))
        os._exit(1)  # nobody is there any more who could end this process


class Role:
    """The benchmark's end."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def tell(self, **words: object) -> None:
        """Say what to do next."""
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps(words).encode() + b"\n")

    async def answer(self, within_s: float = ANSWER_WITHIN_S) -> Figures:
        """Wait for what the role says; raises RoleError where it ended, or says nothing for so long."""
        if self._process.stdout is None:
            raise RoleError("the role has no line")
        try:
            text = await asyncio.wait_for(self._process.stdout.readline(), within_s)
        except TimeoutError:
            raise RoleError(f"{self._log.stem} said nothing for {within_s} s; its log ends: {self._tail()}") from None
        if not text:
            raise RoleError(f"{self._log.stem} ended; its log ends: {self._tail()}")
        figures: Figures = json.loads(text)
        return figures

    async def ask(self, within_s: float = ANSWER_WITHIN_S, **words: object) -> Figures:
        """Say what to do next, and wait for the answer."""
        self.tell(**words)
        return await self.answer(within_s)

    async def stop(self) -> None:
        """Close the line, which ends the role; kill it where that takes too long."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_WITHIN_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def _tail(self) -> str:
        return self._log.read_text(errors="replace")[-300:] or "(empty)"


@contextlib.asynccontextmanager
async def running(folder: Path, role: Callable[..., Awaitable[None]], **arguments: object) -> AsyncIterator[Role]:
    """Run a role in a process of its own, its log in `folder`."""
    name = f"{role.__module__}:{role.__qualname__}"
    log = folder / f"{name.replace(':', '.')}.log"
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, name, json.dumps(arguments)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
            limit=_LINE_BYTES,
        )
    started = Role(process, log)
    try:
        yield started
    finally:
        await started.stop()


def cpu_s(pid: int) -> float:
    """Give the processor time a process has used, its own and the kernel's for it, to 10 ms; Linux only."""
    return sum(_times_s(pid)[:2])


def family_cpu_s(pid: int) -> float:
    """Give the processor time of a process and of its children, those that have ended too, as `cpu_s`; Linux only."""
    used_s = sum(_times_s(pid))
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):  # it has ended since
            used_s += cpu_s(int(child))
    return used_s


def _times_s(pid: int) -> list[float]:
    """Read a process's times: its own, the kernel's for it, and both of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [int(each) / os.sysconf("SC_CLK_TCK") for each in fields[11:15]]


async def _play(name: str, arguments: Figures) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    module, _, function = name.partition(":")
    await getattr(importlib.import_module(module), function)(Line(reader), **arguments)


if __name__ == "__main__":
    uvloop.run(_play(sys.argv[1], json.loads(sys.argv[2])))
