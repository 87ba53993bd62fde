import json
from collections.abc import Callable

import msgpack
import pytest

from gateway.live.commands import (
    MAX_SYMBOLS_PER_COMMAND,
    MAX_TOKEN_CHARACTERS,
    AnyCommand,
    Auth,
    CommandError,
    Ping,
    Rate,
    Reconnect,
    Snapshot,
    Subscribe,
    Unsubscribe,
    UnwatchAlerts,
    WatchAlerts,
    read_json,
    read_msgpack,
)
from gateway.live.wire import JSON, MSGPACK

MANY = ["A"] * MAX_SYMBOLS_PER_COMMAND
DEEP = 20_000


def refused(read: Callable[[], AnyCommand]) -> tuple[str, str]:
    with pytest.raises(CommandError) as caught:
        read()
    assert len(str(caught.value)) < 360  # whatever was sent, the answer is short
    return caught.value.code, str(caught.value)


@pytest.mark.parametrize(
    ("sent", "command"),
    [
        ({"action": "auth", "token": "t"}, Auth("t")),
        ({"action": "auth", "token": "t" * MAX_TOKEN_CHARACTERS}, Auth("t" * MAX_TOKEN_CHARACTERS)),
        ({"action": "subscribe", "symbols": ["AAPL", "XNAS:日経"]}, Subscribe(["AAPL", "XNAS:日経"])),
        ({"symbols": MANY, "action": "subscribe"}, Subscribe(MANY)),
        ({"action": "unsubscribe", "symbols": ["*"]}, Unsubscribe(["*"])),
        ({"action": "subscribe", "symbols": ["A"], "channel": "depth", "rate": 5}, Subscribe(["A"], "depth", 5.0)),
        ({"action": "subscribe", "symbols": ["A"], "rate": 0.1}, Subscribe(["A"], "quote", 0.1)),
        ({"action": "subscribe", "symbols": ["A"], "channel": "no such", "rate": None}, Subscribe(["A"], "no such")),
        ({"action": "unsubscribe", "symbols": ["A"], "channel": "trades"}, Unsubscribe(["A"], "trades")),
        ({"action": "snapshot", "symbols": MANY}, Snapshot(MANY)),
        ({"action": "snapshot", "symbols": ["A"], "channel": "depth"}, Snapshot(["A"], "depth")),
        ({"action": "reconnect", "last_seen": {"A": "never"}}, Reconnect({"A": "never"})),
        (
            {
                "action": "reconnect",
                "last_seen": {"A": 0, "B": 2**63 - 1},
                "epoch": "19a",
                "channel": "trades",
                "rate": 1,
            },
            Reconnect({"A": 0, "B": 2**63 - 1}, "19a", "trades", 1.0),
        ),
        ({"action": "rate", "rate": 100}, Rate(100.0)),
        ({"action": "watch_alerts"}, WatchAlerts()),
        ({"action": "unwatch_alerts"}, UnwatchAlerts()),
        ({"action": "ping"}, Ping()),
    ],
)
def test_a_command_is_the_same_in_both_encodings(sent: dict[str, object], command: AnyCommand) -> None:
    assert read_json(json.dumps(sent)) == read_msgpack(msgpack.packb(sent)) == command


