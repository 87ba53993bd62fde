"""`docs/operations.md` against the code: settings with their defaults and bounds, feeds, metrics, ports."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from msgspec import NODEFAULT, Meta
from msgspec.structs import FieldInfo, fields

from gateway.settings import GatewaySettings
from infra.local.stack import PREFERRED_PORTS
from mesh.settings import PREFIX, MeshSettings
from workers.alert.settings import AlertSettings
from workers.candle.settings import CandleSettings
from workers.feed.adapter import FeedSpec, SpecError
from workers.feed.adapters import ADAPTERS, open_adapter
from workers.feed.settings import FeedSettings
from workers.feed.sim.options import read_options
from workers.notify.settings import NotifySettings
from workers.portfolio.settings import PortfolioSettings

PAGE = "docs/operations.md"
TableUnder = Callable[[str, str], list[list[str]]]
PROCESSES = {
    "all": MeshSettings,
    "feed": FeedSettings,
    "candles": CandleSettings,
    "portfolios": PortfolioSettings,
    "alerts": AlertSettings,
    "notify": NotifySettings,
    "gateway": GatewaySettings,
}


def own_fields(process: str) -> list[FieldInfo]:
    inherited = set() if process == "all" else {field.name for field in fields(MeshSettings)}
    return [field for field in fields(PROCESSES[process]) if field.name not in inherited]


def bounds(field: FieldInfo) -> str:
    """Write a field's bounds as the page does."""
    meta = next((each for each in get_args(field.type) if isinstance(each, Meta)), Meta())
    if meta.pattern is not None:
        return re.fullmatch(r"\^\((.*)\)\$", meta.pattern)[1].replace("|", ", ")
    if meta.min_length is not None:
        return "not empty" if meta.min_length == 1 else f"{meta.min_length} characters or more"
    if meta.gt is not None:
        return f"above {number(meta.gt)}" + (f", to {number(meta.le)}" if meta.le is not None else "")
    if meta.ge is not None:
        return f"{number(meta.ge)} to {number(meta.le)}" if meta.le is not None else f"{number(meta.ge)} or more"
    return ""


def number(bound: float) -> str:
    """Write 100 and 100.0 alike: Python shares equal types, so which of them a field has depends on the imports."""
    return f"{bound:.12g}"


def default(field: FieldInfo) -> str:
    if field.default is NODEFAULT:
        return "required"
    return f"{field.default:g}" if isinstance(field.default, float) else str(field.default)


@pytest.mark.parametrize("process", PROCESSES)
def test_settings_are_those_of_the_processes(process: str, table_under: TableUnder) -> None:
    documented = [row[:4] for row in table_under(PAGE, "Settings") if row[1] == process]
    expected = [
        [f"`{PREFIX}{field.name.upper()}`", process, default(field), bounds(field)] for field in own_fields(process)
    ]
    assert sorted(documented) == sorted(expected)


def test_every_setting_has_a_meaning(table_under: TableUnder) -> None:
    assert all(row[4] for row in table_under(PAGE, "Settings"))


def test_feed_options_are_the_adapters(table_under: TableUnder) -> None:
    rows = table_under(PAGE, "Feeds")
    assert {row[0] for row in rows} == set(ADAPTERS)
    defaults = read_options(FeedSpec.parse("sim"))
    for feed, option, written, *_ in rows:
        name = option.strip("`")
        if feed == "sim" and name != "time":
            assert str(getattr(defaults, name)) == written
    for name in ADAPTERS:
        with pytest.raises(SpecError) as refusal:
            ADAPTERS[name](FeedSpec.parse(f"{name}:no_such_option=1"))
        known = str(refusal.value).partition("it knows ")[2].split(", ")
        assert known == [row[1].strip("`") for row in rows if row[0] == name and row[1] != "PATH"]


@pytest.mark.parametrize("option", ["rate", "seed", "symbols", "depth_ms", "slice_ms"])
def test_bounds_of_the_simulation_are_its_own(option: str, table_under: TableUnder) -> None:
    written = next(row[3] for row in table_under(PAGE, "Feeds") if row[:2] == ["sim", f"`{option}`"])
    with pytest.raises(SpecError, match=rf"from {written}$"):
        open_adapter(f"sim:{option}=-1")


def test_metrics_are_the_gateways(table_under: TableUnder, root: Path) -> None:
    source = "\n".join(path.read_text() for path in sorted((root / "gateway").rglob("*.py")))
    named = set(re.findall(r'"(tickmesh_gateway_\w+)"', source))
    shown = {f"tickmesh_gateway_{name}" for name in re.findall(r'\b(?:gauge|counter)\(\s*"(\w+)"', source)}
    assert {row[0].strip("`") for row in table_under(PAGE, "Metrics")} == named | shown


def test_ports_are_the_preferred_ones(table_under: TableUnder) -> None:
    wishes = [row[1] for row in table_under(PAGE, "Ports")]
    assert wishes == [str(port or "") for port in PREFERRED_PORTS.values()]
