"""What tests of processes share: waiting for a condition, and asking the kernel which processes are there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Until = Callable[..., None]


@pytest.fixture
def until() -> Until:
    """Wait for a condition, or fail after `within_s`."""

    def wait(condition: Callable[[], object], within_s: float = 10.0) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline, f"not so within {within_s} s"
            time.sleep(0.01)

    return wait


@pytest.fixture
def until_async() -> Callable[..., object]:
    """Wait for a condition while the event loop runs, or fail after `within_s`."""

    async def wait(condition: Callable[[], object], within_s: float = 10.0) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline, f"not so within {within_s} s"
            await asyncio.sleep(0.01)

    return wait


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()  # state, parent, …


@pytest.fixture
def is_running() -> Callable[[int], bool]:
    """Tell whether a process is there and not merely waiting to be buried."""
    return lambda pid: (_stat(pid) or ["Z"])[0] not in {"Z", "X"}


@pytest.fixture
def descendants() -> Callable[[int], set[int]]:
    """List the processes that a process started, and those that these started."""

    def find(pid: int) -> set[int]:
        parents = {
            int(path.name): int(stat[1]) for path in Path("/proc").glob("[0-9]*") if (stat := _stat(int(path.name)))
        }
        found = {pid}
        for _ in parents:
            grown = found | {child for child, parent in parents.items() if parent in found}
            if grown == found:
                break
            found = grown
        return found - {pid}

    return find
