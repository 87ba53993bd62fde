"""How commands beside a running stack reach it: its settings, in a file that only its owner can read.

It holds the passwords of NATS and Postgres, as the stack's other files in `run/` do, and is there while the stack runs.
The cache is not in it: no such command uses it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from infra.local.folder import Folder, write_private

_PREFIX = "TICKMESH_"
_KEPT_BACK = frozenset({"TICKMESH_JWT_SECRET"})  # no command beside the gateway signs tokens


class NoStack(Exception):  # noqa: N818  # reads as what it says
    """No stack runs in the folder."""


def write_settings(folder: Folder, environment: Mapping[str, str]) -> None:
    """Write down the settings in a process's environment."""
    settings = {
        name: value for name, value in environment.items() if name.startswith(_PREFIX) and name not in _KEPT_BACK
    }
    write_private(folder.settings, json.dumps(settings, indent=1))


def read_settings_of(root: Path) -> dict[str, str]:
    """Read the settings of the stack that runs in a folder; raises NoStack."""
    path = Folder(root).settings
    try:
        settings = json.loads(path.read_text())
    except FileNotFoundError:
        raise NoStack(f"no stack runs in {root}") from None
    except (OSError, ValueError) as error:
        raise NoStack(f"{path} cannot be read: {error}") from error
    if not isinstance(settings, dict):
        raise NoStack(f"{path} must hold a JSON object")
    return {str(name): str(value) for name, value in settings.items()}


def forget_settings(folder: Folder) -> None:
    """Remove them: the stack ends."""
    folder.settings.unlink(missing_ok=True)
