"""The numbers found in bulk are those that a decoder finds, message by message."""

import random
from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from bench.fanout.dialects import Dialect, NatsOverWebSocket, Textbook, Tickmesh
from bench.fanout.pace import Pace
from bench.fanout.sample import FIELDS
from bench.fanout.updates import JSON, MSGPACK, NATS, TEXTBOOK, Pattern
from bench.fanout.walk import Walk, name
from gateway.live.messages import QuoteUpdate, Update

NOW_US = 1_774_794_605_031_380
Found = tuple[int, int, int]  # instrument, sequence, time of receipt in us


def quote(source: random.Random) -> QuoteUpdate:
    fields = source.sample(["b", "bz", "a", "az", "l", "lz", "o", "hi", "lo", "v", "pc"], source.randrange(12))
    times = {"t": NOW_US - source.randrange(10**9), "r": NOW_US + source.randrange(10**9)}
    prices = {each: source.choice([source.random() * 10 ** source.randrange(6), 100.0]) for each in fields}
    return QuoteUpdate(name(source.randrange(100_000)), (1 << 32) + source.randrange(10**8), **times, **prices)


def tickmesh(codec: Callable[[object], bytes]) -> Callable[[random.Random], tuple[bytes, list[Found]]]:
    def message(source: random.Random) -> tuple[bytes, list[Found]]:
        quotes = [quote(source) for _ in range(source.randrange(1, 30))]
        return codec(Update(quote=quotes)), [(int(each.s[-5:]), each.q, each.r) for each in quotes]

    return message


def nats(source: random.Random) -> tuple[bytes, list[Found]]:
    walk, parts, found = Walk(1000, source.randrange(10**6)), [], []
    for _ in range(source.randrange(1, 10)):
        number, now_ns = source.randrange(1000), (NOW_US + source.randrange(10**9)) * 1000
        row = walk.step(np.array([number]), now_ns)
        subject = name(number).replace(":", ".")
        parts.append(f"MSG quote.{subject} {10_000 + source.randrange(9)} 138\r\n".encode() + row.tobytes() + b"\r\n")
        found.append((number, int(row["sequence"][0]), now_ns // 1000))
    return b"".join(parts), found


def textbook(source: random.Random) -> tuple[bytes, list[Found]]:
    number, sequence, now_us = source.randrange(100_000), (1 << 32) + source.randrange(10**8), NOW_US
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


@pytest.mark.parametrize(("pattern", "dialect", "message"), KINDS)
def test_every_update_is_found_as_it_was_written(pattern: Pattern, dialect: Dialect, message: Message) -> None:
    source = random.Random(7)
    messages = [message(source) for _ in range(300)]
    data, expected = b"".join(each for each, _ in messages), [found for _, every in messages for found in every]
    found = pattern.find(np.frombuffer(data, np.uint8))
    assert list(zip(found.numbers, found.sequences, found.received_us, strict=True)) == expected
    ends = np.cumsum([len(each) for each, _ in messages])
    counts = np.bincount(np.searchsorted(ends, found.at, "right"), minlength=len(messages))
    assert counts.tolist() == [len(every) for _, every in messages]


@pytest.mark.parametrize(("pattern", "dialect", "message"), KINDS)
def test_a_decoder_finds_the_same(pattern: Pattern, dialect: Dialect, message: Message) -> None:
    source = random.Random(8)
    for _ in range(100):
        data, expected = message(source)
        assert data.startswith(dialect.prefix)
        heard = dialect.hear(data)
        assert heard.kind == "update"
        assert [(int(each.s[-5:]), each.q, each.r) for each in heard.entries] == expected


@pytest.mark.parametrize("pattern", [MSGPACK, JSON, NATS, TEXTBOOK])
def test_nothing_is_found_in_noise_and_in_what_is_cut_short(pattern: Pattern) -> None:
    source = random.Random(9)
    assert not len(pattern.find(np.frombuffer(source.randbytes(200_000), np.uint8)).at)
    assert not len(pattern.find(np.zeros(0, np.uint8)).at)
    for _, dialect, message in (each.values for each in KINDS):
        if dialect.pattern is pattern:
            (data, expected), whole = message(random.Random(1)), np.uint8
            assert len(pattern.find(np.frombuffer(data, whole)).at) == len(expected)
            last = pattern.find(np.frombuffer(data, whole)).at[-1]
            assert len(pattern.find(np.frombuffer(data[: last + 30], whole)).at) == len(expected) - 1


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
