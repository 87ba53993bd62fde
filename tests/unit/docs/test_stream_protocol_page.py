"""`docs/stream-protocol.md` against the gateway: every field, code, channel, mode, limit, endpoint and problem."""

import ast
import re
from collections.abc import Callable
from typing import get_args

import msgspec
import numpy as np
import pytest
from msgspec.structs import fields

from gateway import __main__ as entry_point
from gateway.accounts.tokens import MAX_TOKEN_CHARACTERS, TokenCode
from gateway.images import depth_image, from_iso
from gateway.live import commands, messages, stream
from gateway.live.channels.candle_ring import HELD_CANDLES
from gateway.live.channels.candles import SNAPSHOT_CANDLES
from gateway.live.channels.trades import HELD_PRINTS, SNAPSHOT_PRINTS
from gateway.live.close_codes import CloseCode
from gateway.live.fan_out import MAX_ENTRIES_PER_FRAME
from gateway.live.outlet import MAX_WAITING_BYTES
from gateway.live.overload import POLL_AFTER_MS, POLL_SPREAD_MS, Level, mode_of
from gateway.live.portfolio_feed import MAX_PER_CONNECTION
from gateway.live.ticks import interval_ticks, rate_per_s
from gateway.live.wire import WIRES
from gateway.serving.stream_protocol import CONTROL_FRAMES_PER_S, MAX_FRAGMENTS
from gateway.settings import GatewaySettings
from market import rows
from mesh.settings import PREFIX, MeshSettings

PAGE = "docs/stream-protocol.md"
TableUnder = Callable[[str, str], list[list[str]]]
LinesUnder = Callable[[str, str], list[str]]
Json = dict[str, object]
JsonUnder = Callable[[str, str], list[Json]]
TreesOf = Callable[[str], list[ast.Module]]

OWN_SETTINGS = {each.name: each.default for each in fields(GatewaySettings)[len(fields(MeshSettings)) :]}
NOT_LIMITS = {
    "http_port", "gateway_processes", "ops_port", "overload_lag_ms", "overload_cpu", "drain_s",
    "candle_connections", "notify_private_addresses",
}  # fmt: skip


@pytest.fixture
def examples(json_under: JsonUnder) -> Callable[[str], list[Json]]:
    """Give the JSON examples under a heading."""
    return lambda heading: json_under(PAGE, heading)


def test_every_command_is_where_commands_are_shown(examples: Callable[[str], list[Json]]) -> None:
    shown = examples("What the client sends")
    assert {example["action"] for example in shown} == {kind.__struct_config__.tag for kind in commands.COMMANDS}
    seen = [at for example in shown for at in example.get("last_seen", {}).values()]
    assert {type(at) for at in seen} == {int, str}
    assert all(from_iso(at) > 0 for at in seen if isinstance(at, str))


def test_every_message_is_where_messages_are_shown(examples: Callable[[str], list[Json]]) -> None:
    shown = {example["type"] for heading in ("What the server sends", "Data frames") for example in examples(heading)}
    assert shown == {kind.__struct_config__.tag for kind in messages.MESSAGES}


def test_the_welcome_is_of_this_protocol(examples: Callable[[str], list[Json]], table_under: TableUnder) -> None:
    (welcome,) = [example for example in examples("What the server sends") if example["type"] == "welcome"]
    assert welcome["protocol"] == messages.PROTOCOL
    assert welcome["rate"] == OWN_SETTINGS["frames_per_s"]
    assert welcome["channels"] == [row[0].strip("`") for row in table_under(PAGE, "Channels")]


def test_full_images_have_every_field(examples: Callable[[str], list[Json]]) -> None:
    snapshots = [example for example in examples("Data frames") if example["type"] == "snapshot"]
    for channel, kind in (("quote", messages.QuoteUpdate), ("depth", messages.DepthUpdate)):
        entries = [entry for snapshot in snapshots for entry in snapshot.get(channel, [])]
        assert entries
        for entry in entries:
            assert list(entry) == [field.encode_name for field in fields(kind)]


def type_in_words(schema: Json) -> str:
    return " or ".join(each["type"] for each in schema.get("anyOf", [schema]))


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("Quote fields", messages.QuoteUpdate),
        ("Depth fields", messages.DepthUpdate),
        ("Trades fields", messages.TradesUpdate),
        ("Print fields", messages.Print),
        ("Candles fields", messages.CandlesUpdate),
        ("Candle fields", messages.Candle),
        ("Firing fields", messages.Firing),
    ],
)
def test_fields_are_those_of_the_entries(heading: str, kind: type, table_under: TableUnder) -> None:
    documented = table_under(PAGE, heading)
    _, components = msgspec.json.schema_components([kind])
    properties = components[kind.__name__]["properties"]
    assert [(row[0], row[2]) for row in documented] == [
        (f"`{name}`", type_in_words(schema)) for name, schema in properties.items()
    ]
    assert [row[3] == "always" for row in documented] == [field.required for field in fields(kind)]
    assert all(row[4] for row in documented)


