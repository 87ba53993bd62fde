"""What the launcher starts: servers and processes, declared as values."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Step = Callable[[], Awaitable[None]]


class NotReady(Exception):  # noqa: N818  # it is an answer, not a fault
    """A probe's answer while a service cannot serve yet; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Account:
    """The operating-system account a service runs as when we may not run it as ourselves."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Service:
    """One process to run: its command, its probe and the manners with which it is stopped.

    `prepare` runs before every start, `probe` raises `NotReady` until the service serves. A service that runs `once` is
    a step: the next service starts after it ended with code 0.
    """

    name: str
    argv: tuple[str, ...]
    cwd: Path
    log: Path
    probe: Step | None = None
    prepare: Step | None = None
    env: Mapping[str, str] | None = field(default=None, repr=False)  # holds passwords
    run_as: Account | None = None
    once: bool = False
    ready_within_s: float = 30.0
    stop_signal: signal.Signals = signal.SIGTERM
    # What the kernel sends should the launcher itself be killed.
    death_signal: signal.Signals = signal.SIGKILL
