"""The REST half of `docs/stream-protocol.md` against the gateway: every endpoint, field and problem."""

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from msgspec.structs import fields

from gateway import problems
from gateway.accounts import routes
from gateway.accounts.tokens import TokenCode
from gateway.alerts.channel_requests import NewChannelRequest
from gateway.alerts.described import AlertBody, ChannelBody, PreviewBody, PreviewFiring
from gateway.alerts.requests import NewAlert
from gateway.app import create_app
from gateway.charts.answer import Form, answer
from gateway.charts.indicators import KINDS
from gateway.charts.page import Page
from gateway.charts.query import ChartQuery, read_query
from gateway.images import depth_image
from gateway.rest.health import Readiness
from gateway.rest.quotes import Price
from gateway.rest.symbols import FoundSymbol, FoundSymbols
from gateway.settings import GatewaySettings
from market import rows
from market.candles.candles import Candles
from market.instrument import Instrument, InstrumentId, Listing
from market.symbols import SymbolKey
from mesh.notify.kinds import Kind

PAGE = "docs/stream-protocol.md"
TableUnder = Callable[[str, str], list[list[str]]]
LinesUnder = Callable[[str, str], list[str]]
Json = dict[str, object]
JsonUnder = Callable[[str, str], list[Json]]
TreesOf = Callable[[str], list[ast.Module]]


@pytest.fixture
def examples(json_under: JsonUnder) -> Callable[[str], list[Json]]:
    """Give the JSON examples under a heading."""
    return lambda heading: json_under(PAGE, heading)


def test_endpoints_are_the_applications(table_under: TableUnder) -> None:
    app = create_app(GatewaySettings(nats_url="nats://-", postgres_dsn="postgresql://-", jwt_secret="x" * 32))
    served = {
        (method.upper(), path): bool(operation.get("security"))
        for path, operations in app.openapi_schema.to_schema()["paths"].items()
        for method, operation in operations.items()
    }
    served["GET", "/metrics"] = False  # served, and not for the page that describes the rest
    documented = {(row[0], row[1].strip("`")): row[2] == "token" for row in table_under(PAGE, "REST")}
    assert documented == served


def names_of(kind: type) -> set[str]:
    return {field.encode_name for field in fields(kind)}


def empty_chart() -> Json:
    page = Page(Candles.of(0), np.zeros(0, bool), np.zeros(0, np.int64), 0, None, None, is_settled=True)
    instrument = Instrument(InstrumentId(0), Listing(SymbolKey("XNAS", "AAPL"), "Apple Inc."))
    found: Json = json.loads(answer(instrument, query("sma:20"), page, Form.JSON).body)
    return found


def query(indicators: str) -> ChartQuery:
    return read_query("1m", None, None, "500", indicators, "none", "all", 10**18)


def test_indicators_are_those_of_charts(table_under: TableUnder, lines_under: LinesUnder) -> None:
    lines = lines_under(PAGE, "Candles")
    documented = {
        name: columns
        for name, columns in re.findall(r"^\| `(\w+)[\w:]*` \| (`.*?`) \|", "\n".join(lines), re.MULTILINE)
        if name in KINDS
    }
    assert {name: tuple(re.findall(r"`(\w+)`", columns)) for name, columns in documented.items()} == {
        name: kind.columns for name, kind in KINDS.items()
    }


def test_answers_have_the_fields_of_the_endpoints(
    examples: Callable[[str], list[Json]], image: Json, root: Path
) -> None:
    credentials, registered, pair, refresh = examples("Accounts")
    assert set(credentials) == names_of(routes.Credentials)
    assert set(registered) == names_of(routes.Registered)
    assert set(pair) == names_of(routes.TokenPair)
    assert set(refresh) == names_of(routes.RefreshRequest)
    (price,) = examples("Prices")
    assert set(price) == names_of(Price)
    (chart,) = examples("Candles")
    assert set(chart) == set(empty_chart())
    (found,) = examples("Symbols")
    assert set(found) == names_of(FoundSymbols)
    assert set(found["symbols"][0]) == names_of(FoundSymbol)
    (health,) = examples("Health")
    assert set(health) == names_of(Readiness)
    (quote,) = examples("Quotes")
    own = re.search(
        r"return \{\s*\*\*image,(.*?)\n        \}", (root / "gateway/rest/quotes.py").read_text(), re.DOTALL
    )
    added = set(re.findall(r'^ +"(\w+)":', own[1], re.MULTILINE))
    assert set(quote) == set(image) | added | {"change", "change_percent"}
    assert set(quote["depth"]) == set(depth_image(np.zeros(0, rows.LEVEL.dtype)))


def test_alerts_and_channels_have_the_fields_of_the_endpoints(
    examples: Callable[[str], list[Json]], table_under: TableUnder
) -> None:
    asked, alert, preview = examples("Alerts")
    assert set(asked) == names_of(NewAlert)
    assert set(alert) == names_of(AlertBody)
    assert set(preview) == names_of(PreviewBody)
    assert set(preview["firings"][0]) == names_of(PreviewFiring)
    new, channel = examples("Alert channels")
    assert set(new) == names_of(NewChannelRequest) - {"subscription"}
    assert set(channel) == names_of(ChannelBody) - {"secret"}
    assert {row[0].strip("`") for row in table_under(PAGE, "Alert channels")} == set(Kind)


def test_problems_are_those_the_gateway_answers(
    table_under: TableUnder, examples: Callable[[str], list[Json]], lines_under: LinesUnder, trees_of: TreesOf
) -> None:
    documented = {
        (int(row[0]), code) for row in table_under(PAGE, "Problems") for code in re.findall(r"`(\w+)`", row[1])
    }
    raised = {(401, code) for code in get_args(TokenCode)}
    raised |= {(401, f"refresh_{verdict}") for verdict in ("expired", "revoked", "reused")}
    for node in (node for tree in trees_of("gateway") for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and len(node.args) > 1:
            status, code = node.args[:2]
            if isinstance(status, ast.Constant) and isinstance(status.value, int) and isinstance(code, ast.Constant):
                raised.add((status.value, code.value))
            if isinstance(node.func, ast.Name) and node.func.id == "Taker" and isinstance(status, ast.Constant):
                raised |= {(503, f"{status.value}_away"), (503, f"{status.value}_busy"), (507, f"{status.value}_full")}
    assert documented == {(status, code) for status, code in raised if isinstance(code, str) and status >= 400}
    by_status = set(re.findall(r"`(\w+)` \(\d{3}\)", "\n".join(lines_under(PAGE, "Problems"))))
    own = {code for _, code in documented}
    assert by_status == set(problems._CODES.values()) - own
    (example,) = examples("Problems")
    assert example == problems.invalid_field("query", str(example["bound"])).document()