def other_names(table: list[list[str]]) -> set[str]:
    return {row[1].strip("`") for row in table if row[1]}


def test_names_elsewhere_are_the_names_there(table_under: TableUnder, image: Json) -> None:
    assert other_names(table_under(PAGE, "Quote fields")) == set(image)
    sides = set(depth_image(np.zeros(0, rows.LEVEL.dtype)))
    assert other_names(table_under(PAGE, "Depth fields")) == sides | {"symbol", "seq", "ts_event", "ts_recv"}
    in_rows = {name for kind in (rows.TRADE, rows.CORRECTION) for name, _ in kind.fields} - {"kind", "instrument"}
    assert other_names(table_under(PAGE, "Print fields")) == in_rows
    of_candles = {name for name, _ in rows.CANDLE.fields} & other_names(table_under(PAGE, "Candle fields"))
    assert of_candles == other_names(table_under(PAGE, "Candle fields"))
    assert of_candles >= {"start", "open", "high", "low", "close", "volume", "vwap", "revision", "trades", "flags"}


def test_channels_are_the_gateways(table_under: TableUnder) -> None:
    documented = [row[0].strip("`") for row in table_under(PAGE, "Channels")]
    assert documented == [field.encode_name for field in fields(messages.Update)]


def test_rates_are_rounded_as_the_page_says(lines_under: LinesUnder) -> None:
    text = " ".join(lines_under(PAGE, "Rates"))
    asked, interval_ms, told = re.search(
        r"Asked for (\d+) a second, a client gets one in (\d+) ms, and is told ([\d.]+)\.", text
    ).groups()
    ticks = interval_ticks(float(asked))
    assert (ticks * 10, rate_per_s(ticks)) == (int(interval_ms), float(told))
    assert f"at most {OWN_SETTINGS['frames_per_s']:g} frames a second" in text
    assert f"from {commands.MIN_RATE:g} to {commands.MAX_RATE:g} a second" in text


def test_modes_are_the_ladders(table_under: TableUnder) -> None:
    channels = [row[0].strip("`") for row in table_under(PAGE, "Channels")]
    in_words = {(): "none", tuple(channels): "all", ("quote",): "`quote`"}
    expected = []
    for level in Level:
        terms = mode_of(level, OWN_SETTINGS["frames_per_s"], channels, ["quote"])
        expected.append([str(level.value), f"`{terms.mode}`", f"{terms.rate:g}", in_words[terms.channels]])
    documented = table_under(PAGE, "Overload")
    assert [row[:4] for row in documented] == expected
    assert f"{POLL_AFTER_MS / 1000:g} to {(POLL_AFTER_MS + POLL_SPREAD_MS) / 1000:g} s" in documented[-1][4]


def test_modes_are_shown_as_they_are_sent(examples: Callable[[str], list[Json]], table_under: TableUnder) -> None:
    shown = [example for example in examples("What the server sends") if example["type"] == "mode"]
    documented = {row[0]: row for row in table_under(PAGE, "Overload")}
    assert shown
    for example in shown:
        _, mode, rate, channels, _ = documented[str(example["level"])]
        assert (f"`{example['mode']}`", f"{example['rate']:g}") == (mode, rate)
        assert (", ".join(f"`{name}`" for name in example["channels"]) or "none") == channels


