"""The Python environment in .venv: made by whatever this machine has, and filled from a lock."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from infra.bootstrap import in_use
from infra.bootstrap.progress import CannotPrepare, Runner, Task
from infra.bootstrap.stamps import ROOT, VENV, VENV_PYTHON, digest, read_stamp

OLDEST_PIP = (22, 3)  # the first that installs into another environment (--python)


def environment_tasks(kind: str) -> list[Task]:
    """List what makes .venv current for "local" (to run) or "dev" (to test and check as well)."""
    return [
        Task("Python environment", lambda: not _environment_works(), _make_environment),
        Task("Python packages", lambda: not _packages_current(kind), lambda run: _install_packages(kind, run)),
    ]


def _environment_stamp() -> str:
    # A moved checkout or another interpreter is another environment: scripts and paths in it name both.
    return f"{sys.version_info.major}.{sys.version_info.minor} {sys.base_prefix} {ROOT}\n"


def _stamp() -> Path:
    return VENV / ".tickmesh-environment"


def _environment_works() -> bool:
    return VENV_PYTHON.exists() and read_stamp(_stamp()) == _environment_stamp()


def _make_environment(run: Runner) -> None:
    if not _made_by_hand():
        with in_use.alone():
            shutil.rmtree(VENV, ignore_errors=True)
            _create_environment(run)
    _put_checkout_on_path()
    _stamp().write_text(_environment_stamp())


def _made_by_hand() -> bool:
    """Tell whether .venv is a working environment of this interpreter that somebody made: it is used, not replaced."""
    if not VENV_PYTHON.exists() or _stamp().exists():
        return False
    question = "import sys, pip; print(*sys.version_info[:2], sys.base_prefix)"
    answer = subprocess.run([str(VENV_PYTHON), "-c", question], capture_output=True, text=True, check=False)  # noqa: S603  # asks an interpreter
    return answer.stdout.split() == [*map(str, sys.version_info[:2]), sys.base_prefix]


def _create_environment(run: Runner) -> None:
    failures = []
    for command in environment_ways():
        try:
            run(command)
        except subprocess.CalledProcessError as failure:
            failures.append(f"{' '.join(map(str, failure.cmd))} ended with code {failure.returncode}")
            shutil.rmtree(VENV, ignore_errors=True)
        else:
            return
    raise CannotPrepare(no_environment_text(failures))


def environment_ways() -> Iterator[list[str]]:
    """Name the commands that may make an environment with pip at hand, best first."""
    python = sys.executable
    yield [python, "-m", "venv", str(VENV)]
    if _outer_pip_is_new_enough():
        yield [python, "-m", "venv", "--without-pip", str(VENV)]
    virtualenv = shutil.which("virtualenv")
    if virtualenv:
        yield [virtualenv, "--python", python, str(VENV)]


def no_environment_text(failures: Sequence[str]) -> str:
    """Say which package is missing where no way led to an environment."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    tried = "\n".join(f"  {failure}" for failure in failures)
    return (
        f"{sys.executable} can make no environment with pip in it:\n{tried}\n"
        f"Install one of: python{version}-venv (Debian, Ubuntu: apt install python3-venv), pip {OLDEST_PIP[0]}."
        f"{OLDEST_PIP[1]} or newer for this Python (apt install python3-pip), or virtualenv."
    )


def _outer_pip_is_new_enough() -> bool:
    answer = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"pip (\d+)\.(\d+)", answer.stdout)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST_PIP


def _put_checkout_on_path() -> None:
    """Make the checkout's packages importable from anywhere, as an editable install would, with no build backend."""
    answer = subprocess.run(  # noqa: S603  # the environment we just made
        [str(VENV_PYTHON), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    Path(answer.stdout.strip(), "tickmesh.pth").write_text(f"{ROOT}\n")


def _packages_stamp(kind: str) -> Path:
    return VENV / f".tickmesh-packages-{kind}"


def _packages_current(kind: str) -> bool:
    # The dev lock holds everything of the local one, so an environment made for tests also runs the stack.
    kinds = ("local", "dev") if kind == "local" else ("dev",)
    return _environment_works() and any(read_stamp(_packages_stamp(name)) == digest([_lock(name)]) for name in kinds)


def _lock(kind: str) -> Path:
    return ROOT / "requirements" / f"{kind}.txt"


def _install_packages(kind: str, run: Runner) -> None:
    inner = (VENV / "bin" / "pip").exists()
    pip = [str(VENV_PYTHON), "-m", "pip"] if inner else [sys.executable, "-m", "pip", "--python", str(VENV_PYTHON)]
    # The lock is complete, so there is nothing to resolve: every file is named with its hash.
    options = ["--require-hashes", "--no-deps", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    run([*pip, "install", *options, "-r", str(_lock(kind))])
    _packages_stamp(kind).write_text(digest([_lock(kind)]))
