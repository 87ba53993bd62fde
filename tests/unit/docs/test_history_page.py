"""`docs/history.md` against the command."""

import re
from collections.abc import Callable

import pytest

from infra import cli

PAGE = "docs/history.md"


def test_options_are_the_commands(
    table_under: Callable[[str, str], list[list[str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["import", "--help"])
    offered = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    documented = {row[0].strip("`") for row in table_under(PAGE, "History from files")}
    assert documented == offered | {"FILE"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["import", "f.csv", "--venue", "nasdaq"],
        ["import", "f.csv", "--zone", "Mars/Olympus"],
        ["import", "f.csv", "--columns", "open"],
        ["import", "f.csv", "--timeframe", "5m"],
        ["candles"],
    ],
)
def test_wrong_options_are_refused_before_anything_is_opened(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        cli.main(arguments)
    assert refused.value.code == 2


def test_a_setting_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TICKMESH_NATS_URL", raising=False)
    monkeypatch.setenv("TICKMESH_POSTGRES_DSN", "postgresql://127.0.0.1:1/nowhere")
    assert cli.main(["import", "--bokeh"]) == 1
    assert "TICKMESH_NATS_URL is not set" in capsys.readouterr().err