def makers(tree: ast.Module) -> dict[str, int]:
    """Find what is given a code: a module's classes and functions with a parameter `code: str`, and its place."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            inits = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
            own = [(each.target.id, each.annotation) for each in node.body if isinstance(each, ast.AnnAssign)]
            named = [(arg.arg, arg.annotation) for init in inits for arg in init.args.args[1:]] or own
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name != "__init__":
            named = [(arg.arg, arg.annotation) for arg in node.args.args if arg.arg not in {"self", "cls"}]
        else:
            continue
        for place, (name, annotation) in enumerate(named):
            if name == "code" and isinstance(annotation, ast.Name) and annotation.id == "str":
                assert found.setdefault(node.name, place) == place, f"two are called {node.name}"
    return found


def codes_given(trees: list[ast.Module]) -> dict[str, set[str]]:
    """List the codes in the source by what is given them; one that cannot be read there fails the test."""
    public = {name: at for tree in trees for name, at in makers(tree).items() if not name.startswith("_")}
    given: dict[str, set[str]] = {}
    for tree in trees:
        places = public | makers(tree)
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = getattr(call.func, "id", None) or getattr(call.func, "attr", None)
            if name not in places:
                continue
            by_name = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
            (code,) = by_name or call.args[places[name] : places[name] + 1]
            for each in [code.body, code.orelse] if isinstance(code, ast.IfExp) else [code]:
                if isinstance(each, ast.Constant):
                    given.setdefault(name, set()).add(each.value)
                else:  # handed on: it was given, and is read, where it was made
                    handed_on = getattr(each, "attr", None) or getattr(each, "id", None)
                    assert handed_on == "code", f"{ast.unparse(call)}: no code that can be read"
    return given


def codes_under(table: list[list[str]]) -> set[str]:
    return {code for row in table for code in re.findall(r"`(\w+)`", row[0])}


def test_codes_are_those_the_gateway_answers(table_under: TableUnder, trees_of: TreesOf) -> None:
    errors, closings = codes_under(table_under(PAGE, "Errors")), codes_under(table_under(PAGE, "Closing"))
    given = codes_given(trees_of("gateway/live"))
    assert errors | closings == set().union(*given.values()) | set(get_args(TokenCode)) - {"token_missing"}
    assert given["Error"] | given["CommandError"] | given["Refusal"] <= errors
    assert given.get("Closing", set()) | given["_send_off"] == closings


def test_errors_are_shown_with_codes_there_are(examples: Callable[[str], list[Json]], table_under: TableUnder) -> None:
    for kind, heading in (("error", "Errors"), ("closing", "Closing")):
        shown = {example["code"] for example in examples("What the server sends") if example["type"] == kind}
        assert shown
        assert shown <= codes_under(table_under(PAGE, heading))


def test_close_codes_are_the_gateways(table_under: TableUnder) -> None:
    documented = {row[1].strip("`"): int(row[0]) for row in table_under(PAGE, "Close codes")}
    assert documented == {code.name: code.value for code in CloseCode}
    assert {int(row[2]) for row in table_under(PAGE, "Closing")} <= set(documented.values())


def test_encodings_are_the_gateways(table_under: TableUnder) -> None:
    documented = {row[0].strip("`"): row[2] for row in table_under(PAGE, "Connect")}
    assert documented == {name: "text" if wire.is_text else "binary" for name, wire in WIRES.items()}


def test_limits_are_the_gateways(table_under: TableUnder) -> None:
    documented = table_under(PAGE, "Limits")
    constants = {
        "bytes of a message from the client": entry_point.MAX_MESSAGE_BYTES,
        "symbols in a command": commands.MAX_SYMBOLS_PER_COMMAND,
        "fragments of a message from the client": MAX_FRAGMENTS,
        "pings and pongs a second from the client": CONTROL_FRAMES_PER_S,
        "bytes of answers that wait for a client that does not read": MAX_WAITING_BYTES,
        "entries in a frame": MAX_ENTRIES_PER_FRAME,
        "prints of a first snapshot; 5000 for all symbols of a command": SNAPSHOT_PRINTS,
        "prints held of a symbol": HELD_PRINTS,
        "candles of a first snapshot; 5000 for all symbols of a command": SNAPSHOT_CANDLES,
        "candles held of a symbol and interval": HELD_CANDLES,
        "portfolios of a connection": MAX_PER_CONNECTION,
        "characters of a token": min(MAX_TOKEN_CHARACTERS, commands.MAX_TOKEN_CHARACTERS),
        "lowest rate that may be asked for": commands.MIN_RATE,
        "highest rate that may be asked for": commands.MAX_RATE,
    }
    assert {limit: float(value) for limit, value, setting in documented if not setting} == constants
    settings = {setting.strip("`"): float(value) for _, value, setting in documented if setting}
    assert settings == {
        f"{PREFIX}{name.upper()}": default
        for name, default in OWN_SETTINGS.items()
        if isinstance(default, int | float) and name not in NOT_LIMITS
    }


def test_waits_are_the_settings(table_under: TableUnder, lines_under: LinesUnder) -> None:
    def says(heading: str, words: str) -> bool:
        return words in " ".join(lines_under(PAGE, heading))

    assert says("Connect", f"within {OWN_SETTINGS['auth_timeout_s']:g} s")
    assert says("What the server sends", f"every {OWN_SETTINGS['heartbeat_s']:g} s")
    assert says("Data frames", f"about every {OWN_SETTINGS['full_image_s']:g} s")
    assert says("Data frames", f"at most {MAX_ENTRIES_PER_FRAME} entries")
    assert says("Slow clients", f"takes nothing for {OWN_SETTINGS['slow_timeout_s']:g} s")
    (idle,) = [row for row in table_under(PAGE, "Close codes") if row[1] == "`IDLE`"]
    assert f"for {OWN_SETTINGS['idle_timeout_s']:g} s:" in idle[2]
    (flood,) = [row for row in table_under(PAGE, "Errors") if row[0] == "`too_many_commands`"]
    assert f"after {stream._MAX_REFUSED_IN_A_ROW} of these" in flood[1]
    assert stream._BURST_S == 2, "the limits name it"
