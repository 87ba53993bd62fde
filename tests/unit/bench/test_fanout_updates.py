"""The numbers found without decoding are those that a decoder finds, message by message."""

import random
from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from bench.fanout.dialects import Dialect, NatsOverWebSocket, Textbook, Tickmesh
from bench.fanout.pace import Pace
from bench.fanout.sample import FIELDS
from bench.fanout.updates import (
    JSON,
    MOST_UPDATES,
    MSGPACK,
    NATS,
    TEXTBOOK,
    UNLIKE,
    Pattern,
    find,
    room_for_updates,
)
from bench.fanout.walk import Walk, name, number_of
from gateway.live.messages import QuoteUpdate, Update

NOW_US = 1_774_794_605_031_380
Found = tuple[int, int, int]  # instrument, sequence, time of receipt in us


def quote(source: random.Random, numbers: int) -> QuoteUpdate:
    fields = source.sample(["b", "bz", "a", "az", "l", "lz", "o", "hi", "lo", "v", "pc"], source.randrange(12))
    times = {"t": NOW_US - source.randrange(10**9), "r": NOW_US + source.randrange(10**9)}
    prices = {each: source.choice([source.random() * 10 ** source.randrange(6), 100.0]) for each in fields}
    return QuoteUpdate(name(source.randrange(numbers)), (1 << 32) + source.randrange(10**8), **times, **prices)


def tickmesh(
    codec: Callable[[object], bytes], numbers: int = 100_000
) -> Callable[[random.Random], tuple[bytes, list[Found]]]:
    def message(source: random.Random) -> tuple[bytes, list[Found]]:
        quotes = [quote(source, numbers) for _ in range(source.randrange(1, 30))]
        return codec(Update(quote=quotes)), [(int(each.s[-5:]), each.q, each.r) for each in quotes]

    return message


