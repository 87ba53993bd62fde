"""Where things are in a checkout, and the stamps by which a product tells what it was made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
WEB = ROOT / "web"
PAGE = ROOT / "gateway" / "static"
LOGS = ROOT / ".tickmesh" / "logs"


def digest(paths: Sequence[Path]) -> str:
    """Return a digest of the files' names and contents."""
    total = hashlib.sha256()
    for path in paths:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(json.dumps([str(path.relative_to(ROOT)), content]).encode())
    return total.hexdigest()


def read_stamp(path: Path) -> str | None:
    """Return the stamp's text, None where there is none."""
    try:
        return path.read_text()
    except OSError:
        return None
