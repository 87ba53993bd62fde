"""The stack's passwords: made at the first run, kept in a file only we can read, used ever after."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from infra.local.folder import write_private

DEMO_EMAIL = "demo@tickmesh.local"


@dataclass(frozen=True, slots=True, repr=False)
class Passwords:
    """One password per user of a server, the key that signs tokens, and the demo user's; all of [A-Za-z0-9_-]."""

    nats_mesh: str
    nats_guest: str
    nats_system: str
    postgres_admin: str
    postgres: str
    cache: str
    jwt_secret: str
    demo: str


def complete_passwords(kept: Mapping[str, Any], make: Callable[[str], str]) -> Passwords:
    """Take the passwords that are kept and make those that are not."""
    names = [field.name for field in fields(Passwords)]
    return Passwords(**{name: str(kept[name]) if kept.get(name) else make(name) for name in names})


def make_password(name: str) -> str:
    """Make a password; the demo user's can be typed by hand."""
    if name == "demo":
        digits = secrets.token_hex(8)
        return "-".join(digits[start : start + 4] for start in range(0, len(digits), 4))
    return secrets.token_urlsafe(32)


def keep_passwords(path: Path) -> Passwords:
    """Read the passwords, make what is missing, write them back. Raises ValueError for a damaged file."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    if not isinstance(kept, dict):
        raise ValueError(f"{path} must hold a JSON object")  # noqa: TRY004  # it is the file's content that is wrong
    passwords = complete_passwords(kept, make_password)
    write_private(path, json.dumps(asdict(passwords), indent=1))
    return passwords
