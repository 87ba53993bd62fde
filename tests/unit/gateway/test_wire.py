import json

import msgpack
import pytest

from gateway.live.wire import JSON, MSGPACK, WIRES, Kind, Wire

ENTRIES = [
    {"s": "XNAS:AAPL", "q": 2**53 - 1, "t": 1_774_794_605_000_001, "r": 0, "b": 1.5, "a": None, "v": 0.0},
    {"s": "XTKS:日経", "q": 1, "t": 0, "r": 0, "b": 0.1 + 0.2, "a": 1e300},
]


def decoded(wire: Wire, data: bytes) -> object:
    return json.loads(data) if wire.is_text else msgpack.unpackb(data)


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
@pytest.mark.parametrize("kind", ["snapshot", "update"])
@pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 63, 64, 65, 256, 65_535])
def test_a_joined_frame_is_what_any_library_would_have_encoded(wire: Wire, kind: Kind, count: int) -> None:
    entries = [ENTRIES[at % 2] | {"q": at} for at in range(count)]
    joined = wire.joiner(kind, "quote")([wire.encode(entry) for entry in entries])
    assert decoded(wire, joined) == {"type": kind, "quote": entries}


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_a_frame_of_several_channels_is_what_any_library_would_have_encoded(wire: Wire) -> None:
    whole = {"quote": ENTRIES, "depth": ENTRIES[:1] * 300, "trades": ENTRIES[1:]}
    frame = wire.frame("update", {name: [wire.encode(entry) for entry in found] for name, found in whole.items()})
    assert decoded(wire, frame) == {"type": "update", **whole}


def test_a_joined_json_frame_is_the_very_bytes_of_the_whole_message() -> None:
    whole = {"type": "update", "quote": ENTRIES}
    encoded = [JSON.encode(entry) for entry in ENTRIES]
    assert JSON.joiner("update", "quote")(encoded) == JSON.frame("update", {"quote": encoded}) == JSON.encode(whole)


@pytest.mark.parametrize("message", [*ENTRIES, {"type": "error", "message": 'a "quote"\n\\ \x00 …', "symbol": "<&>"}])
def test_both_encodings_carry_the_same_message(message: dict[str, object]) -> None:
    assert decoded(JSON, JSON.encode(message)) == decoded(MSGPACK, MSGPACK.encode(message)) == message


def test_each_encoding_is_found_by_its_subprotocol() -> None:
    assert WIRES == {"tickmesh.json": JSON, "tickmesh.msgpack": MSGPACK}
    assert (JSON.is_text, MSGPACK.is_text) == (True, False)
