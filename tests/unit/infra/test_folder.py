from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from infra.local.folder import (
    AlreadyRunning,
    Folder,
    FolderLock,
    bound_log,
    last_line,
    set_old_log_aside,
    write_private,
)


def test_second_lock_names_the_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = FolderLock(path)
    with pytest.raises(AlreadyRunning, match=rf"already running \(pid {os.getpid()}\), still starting"):
        FolderLock(path)
    lock.describe("http://127.0.0.1:8080/")
    with pytest.raises(AlreadyRunning, match=r"page at http://127\.0\.0\.1:8080/") as refused:
        FolderLock(path)
    assert refused.value.pid == os.getpid()
    lock.release()
    FolderLock(path).release()


def test_lock_with_unreadable_words_is_still_held(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = FolderLock(path)
    path.write_text("[")
    with pytest.raises(AlreadyRunning, match="pid unknown"):
        FolderLock(path)
    lock.release()


def test_private_file_is_private_even_where_it_was_not(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_everything_lies_under_the_root(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "stack")
    folder.create()
    folder.create()
    for path in (folder.data("nats"), folder.log("nats"), folder.ports, folder.passwords, folder.lock):
        assert path.is_relative_to(folder.root)
        assert path.parent.is_dir()


def test_full_log_moves_aside_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "feed.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 100)
        assert not bound_log(log, 100)
        writer.write(b"y")
        assert bound_log(log, 100)
        writer.write(b"after")
    assert log.read_bytes() == b"after"
    assert (tmp_path / "feed.log.1").read_bytes() == b"x" * 100 + b"y"
    assert not bound_log(tmp_path / "none.log", 100)


def test_log_of_the_last_run_is_kept_once(tmp_path: Path) -> None:
    log = tmp_path / "feed.log"
    set_old_log_aside(log)
    for run in ("first", "second"):
        log.write_text(run)
        set_old_log_aside(log)
    assert not log.exists()
    assert (tmp_path / "feed.log.1").read_text() == "second"


@pytest.mark.parametrize(
    ("content", "line"),
    [("", ""), ("one", "one"), ("one\ntwo\n\n  \n", "two"), ("x" * 9000 + "\nend", "end"), (" \n", "")],
)
def test_last_line(tmp_path: Path, content: str, line: str) -> None:
    path = tmp_path / "log"
    path.write_text(content)
    assert last_line(path) == line


def test_missing_log_has_no_last_line(tmp_path: Path) -> None:
    assert last_line(tmp_path / "none") == ""
