"""The one folder that holds everything the local stack keeps, and the lock that gives it to one launcher."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

PRIVATE = 0o600
DEFAULT_ROOT = Path(__file__).parents[2] / ".tickmesh"


class AlreadyRunning(Exception):  # noqa: N818  # reads as what it says
    """Another launcher holds the folder; `pid` and `page` are its own, None while it is still starting."""

    def __init__(self, pid: int | None, page: str | None) -> None:
        self.pid = pid
        self.page = page
        super().__init__(f"already running (pid {pid or 'unknown'}), {f'page at {page}' if page else 'still starting'}")


@dataclass(frozen=True, slots=True)
class Folder:
    """Where things lie under the root: data/ (servers' stores), logs/, run/ (ports, passwords, settings, lock)."""

    root: Path

    def data(self, name: str) -> Path:
        """Return the store of one server."""
        return self.root / "data" / name

    def log(self, name: str) -> Path:
        """Return the log of one process."""
        return self.root / "logs" / f"{name}.log"

    @property
    def ports(self) -> Path:
        """The ports of the last run."""
        return self.root / "run" / "ports.json"

    @property
    def passwords(self) -> Path:
        """The passwords made at the first run."""
        return self.root / "run" / "passwords.json"

    @property
    def push_keys(self) -> Path:
        """The keys with which push services know this stack, made at the first run."""
        return self.root / "run" / "vapid.json"

    @property
    def settings(self) -> Path:
        """The settings of the stack that runs, for commands beside it."""
        return self.root / "run" / "settings.json"

    @property
    def lock(self) -> Path:
        """The lock file, which names its holder."""
        return self.root / "run" / "launcher.lock"

    def create(self) -> None:
        """Make the folders that are not there yet."""
        for name in ("data", "logs", "run"):
            (self.root / name).mkdir(parents=True, exist_ok=True)


class FolderLock:
    """The folder's lock, held until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        """Take the lock. Raises `AlreadyRunning` where another process holds it."""
        self._file: IO[str] = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = _holder(self._file.read())
            self._file.close()
            raise AlreadyRunning(holder.get("pid"), holder.get("page")) from None
        self.describe(page=None)

    def describe(self, page: str | None) -> None:
        """Write down who we are, for a second launcher to name."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps({"pid": os.getpid(), "page": page}))
        self._file.flush()

    def release(self) -> None:
        """Give the folder to the next launcher."""
        self._file.close()


def _holder(text: str) -> dict[str, Any]:
    try:
        holder = json.loads(text)
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def set_old_log_aside(path: Path) -> None:
    """Keep the log of the run before as NAME.log.1, so that a new run begins with an empty one."""
    if path.exists() and path.stat().st_size > 0:
        path.replace(path.with_name(path.name + ".1"))


def bound_log(path: Path, most_bytes: int) -> bool:
    """Move a log that outgrew its bound to NAME.log.1 (replacing that) and empty it; say whether that was done.

    Copy and truncate, not rename: the writer has the file open, in append mode. Lines written between the two are lost.
    """
    if not path.exists() or path.stat().st_size <= most_bytes:
        return False
    shutil.copyfile(path, path.with_name(path.name + ".1"))
    os.truncate(path, 0)
    return True


def last_line(path: Path, most_bytes: int = 4096) -> str:
    """Return the last line of a log that is not empty, or an empty text."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - most_bytes))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "")
