import json

import msgpack
import pytest

from gateway.live.wire import JSON, MSGPACK, WIRES, Wire

UPDATES = [
    {"symbol": "XNAS:AAPL", "bid": 1.5, "ask": None, "seq": 2**53 - 1, "ts_event": "2026-03-29T14:30:05.000000000Z"},
    {"symbol": "XTKS:日経", "bid": 0.1 + 0.2, "ask": 1e300, "seq": 1, "ts_event": None},
]


def decoded(wire: Wire, data: bytes) -> object:
    return json.loads(data) if wire.is_text else msgpack.unpackb(data)


@pytest.mark.parametrize("wire", WIRES.values(), ids=str)
@pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 1000, 65_535])
def test_a_joined_frame_is_what_any_library_would_have_encoded(wire: Wire, count: int) -> None:
    updates = [UPDATES[at % 2] | {"seq": at} for at in range(count)]
    frame = wire.frame_of_updates([wire.encode(update) for update in updates])
    assert decoded(wire, frame) == {"type": "update", "updates": updates}


def test_a_joined_json_frame_is_the_very_bytes_of_the_whole_message() -> None:
    whole = {"type": "update", "updates": UPDATES}
    assert JSON.frame_of_updates([JSON.encode(update) for update in UPDATES]) == JSON.encode(whole)


@pytest.mark.parametrize("message", [*UPDATES, {"type": "error", "message": 'a "quote"\n\\ \x00 …', "symbol": "<&>"}])
def test_both_encodings_carry_the_same_message(message: dict[str, object]) -> None:
    assert decoded(JSON, JSON.encode(message)) == decoded(MSGPACK, MSGPACK.encode(message)) == message


def test_each_encoding_is_found_by_its_subprotocol() -> None:
    assert WIRES == {"tickmesh.json": JSON, "tickmesh.msgpack": MSGPACK}
    assert (JSON.is_text, MSGPACK.is_text) == (True, False)
