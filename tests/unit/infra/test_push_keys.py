from __future__ import annotations

import stat
from pathlib import Path

import pytest

from infra.local.push_keys import keep_push_keys
from workers.notify.vapid import public_of


def test_push_keys_are_made_once_and_are_private(tmp_path: Path) -> None:
    path = tmp_path / "vapid.json"
    made = keep_push_keys(path)
    assert keep_push_keys(path) == made
    assert public_of(made.private) == made.public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["[]", "{}", '{"private": 1}', '{"private": "AAAA"}', "nothing"])
def test_a_damaged_file_is_no_key(tmp_path: Path, text: str) -> None:
    path = tmp_path / "vapid.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"JSON|key|Expecting"):
        keep_push_keys(path)
