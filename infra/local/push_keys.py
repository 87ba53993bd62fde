"""The stack's VAPID keys: made at the first run and kept, as the subscriptions of browsers are good for these alone."""

from __future__ import annotations

import json
from pathlib import Path

from infra.local.folder import write_private
from workers.notify.vapid import KeyPair, new_keys, public_of


def keep_push_keys(path: Path) -> KeyPair:
    """Read the keys, or make them and write them down. Raises ValueError for a damaged file."""
    if path.exists():
        kept = json.loads(path.read_text())
        if not isinstance(kept, dict) or not isinstance(kept.get("private"), str):
            raise ValueError(f"{path} must hold a JSON object with the key 'private'")
        return KeyPair(kept["private"], public_of(kept["private"]))
    made = new_keys()
    write_private(path, json.dumps(made._asdict(), indent=1))
    return made