def nats(source: random.Random, numbers: int = 1000) -> tuple[bytes, list[Found]]:
    walk, parts, found = Walk(1000, source.randrange(10**6)), [], []
    for _ in range(source.randrange(1, 10)):
        number, now_ns = source.randrange(numbers), (NOW_US + source.randrange(10**9)) * 1000
        row = walk.step(np.array([number]), now_ns)
        subject = name(number).replace(":", ".")
        parts.append(f"MSG quote.{subject} {10_000 + source.randrange(9)} 138\r\n".encode() + row.tobytes() + b"\r\n")
        found.append((number, int(row["sequence"][0]), now_ns // 1000))
    return b"".join(parts), found


def textbook(source: random.Random, numbers: int = 100_000) -> tuple[bytes, list[Found]]:
    number, sequence, now_us = source.randrange(numbers), (1 << 32) + source.randrange(10**8), NOW_US
    head = {"symbol": name(number), "sequence": sequence, "received_us": now_us}
    said = head | {each: source.random() * 1000 for each in FIELDS.values()}
    return msgspec.json.encode(said), [(number, sequence, now_us)]


KINDS = [
    pytest.param(MSGPACK, Tickmesh(is_json=False), tickmesh(msgspec.msgpack.encode), id="msgpack"),
    pytest.param(JSON, Tickmesh(is_json=True), tickmesh(msgspec.json.encode), id="json"),
    pytest.param(NATS, NatsOverWebSocket(), nats, id="nats"),
    pytest.param(TEXTBOOK, Textbook(), textbook, id="textbook"),
]
Message = Callable[[random.Random], tuple[bytes, list[Found]]]


def found_in(pattern: Pattern, data: bytes, start: int = 0, end: int | None = None) -> list[Found] | None:
    """What is found in a part of it; None where that is unlike the pattern."""
    room = room_for_updates()
    count = find(np.frombuffer(data, np.uint8).copy(), start, len(data) if end is None else end, pattern, room)
    return None if count == UNLIKE else [(number, q, r) for number, q, r in room[:, :count].T.tolist()]


@pytest.mark.parametrize(("pattern", "dialect", "message"), KINDS)
def test_every_update_is_found_as_it_was_written(pattern: Pattern, dialect: Dialect, message: Message) -> None:
    source = random.Random(7)
    for _ in range(300):
        (data, expected), (before, _), (behind, _) = (message(source) for _ in range(3))
        assert found_in(pattern, data) == expected
        assert found_in(pattern, before + data + behind, len(before), len(before + data)) == expected


@pytest.mark.parametrize(("pattern", "dialect", "message"), KINDS)
def test_a_decoder_finds_the_same(pattern: Pattern, dialect: Dialect, message: Message) -> None:
    source = random.Random(8)
    for _ in range(100):
        data, expected = message(source)
        assert data.startswith(dialect.prefix)
        heard = dialect.hear(data)
        assert heard.kind == "update"
        assert [(int(each.s[-5:]), each.q, each.r) for each in heard.entries] == expected


@pytest.mark.parametrize(("pattern", "dialect", "message"), KINDS)
def test_what_is_cut_short_is_never_half_found(pattern: Pattern, dialect: Dialect, message: Message) -> None:
    data, expected = message(random.Random(1))
    for end in range(len(data)):
        found = found_in(pattern, data, 0, end)
        assert found is None or found == expected[: len(found)]
    assert found_in(pattern, b"") == found_in(pattern, bytes(20_000)) == []


@pytest.mark.parametrize("is_json", [False, True])
@pytest.mark.parametrize(
    ("entry", "is_wide"),
    [
        (("XBEN:S00042", 5, NOW_US), False),
        (("XBEN:S00042", 10**10, NOW_US), True),
        (("XBEN:S00042", 1 << 32, 10 * NOW_US), True),
        (("XNAS:S00042", 1 << 32, NOW_US), False),
        (("XBEN:S0004a", 1 << 32, NOW_US), False),
        (("XBEN:S000 2", 1 << 32, NOW_US), False),
    ],
)
def test_an_update_that_looks_otherwise_is_to_be_decoded(
    is_json: bool, entry: tuple[str, int, int], is_wide: bool
) -> None:
    """Numbers of more digits look as always in msgpack."""
    pattern, encode = (JSON, msgspec.json.encode) if is_json else (MSGPACK, msgspec.msgpack.encode)
    usual = (name(1), 1 << 32, NOW_US)
    quotes = [{"s": s, "q": q, "t": NOW_US, "r": r} for s, q, r in (usual, entry, usual)]
    found = found_in(pattern, encode({"type": "update", "quote": quotes}))
    assert found == ([(1, *usual[1:]), (42, *entry[1:]), (1, *usual[1:])] if is_wide and not is_json else None)


def test_more_updates_than_there_is_room_for_are_to_be_decoded() -> None:
    quotes = [{"s": name(1), "q": 1 << 32, "t": NOW_US, "r": NOW_US}] * (MOST_UPDATES + 1)
    assert len(found_in(JSON, msgspec.json.encode(quotes[1:])) or []) == MOST_UPDATES
    assert found_in(JSON, msgspec.json.encode(quotes)) is None


def test_names_and_numbers() -> None:
    assert [number_of(name(each)) for each in (0, 42, 99_999)] == [0, 42, 99_999]
    assert {number_of(each) for each in ("XNAS:S00042", "XBEN:S42", "AAPL", "", "XBEN:S0004a", "XBEN:S000٤٢")} == {-1}


def test_a_paced_publisher_sends_every_instrument_equally_often() -> None:
    now_s = 0.0
    pace = Pace(100, lambda: now_s)
    assert not len(pace.take())
    pace.go(2000.0)
    taken = []
    for turn in range(1, 101):
        now_s = turn * 0.005
        taken.append(pace.take())
        assert len(set(taken[-1].tolist())) == len(taken[-1]) == 10
    assert np.bincount(np.concatenate(taken)).tolist() == [10] * 100
    assert (pace.sent, pace.skipped) == (1000, 0)
    now_s += 1.0
    assert (len(pace.take()), pace.skipped) == (100, 1900)
    assert 0 < pace.until_next_s() <= 0.005
