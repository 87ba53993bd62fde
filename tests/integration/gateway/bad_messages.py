"""Messages that are no commands, each with the exact answer."""

import json
from collections.abc import Iterator

import msgpack
import pytest

from tests.integration.gateway.live_client import Message

MAX_BYTES = 64 << 10
ACTIONS = (
    "auth, subscribe, unsubscribe, reconnect, snapshot, rate, ping, watch_portfolio, unwatch_portfolio, watch_alerts, "
    "unwatch_alerts"
)
TOO_DEEP = "maximum recursion depth exceeded while deserializing an object"


def error(code: str, message: str, **fields: object) -> Message:
    return {"type": "error", "code": code, "message": message, **fields}


def invalid(message: str) -> Message:
    return error("invalid_command", message)


def no_json(message: str) -> Message:
    return error("malformed", f"the message is not JSON: {message}")


def no_msgpack(message: str) -> Message:
    return error("malformed", f"the message is not msgpack: {message}")


def filled(begin: str, part: str, end: str = "") -> str:
    """Repeat a part for as often as a message has room."""
    return begin + part * ((MAX_BYTES - len(begin) - len(end)) // len(part)) + end


BOTH: dict[str, tuple[dict[str, object] | list[object] | float | str | None, Message]] = {
    "no object": ([1], invalid("Expected `object`, got `array`")),
    "a number": (5, invalid("Expected `object`, got `int`")),
    "no action": ({"symbols": ["AAPL"]}, invalid("Object missing required field `action`")),
    "an action there is none of": (
        {"action": "fly"},
        error("unknown_action", f"Invalid value 'fly' - at `$.action`; there are {ACTIONS}"),
    ),
    "an unknown field": (
        {"action": "subscribe", "symbols": ["AAPL"], "depth": 5},
        invalid("Object contains unknown field `depth`"),
    ),
    "no symbols": ({"action": "subscribe"}, invalid("Object missing required field `symbols`")),
    "symbols in one text": (
        {"action": "subscribe", "symbols": "AAPL,MSFT"},
        invalid("Expected `array`, got `str` - at `$.symbols`"),
    ),
    "no symbol": (
        {"action": "unsubscribe", "symbols": []},
        invalid("Expected `array` of length >= 1 - at `$.symbols`"),
    ),
    "1,001 symbols": (
        {"action": "subscribe", "symbols": ["AAPL"] * 1001},
        invalid("Expected `array` of length <= 1000 - at `$.symbols`"),
    ),
    "a symbol that is a number": (
        {"action": "snapshot", "symbols": ["AAPL", 5]},
        invalid("Expected `str`, got `int` - at `$.symbols[1]`"),
    ),
    "a channel that is a list": (
        {"action": "subscribe", "symbols": ["AAPL"], "channel": ["quote"]},
        invalid("Expected `str`, got `array` - at `$.channel`"),
    ),
    "a channel without a name": (
        {"action": "subscribe", "symbols": ["AAPL"], "channel": ""},
        invalid("Expected `str` of length >= 1 - at `$.channel`"),
    ),
    "a channel with a long name": (
        {"action": "subscribe", "symbols": ["AAPL"], "channel": "c" * 33},
        invalid("Expected `str` of length <= 32 - at `$.channel`"),
    ),
    "a rate in text": ({"action": "rate", "rate": "5"}, invalid("Expected `float`, got `str` - at `$.rate`")),
    "a rate of yes": ({"action": "rate", "rate": True}, invalid("Expected `float`, got `bool` - at `$.rate`")),
    "a rate too low": ({"action": "rate", "rate": 0.09}, invalid("Expected `float` >= 0.1 - at `$.rate`")),
    "a rate too high": (
        {"action": "subscribe", "symbols": ["AAPL"], "rate": 100.1},
        invalid("Expected `float` <= 100.0 - at `$.rate`"),
    ),
    "a rate below zero": (
        {"action": "reconnect", "last_seen": {"AAPL": 1}, "rate": -5},
        invalid("Expected `float` >= 0.1 - at `$.rate`"),
    ),
    "nothing last seen": (
        {"action": "reconnect", "last_seen": {}},
        invalid("Expected `object` of length >= 1 - at `$.last_seen`"),
    ),
    "last seen in a list": (
        {"action": "reconnect", "last_seen": ["AAPL"]},
        invalid("Expected `object`, got `array` - at `$.last_seen`"),
    ),
    "a sequence with decimals": (
        {"action": "reconnect", "last_seen": {"AAPL": 1.5}},
        invalid("Expected `int | str`, got `float` - at `$.last_seen[...]`"),
    ),
    "a sequence below zero": (
        {"action": "reconnect", "last_seen": {"AAPL": -1}},
        invalid("Expected `int` >= 0 - at `$.last_seen[...]`"),
    ),
    "a sequence of 64 bits": (
        {"action": "reconnect", "last_seen": {"AAPL": 1 << 63}},
        invalid(f"Expected `int` <= {(1 << 63) - 1} - at `$.last_seen[...]`"),
    ),
    "an epoch that is a number": (
        {"action": "reconnect", "last_seen": {"AAPL": 1}, "epoch": 7},
        invalid("Expected `str | null`, got `int` - at `$.epoch`"),
    ),
    "a token that is none": ({"action": "auth", "token": ""}, invalid("Expected `str` of length >= 1 - at `$.token`")),
    "a channel there is none of": (
        {"action": "subscribe", "symbols": ["AAPL"], "channel": "candles"},
        error(
            "unknown_channel",
            "there is no such channel; there are quote, depth, trades, candles:1m, candles:5m, candles:15m, "
            "candles:1h, candles:1d, candles:1w, candles:1M",
            channel="candles",
        ),
    ),
}

JSON: dict[str, tuple[str, Message]] = {
    "nothing": ("", no_json("Input data was truncated")),
    "null": ("null", invalid("Expected `object`, got `null`")),
    "an action that is a number": ('{"action":5}', invalid("Expected `str` - at `$.action`")),
    "half a command": ('{"action":"ping"', no_json("Input data was truncated")),
    "more than a command": (
        '{"action":"ping"} and',
        no_json("JSON is malformed: trailing characters (byte 19)"),
    ),
    "NaN": ('{"action":"rate","rate":NaN}', no_json("JSON is malformed: invalid character (byte 24)")),
    "infinity": ('{"action":"rate","rate":1e999}', invalid("Number out of range - at `$.rate`")),
    "a number of 60,000 digits": (
        '{"action":"rate","rate":' + "9" * 60_000 + "}",
        invalid("Number out of range - at `$.rate`"),
    ),
    "a sequence of 30 digits": (
        '{"action":"reconnect","last_seen":{"AAPL":' + "9" * 30 + "}}",
        invalid(f"Expected `int` <= {(1 << 63) - 1} - at `$.last_seen[...]`"),
    ),
    "half a character": (
        '{"action":"subscribe","symbols":["\\ud800"]}',
        no_json("Input data was truncated"),
    ),
    "another action at the end": (
        '{"action":"ping","action":"subscribe","symbols":["AAPL"]}',
        error("unknown_action", f"Invalid value 'subscribe' - at `$.action`; there are {ACTIONS}"),
    ),
    "brackets": (filled("", "["), invalid("Expected `object`, got `array`")),
    "brackets in a field": (
        filled('{"action":"subscribe","symbols":', "["),
        invalid("Expected `str`, got `array` - at `$.symbols[0]`"),
    ),
    "brackets before the action": (filled('{"x":', "["), no_json(TOO_DEEP)),
    "objects before the action": (filled('{"x":', '{"x":'), no_json(TOO_DEEP)),
}

MSGPACK: dict[str, tuple[bytes, Message]] = {
    "nothing": (b"", no_msgpack("Input data was truncated")),
    "nil": (b"\xc0", invalid("Expected `object`, got `None`")),
    "an action that is a number": (msgpack.packb({"action": 5}), invalid("Expected `str`, got `int` - at `$.action`")),
    "the byte that means nothing": (
        b"\xc1",
        no_msgpack("MessagePack data is malformed: invalid opcode '\\xc1' (byte 0)"),
    ),
    "half a command": (msgpack.packb({"action": "ping"})[:-1], no_msgpack("Input data was truncated")),
    "more than a command": (
        msgpack.packb({"action": "ping"}) + b"\x01",
        no_msgpack("MessagePack data is malformed: trailing characters (byte 13)"),
    ),
    "an extension type": (
        msgpack.packb({"action": "rate", "rate": msgpack.ExtType(5, b"abc")}),
        invalid("Expected `float`, got `ext` - at `$.rate`"),
    ),
    "an extension type as the message": (
        msgpack.packb(msgpack.ExtType(5, b"abc")),
        invalid("Expected `object`, got `ext`"),
    ),
    "a timestamp": (
        msgpack.packb({"action": "reconnect", "last_seen": {"AAPL": msgpack.Timestamp(1, 1)}}),
        invalid("Expected `int | str`, got `ext` - at `$.last_seen[...]`"),
    ),
    "NaN": (
        msgpack.packb({"action": "rate", "rate": float("nan")}),
        invalid("Expected `float` >= 0.1 - at `$.rate`"),
    ),
    "infinity": (
        msgpack.packb({"action": "rate", "rate": float("inf")}),
        invalid("Expected `float` <= 100.0 - at `$.rate`"),
    ),
    "bytes for a symbol": (
        msgpack.packb({"action": "subscribe", "symbols": [b"AAPL"]}),
        invalid("Expected `str`, got `bytes` - at `$.symbols[0]`"),
    ),
    "keys that are numbers": (msgpack.packb({1: "ping"}), invalid("Expected `str`, got `int` - at `key` in `$`")),
    "text that is not UTF-8": (
        b"\x82\xa6action\xa9subscribe\xa7symbols\x91\xa2\xff\xfe",
        no_msgpack("'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ),
    "an array that says it is long": (
        b"\x82\xa6action\xa9subscribe\xa7symbols\xdd\xff\xff\xff\xff",
        invalid("Expected `array` of length <= 1000 - at `$.symbols`"),
    ),
    "a map that says it is long": (b"\xdf\xff\xff\xff\xff", no_msgpack("Input data was truncated")),
    "arrays": (b"\x91" * MAX_BYTES, invalid("Expected `object`, got `array`")),
    "arrays in a field": (
        b"\x82\xa6action\xa9subscribe\xa7symbols" + b"\x91" * 60_000,
        invalid("Expected `str`, got `array` - at `$.symbols[0]`"),
    ),
    "arrays before the action": (b"\x82\xa1x" + b"\x91" * 60_000, no_msgpack(TOO_DEEP)),
}


def cases() -> Iterator[object]:
    for name, (message, answer) in BOTH.items():
        yield pytest.param(json.dumps(message), answer, id=f"json {name}")
        yield pytest.param(msgpack.packb(message), answer, id=f"msgpack {name}")
    for name, (text, answer) in JSON.items():
        yield pytest.param(text, answer, id=f"json {name}")
    for name, (data, answer) in MSGPACK.items():
        yield pytest.param(data, answer, id=f"msgpack {name}")