@pytest.mark.parametrize(
    ("sent", "code", "names"),
    [
        ({"action": "fly"}, "unknown_action", "'fly'"),
        (
            {"action": "Subscribe", "symbols": ["A"]},
            "unknown_action",
            "auth, subscribe, unsubscribe, reconnect, snapshot, rate, ping",
        ),
        ({"action": "y" * 50_000}, "unknown_action", "there are auth"),
        ({}, "invalid_command", "`action`"),
        ({"symbols": ["A"]}, "invalid_command", "`action`"),
        ({"action": 1}, "invalid_command", "$.action"),
        ({"action": None}, "invalid_command", "$.action"),
        ([], "invalid_command", "array"),
        (None, "invalid_command", "object"),
        ("subscribe", "invalid_command", "str"),
        (7, "invalid_command", "int"),
        ({"action": "subscribe"}, "invalid_command", "`symbols`"),
        ({"action": "subscribe", "symbols": "AAPL"}, "invalid_command", "$.symbols"),
        ({"action": "subscribe", "symbols": ["A", 1]}, "invalid_command", "$.symbols[1]"),
        ({"action": "subscribe", "symbols": [None]}, "invalid_command", "$.symbols[0]"),
        ({"action": "subscribe", "symbols": {"A": 1}}, "invalid_command", "$.symbols"),
        ({"action": "subscribe", "symbols": []}, "invalid_command", "length >= 1"),
        ({"action": "subscribe", "symbols": [*MANY, "B"]}, "invalid_command", "length <= 1000"),
        ({"action": "unsubscribe", "symbols": [*MANY, "B"]}, "invalid_command", "length <= 1000"),
        ({"action": "subscribe", "symbols": ["A"], "also": 1}, "invalid_command", "`also`"),
        ({"action": "subscribe", "symbols": ["A"], "z" * 50_000: 1}, "invalid_command", "unknown field"),
        ({"action": "auth"}, "invalid_command", "`token`"),
        ({"action": "auth", "token": ""}, "invalid_command", "$.token"),
        ({"action": "auth", "token": "t" * (MAX_TOKEN_CHARACTERS + 1)}, "invalid_command", "length <= 8192"),
        ({"action": "reconnect", "last_seen": ["A"]}, "invalid_command", "$.last_seen"),
        ({"action": "reconnect", "last_seen": {}}, "invalid_command", "length >= 1"),
        ({"action": "reconnect", "last_seen": {"A": 5.5}}, "invalid_command", "$.last_seen"),
        ({"action": "reconnect", "last_seen": {"A": -1}}, "invalid_command", ">= 0"),
        ({"action": "reconnect", "last_seen": {"A": 2**63}}, "invalid_command", "$.last_seen"),
        ({"action": "reconnect", "last_seen": {"A": None}}, "invalid_command", "$.last_seen"),
        ({"action": "reconnect", "last_seen": {"A": 1}, "epoch": "e" * 65}, "invalid_command", "length <= 64"),
        ({"action": "subscribe", "symbols": ["A"], "channel": ""}, "invalid_command", "$.channel"),
        ({"action": "subscribe", "symbols": ["A"], "channel": "c" * 33}, "invalid_command", "length <= 32"),
        ({"action": "subscribe", "symbols": ["A"], "channel": None}, "invalid_command", "$.channel"),
        ({"action": "subscribe", "symbols": ["A"], "rate": 0}, "invalid_command", "$.rate"),
        ({"action": "subscribe", "symbols": ["A"], "rate": 0.099}, "invalid_command", "$.rate"),
        ({"action": "subscribe", "symbols": ["A"], "rate": 100.1}, "invalid_command", "$.rate"),
        ({"action": "subscribe", "symbols": ["A"], "rate": "20"}, "invalid_command", "$.rate"),
        ({"action": "subscribe", "symbols": ["A"], "rate": True}, "invalid_command", "$.rate"),
        ({"action": "rate"}, "invalid_command", "`rate`"),
        ({"action": "rate", "rate": None}, "invalid_command", "$.rate"),
        ({"action": "rate", "rate": 1e300}, "invalid_command", "$.rate"),
        ({"action": "snapshot", "symbols": []}, "invalid_command", "length >= 1"),
        ({"action": "snapshot", "symbols": ["A"], "rate": 1}, "invalid_command", "`rate`"),
        ({"action": "reconnect", "last_seen": {f"A{n}": "" for n in range(1001)}}, "invalid_command", "length <= 1000"),
        ({"action": "ping", "symbols": []}, "invalid_command", "`symbols`"),
    ],
)
def test_what_is_no_command_is_refused_alike_in_both_encodings(sent: object, code: str, names: str) -> None:
    for found in (refused(lambda: read_json(json.dumps(sent))), refused(lambda: read_msgpack(msgpack.packb(sent)))):
        assert found[0] == code
        assert names in found[1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "subscribe AAPL",
        "NaN",
        '{"action":"ping"}x',
        '{"action":"ping",}',
        "\ufeff" + '{"action":"ping"}',
        '{"action":"subscribe","symbols":["\\ud800"]}',  # half a character
        '{"action":"subscribe","symbols":["A"',
        '{"action":"rate","rate":NaN}',
        '{"action":"rate","rate":Infinity}',
        "\x00" * 60_000,
    ],
)
def test_text_that_is_not_json_is_malformed(text: str) -> None:
    assert refused(lambda: read_json(text))[0] == "malformed"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b'{"action":"ping"}',
        b"\x81\xa6action\xa4ping\xc0",
        b"\x81\xa6action\xa4pin",
        b"\x81\xa6action\xa3\xff\xfe\xfd",
        b"\x82\xa6action\xa9subscribe\xa7symbols\x91\xa2\xff\xfe",
        b"\xdf\xff\xff\xff\xff",
        b"\x82\xa6action\xa4rate\xa4rate\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",  # not a number
        b"\x82\xa6action\xa4rate\xa4rate\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00",  # infinity
        b"\x82\xa6action\xa4rate\xa4rate\xc7\x04\x05four",  # an extension type
        b"\x82\xa6action\xd6\xff\x00\x00\x00\x00\xa4rate\x01",  # a timestamp for an action
    ],
)
def test_bytes_that_are_not_msgpack_are_malformed(data: bytes) -> None:
    assert refused(lambda: read_msgpack(data))[0] in {"malformed", "invalid_command"}


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("[" * DEEP, b"\x91" * DEEP),
        ('{"action":"subscribe","symbols":' + "[" * DEEP, b"\x82\xa6action\xa9subscribe\xa7symbols" + b"\x91" * DEEP),
        ('{"x":' * DEEP, b"\x81\xa1x" * DEEP),
        ('{"x":' + "[" * DEEP + "]" * DEEP + ',"action":"ping"}', b"\x82\xa1x" + b"\x91" * DEEP + b"\xc0\xa6action"),
    ],
)
def test_nesting_however_deep_is_only_one_more_error(text: str, data: bytes) -> None:
    assert refused(lambda: read_json(text))[0] in {"malformed", "invalid_command"}
    assert refused(lambda: read_msgpack(data))[0] in {"malformed", "invalid_command"}


def test_an_array_that_claims_to_be_endless_is_refused_before_it_is_made() -> None:
    claim = b"\x82\xa6action\xa9subscribe\xa7symbols\xdd\xff\xff\xff\xff"
    assert refused(lambda: read_msgpack(claim)) == (
        "invalid_command",
        "Expected `array` of length <= 1000 - at `$.symbols`",
    )


def test_each_encoding_takes_its_own_kind_of_message_only() -> None:
    text, data = '{"action":"ping"}', msgpack.packb({"action": "ping"})
    assert JSON.read(text, None) == MSGPACK.read(None, data) == Ping()
    assert refused(lambda: JSON.read(None, data))[0] == "wrong_frame"
    assert refused(lambda: MSGPACK.read(text, None))[0] == "wrong_frame"
