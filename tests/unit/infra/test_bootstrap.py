from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from infra.bootstrap import in_use, progress
from infra.bootstrap.environment import environment_ways, no_environment_text
from infra.bootstrap.page import node_is_new_enough
from infra.bootstrap.progress import CannotPrepare, Runner, Task, prepare


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        ("v20.19.0\n", True),
        ("v20.18.3\n", False),
        ("v21.7.0\n", False),
        ("v22.11.0\n", False),
        ("v22.12.0\n", True),
        ("v24.1.0\n", True),
        ("v18.20.0\n", False),
        ("", False),
        ("node: not found", False),
    ],
)
def test_node_versions(version: str, enough: bool) -> None:
    assert node_is_new_enough(version) is enough


def test_environment_is_made_of_this_very_interpreter_by_venv_first() -> None:
    ways = list(environment_ways())
    assert ways[0][:3] == [sys.executable, "-m", "venv"]
    assert "--without-pip" not in ways[0]


def test_missing_packages_are_named_with_what_was_tried() -> None:
    text = no_environment_text(["python3 -m venv .venv ended with code 1"])
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for words in (f"python{version}-venv", "apt install python3-venv", "pip 22.3", "virtualenv", "ended with code 1"):
        assert words in text


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state" / "logs"
    monkeypatch.setattr(progress, "LOGS", folder)
    monkeypatch.setattr(in_use, "LOGS", folder)
    return folder


def test_only_what_is_due_is_made_and_numbered(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made: list[str] = []
    tasks = [Task("Old thing", lambda: False, lambda run: made.append("old"))]
    tasks += [Task(name, lambda: True, lambda run, name=name: made.append(name)) for name in ("Tables", "Chairs")]
    prepare(tasks)
    assert made == ["Tables", "Chairs"]
    assert capsys.readouterr().out.splitlines() == ["[1/2] Tables, done in 0 s", "[2/2] Chairs, done in 0 s"]


def test_nothing_due_says_nothing(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare([Task("Old thing", lambda: False, lambda run: None)])
    assert capsys.readouterr().out == ""
    assert not logs.exists()


def test_failure_tells_command_code_and_words(logs: Path) -> None:
    command = [sys.executable, "-c", "print('the reason'); raise SystemExit(7)"]
    with pytest.raises(CannotPrepare, match=r"(?s)\[1/1\] Big thing failed: .* code 7.*the reason.*setup-big-thing"):
        prepare([Task("Big thing", lambda: True, lambda run: run(command))])


def test_long_failure_shows_its_beginning_and_its_end(tmp_path: Path) -> None:
    runner = Runner("Thing", tmp_path / "log")
    runner([sys.executable, "-c", "print(*range(1000, 2000), sep='\\n')"])
    text = runner.describe(subprocess.CalledProcessError(1, ["make-it"]))
    assert all(f"  {number}\n" in text for number in (1000, 1999))
    assert "  1500\n" not in text
    assert len(text.splitlines()) < 40


def test_progress_replaces_its_line_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "30")
    runner = Runner("[1/1] Thing", tmp_path / "log")
    runner([sys.executable, "-c", "print('x' * 100)"])
    runner.done()
    shown = screen.getvalue().split("\r\x1b[2K")
    assert shown[-1] == "[1/1] Thing, done in 0 s\n"
    assert all(len(line) <= 29 and "\n" not in line for line in shown[:-1])


def test_an_environment_that_somebody_runs_with_is_not_made_anew(logs: Path) -> None:
    with in_use.alone():
        pass
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom infra.bootstrap import in_use\n"
        f"in_use.LOGS = Path({str(logs)!r})\nin_use.hold()\n"
        "os.execv(sys.executable, [sys.executable, '-c', 'print(1, flush=True); input()'])"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == b"1\n"
        with pytest.raises(CannotPrepare, match="Stop it first"), in_use.alone():
            pytest.fail("it was ours")
        runner.communicate(b"\n")
    with in_use.alone():
        pass
