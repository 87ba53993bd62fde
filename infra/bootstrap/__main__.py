"""Prepare a fresh checkout: the environment in .venv, its packages, the built page; then start what was asked for.

    python -m infra.bootstrap env local|dev      make the environment current
    python -m infra.bootstrap up [ARGUMENTS]     that, the page, and then `python -m infra.local ARGUMENTS`
    python -m infra.bootstrap web                build the page into gateway/static
    python -m infra.bootstrap npm ARGUMENTS      run npm in web/ with a node that is new enough

What is current is left alone: each product carries a stamp that names what it was made from.
"""

from __future__ import annotations

import os
import subprocess
import sys

from infra.bootstrap import in_use
from infra.bootstrap.environment import environment_tasks
from infra.bootstrap.page import find_npm, npm_packages_task, page_tasks
from infra.bootstrap.progress import CannotPrepare, prepare
from infra.bootstrap.stamps import VENV_PYTHON, WEB

OLDEST_PYTHON = (3, 11)


def main(arguments: list[str]) -> int:
    """Do what the command asks; return the exit code."""
    if sys.version_info < OLDEST_PYTHON:
        return _fail(
            f"Python 3.11 or newer is needed, {sys.executable} is {sys.version.split()[0]}. PYTHON= names one."
        )
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    try:
        if command == "env" and rest in (["local"], ["dev"]):
            prepare(environment_tasks(rest[0]))
        elif command == "up":
            prepare(environment_tasks("local") + page_tasks())
            in_use.hold()
            os.execv(VENV_PYTHON, [str(VENV_PYTHON), "-m", "infra.local", *rest])  # noqa: S606  # this process becomes it
        elif command == "web":
            prepare(environment_tasks("local") + page_tasks())
        elif command == "npm":
            prepare([*environment_tasks("local"), npm_packages_task()])
            npm = find_npm()
            return subprocess.run([*npm.command, *rest], cwd=WEB, env=npm.environment, check=False).returncode  # noqa: S603  # npm of our choice
        else:
            return _fail((__doc__ or "").strip())
    except CannotPrepare as problem:
        return _fail(str(problem))
    except KeyboardInterrupt:
        return 130
    return 0


def _fail(text: str) -> int:
    print(text, file=sys.stderr)  # noqa: T201  # a command's answer
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
