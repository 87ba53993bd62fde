from __future__ import annotations

import json
import re
import stat
from dataclasses import asdict
from pathlib import Path

import pytest

from infra.local.credentials import complete_passwords, keep_passwords, make_password


def test_kept_passwords_stay_and_missing_ones_are_made() -> None:
    passwords = asdict(complete_passwords({"demo": "kept", "cache": ""}, lambda name: f"made-{name}"))
    assert passwords.pop("demo") == "kept"
    assert passwords == {name: f"made-{name}" for name in passwords}


def test_passwords_survive_and_are_private(tmp_path: Path) -> None:
    path = tmp_path / "passwords.json"
    first = keep_passwords(path)
    assert keep_passwords(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(set(asdict(first).values())) == len(asdict(first))


def test_passwords_need_no_quoting_anywhere(tmp_path: Path) -> None:
    for value in asdict(keep_passwords(tmp_path / "passwords.json")).values():
        assert re.fullmatch(r"[A-Za-z0-9_-]{16,}", value)
    assert re.fullmatch(r"([0-9a-f]{4}-){3}[0-9a-f]{4}", make_password("demo"))


def test_passwords_are_not_shown() -> None:
    assert "secret" not in repr(complete_passwords({}, lambda name: "secret"))


def test_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "passwords.json"
    path.write_text(json.dumps([1]))
    with pytest.raises(ValueError, match=r"passwords\.json must hold a JSON object"):
        keep_passwords(path)
