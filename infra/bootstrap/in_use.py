"""Whether a stack runs with the environment in .venv: it must not be made anew under its feet.

Whoever runs the stack holds a file's lock, shared, for as long as it lives; whoever makes the environment anew takes it
for itself alone.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from infra.bootstrap.progress import CannotPrepare
from infra.bootstrap.stamps import LOGS, VENV


def hold() -> None:
    """Keep the environment as it is while this process lives, or the one that it becomes."""
    descriptor = _open()
    os.set_inheritable(descriptor, True)
    fcntl.flock(descriptor, fcntl.LOCK_SH)


@contextmanager
def alone() -> Iterator[None]:
    """Let nobody begin to use the environment within; raises CannotPrepare where somebody does."""
    descriptor = _open()
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotPrepare(
                f"Tickmesh runs with {VENV}, which was made for another Python than this one. Stop it first, or name "
                "the Python that it was started with: make PYTHON=/path/to/python."
            ) from None
        yield
    finally:
        os.close(descriptor)


def _open() -> int:
    LOGS.mkdir(parents=True, exist_ok=True)
    return os.open(LOGS.parent / "environment.lock", os.O_RDWR | os.O_CREAT, 0o600)
