"""`docs/stream-protocol.md` against the gateway: every message, code, limit, endpoint and problem."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import msgpack
import numpy as np
import pytest
from msgspec.structs import fields

from gateway import __main__ as entry_point
from gateway import problems
from gateway.accounts import routes
from gateway.accounts.tokens import MAX_TOKEN_CHARACTERS, TokenCode
from gateway.app import create_app
from gateway.images import depth_image, from_iso, quote_image
from gateway.live import commands
from gateway.live.close_codes import CloseCode
from gateway.live.session import MAX_WAITING_ANSWERS
from gateway.live.wire import JSON, MSGPACK, WIRES
from gateway.rest.health import Readiness
from gateway.rest.quotes import Price
from gateway.rest.symbols import FoundSymbol, FoundSymbols
from gateway.settings import GatewaySettings
from market import rows
from market.instrument import Instrument, InstrumentId, Listing
from market.symbols import SymbolKey

PAGE = "docs/stream-protocol.md"
TableUnder = Callable[[str, str], list[list[str]]]
LinesUnder = Callable[[str, str], list[str]]
CodeIn = Callable[[str], list[tuple[str, str]]]
Json = dict[str, object]

ACTIONS = {kind.__struct_config__.tag for kind in get_args(commands.AnyCommand)}


@pytest.fixture
def examples(lines_under: LinesUnder, code_in: CodeIn) -> Callable[[str], list[Json]]:
    """Give the JSON examples under a heading."""
    return lambda heading: [
        json.loads(text) for language, text in code_in("\n".join(lines_under(PAGE, heading))) if language == "json"
    ]


@pytest.fixture(scope="session")
def image() -> Json:
    """Show one instrument's state as the gateway does."""
    state = rows.STATE.blank(1)
    for name, value in (("bid", 229.86), ("ts_event", 10**18), ("ts_recv", 10**18), ("sequence", 1)):
        state[name] = value
    return quote_image(Instrument(InstrumentId(0), Listing(SymbolKey("XNAS", "AAPL"), "Apple Inc.")), state)


def parsed(root: Path, package: str) -> Iterator[ast.AST]:
    for path in sorted((root / package).rglob("*.py")):
        yield from ast.walk(ast.parse(path.read_text()))


def test_every_command_is_shown_and_accepted(examples: Callable[[str], list[Json]]) -> None:
    shown = examples("What the client sends")
    assert {example["action"] for example in shown} == ACTIONS
    for example in shown:
        assert commands.read_json(json.dumps(example)) == commands.read_msgpack(msgpack.packb(example))
        for at in example.get("last_seen", {}).values():
            assert from_iso(at) > 0


def sent_messages(root: Path) -> list[tuple[str, set[str], bool]]:
    """List the messages in the gateway's source: their type, their fields, and whether an image is spread in them."""
    found = []
    for node in parsed(root, "gateway/live"):
        if isinstance(node, ast.Dict):
            names = {key.value: value for key, value in zip(node.keys, node.values, strict=True) if key is not None}
            if isinstance(kind := names.get("type"), ast.Constant):
                found.append((kind.value, set(names), None in node.keys))
    return found


def test_every_message_is_shown_with_its_fields(examples: Callable[[str], list[Json]], root: Path, image: Json) -> None:
    expected: dict[str, set[frozenset[str]]] = {"update": {frozenset({"type", "updates"})}}
    for kind, names, has_image in sent_messages(root):
        expected.setdefault(kind, set()).add(frozenset(names | (set(image) if has_image else set())))
    shown = {example["type"]: frozenset(example) for example in examples("What the server sends")}
    assert shown.keys() == expected.keys()
    for kind, names in shown.items():
        assert names in expected[kind], kind


def test_an_update_is_shown_as_it_is_sent(examples: Callable[[str], list[Json]], image: Json) -> None:
    shown = next(example for example in examples("What the server sends") if example["type"] == "update")
    by_json = json.loads(JSON.frame_of_updates([JSON.encode(image)]))
    assert by_json == msgpack.unpackb(MSGPACK.frame_of_updates([MSGPACK.encode(image)]))
    assert shown.keys() == by_json.keys()
    assert list(shown["updates"][0]) == list(by_json["updates"][0])


def test_error_codes_are_those_the_gateway_answers(table_under: TableUnder, root: Path) -> None:
    documented = {code for row in table_under(PAGE, "Errors") for code in re.findall(r"`(\w+)`", row[0])}
    makers = {"CommandError": 0, "_error": 0, "_refuse": 0}
    named = {
        node.args[0].value
        for node in parsed(root, "gateway/live")
        if isinstance(node, ast.Call)
        and (getattr(node.func, "id", None) or getattr(node.func, "attr", None)) in makers
        and isinstance(node.args[0], ast.Constant)
    }
    assert documented == named | set(get_args(TokenCode)) - {"token_missing"}


def test_close_codes_are_the_gateways(table_under: TableUnder) -> None:
    documented = {row[1].strip("`"): int(row[0]) for row in table_under(PAGE, "Close codes")}
    assert documented == {code.name: code.value for code in CloseCode}


def test_encodings_are_the_gateways(table_under: TableUnder) -> None:
    documented = {row[0].strip("`"): row[2] for row in table_under(PAGE, "Connect")}
    assert documented == {name: "text" if wire.is_text else "binary" for name, wire in WIRES.items()}


def test_limits_are_the_gateways(table_under: TableUnder) -> None:
    defaults = {field.name: field.default for field in fields(GatewaySettings)}
    expected = {
        "bytes of a message from the client": entry_point.MAX_MESSAGE_BYTES,
        "symbols in a command": commands.MAX_SYMBOLS_PER_COMMAND,
        "symbols of a connection": defaults["symbols_per_connection"],
        "characters of a token": min(MAX_TOKEN_CHARACTERS, commands.MAX_TOKEN_CHARACTERS),
        "seconds to authenticate": defaults["auth_timeout_s"],
        "frames a second and client": defaults["frames_per_s"],
        "answers that wait for a client that does not read": MAX_WAITING_ANSWERS,
        "seconds a symbol stays subscribed after its last watcher": defaults["linger_s"],
    }
    assert {limit: float(value) for limit, value in table_under(PAGE, "Limits")} == expected


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


def test_problems_are_those_the_gateway_answers(
    table_under: TableUnder, examples: Callable[[str], list[Json]], lines_under: LinesUnder, root: Path
) -> None:
    documented = {
        (int(row[0]), code) for row in table_under(PAGE, "Problems") for code in re.findall(r"`(\w+)`", row[1])
    }
    raised = {(401, code) for code in get_args(TokenCode)}
    raised |= {(401, f"refresh_{verdict}") for verdict in ("expired", "revoked", "reused")}
    for node in parsed(root, "gateway"):
        if isinstance(node, ast.Call) and len(node.args) > 1:
            status, code = node.args[:2]
            if isinstance(status, ast.Constant) and isinstance(status.value, int) and isinstance(code, ast.Constant):
                raised.add((status.value, code.value))
    assert documented == {(status, code) for status, code in raised if isinstance(code, str) and status >= 400}
    by_status = set(re.findall(r"`(\w+)` \(\d{3}\)", "\n".join(lines_under(PAGE, "Problems"))))
    own = {code for _, code in documented}
    assert by_status == set(problems._CODES.values()) - own
    (example,) = examples("Problems")
    assert set(example) == set(problems.invalid_field("query", "").document())
