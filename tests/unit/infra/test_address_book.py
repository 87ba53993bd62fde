"""How a command finds the stack it is meant for."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from infra import cli
from infra.local.address_book import NoStack, forget_settings, read_settings_of, write_settings
from infra.local.folder import Folder

ENVIRONMENT = {"TICKMESH_NATS_URL": "nats://here", "TICKMESH_JWT_SECRET": "signs", "PATH": "/bin"}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    folder.create()
    return folder


def test_settings_are_written_for_their_owner_alone_and_forgotten(folder: Folder) -> None:
    write_settings(folder, ENVIRONMENT)
    assert stat.S_IMODE(folder.settings.stat().st_mode) == 0o600
    assert read_settings_of(folder.root) == {"TICKMESH_NATS_URL": "nats://here"}
    forget_settings(folder)
    forget_settings(folder)
    with pytest.raises(NoStack, match=r"no stack runs in /"):
        read_settings_of(folder.root)


@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff"])
def test_a_damaged_file_is_named(folder: Folder, content: bytes) -> None:
    folder.settings.write_bytes(content)
    with pytest.raises(NoStack, match=r"settings\.json"):
        read_settings_of(folder.root)


@pytest.mark.parametrize(
    ("own", "is_named", "expected"),
    [
        ({}, False, "nats://here"),
        ({"TICKMESH_NATS_URL": "nats://there"}, False, "nats://there"),
        ({"TICKMESH_NATS_URL": "nats://there"}, True, "nats://here"),
        ({"TICKMESH_POSTGRES_DSN": "postgresql://there"}, False, None),
    ],
)
def test_a_named_stack_comes_first_then_the_environment_then_the_stack_of_make_up(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, own: dict[str, str], is_named: bool, expected: str | None
) -> None:
    write_settings(folder, ENVIRONMENT)
    monkeypatch.setattr(cli, "DEFAULT_ROOT", folder.root)
    found = cli.environment(folder.root if is_named else None, own)
    assert found.get("TICKMESH_NATS_URL") == expected


def test_without_a_stack_the_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TICKMESH_NATS_URL", raising=False)
    monkeypatch.delenv("TICKMESH_POSTGRES_DSN", raising=False)
    assert cli.main(["candles", "verify", "--stack", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"tickmesh: no stack runs in {tmp_path}\n"
