"""What is read in compiled code is what a decoder reads, whatever comes and wherever the reads end."""

import itertools
import random
from collections.abc import Callable
from functools import partial

import msgspec
import numpy as np
import pytest

from bench.fanout.dialects import Dialect, NatsOverWebSocket, Textbook, Tickmesh
from bench.fanout.frames import BINARY, CLOSE, PING, TEXT, Reassembler, masked, served
from bench.fanout.intake import (
    CARRY_BYTES,
    FRAMES,
    HANDED,
    READ_BYTES,
    REPORTS,
    desk_for,
    put_carried,
    speech_of,
    take,
)
from bench.fanout.ledger import Ledger
from bench.fanout.walk import number_of
from tests.unit.bench.test_fanout_updates import NOW_US, nats, textbook, tickmesh

CLIENTS, EACH, SYMBOLS = 3, 10, 20
KINDS = [
    pytest.param(Tickmesh(is_json=False), tickmesh(msgspec.msgpack.encode, SYMBOLS), id="msgpack"),
    pytest.param(Tickmesh(is_json=True), tickmesh(msgspec.json.encode, SYMBOLS), id="json"),
    pytest.param(NatsOverWebSocket(), partial(nats, numbers=SYMBOLS), id="nats"),
    pytest.param(Textbook(), partial(textbook, numbers=SYMBOLS), id="textbook"),
]
Message = Callable[[random.Random], tuple[bytes, list[tuple[int, int, int]]]]
AT_US = NOW_US + 10**10


class Intake:
    """Takes reads as a round does, without sockets."""

    def __init__(self, dialect: Dialect) -> None:
        self.ledger = Ledger(CLIENTS, SYMBOLS, EACH)
        self.desk, self._speech = desk_for(CLIENTS), speech_of(dialect)
        self.desk.is_by_hand[:] = False

    def read(self, client: int, data: bytes) -> None:
        desk = self.desk
        at = put_carried(desk.arena, desk.carried, desk.carried_bytes, client)
        desk.arena[at : at + len(data)] = np.frombuffer(data, np.uint8)
        take(desk, self._speech, self.ledger.book, client, at + len(data), AT_US * 1000)

    @property
    def handed(self) -> list[tuple[int, bytes]]:
        desk = self.desk
        rows = desk.reports[: desk.totals[REPORTS], [0, 3, 4]].tolist()
        assert not rows or rows[-1][2] == desk.totals[HANDED]
        return [(client, desk.handed[start:end].tobytes()) for client, start, end in rows]


def decoded(dialect: Dialect, streams: list[bytes]) -> Ledger:
    """Take the same the slow way."""
    ledger = Ledger(CLIENTS, SYMBOLS, EACH)
    for client, stream in enumerate(streams):
        for _, message in Reassembler().take(stream):
            entries = dialect.hear(message).entries
            numbers = [number_of(each.s) for each in entries]
            ledger.take(client, numbers, [each.q for each in entries], [each.r for each in entries], AT_US)
    return ledger


def cut(source: random.Random, data: bytes, cuts: int) -> list[bytes]:
    ends = [0, *sorted(source.sample(range(1, len(data)), min(cuts, len(data) - 1))), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(ends)]


def assert_same(ledger: Ledger, other: Ledger) -> None:
    assert (ledger.newest == other.newest).all()
    assert (ledger.updates, ledger.went_back, ledger.unexpected) == (other.updates, other.went_back, other.unexpected)
    assert (ledger.ages.counts == other.ages.counts).all()
    assert ledger.ages.most_us == other.ages.most_us


@pytest.mark.parametrize("cuts", [0, 1, 40, 2000])
@pytest.mark.parametrize(("dialect", "message"), KINDS)
def test_any_messages_cut_anywhere_are_read_as_a_decoder_reads_them(
    dialect: Dialect, message: Message, cuts: int
) -> None:
    source = random.Random(cuts)
    intake = Intake(dialect)
    streams = [b"".join(served(dialect.opcode, message(source)[0]) for _ in range(20)) for _ in range(CLIENTS)]
    reads = [cut(source, stream[:READ_BYTES], cuts) for stream in streams]
    for turn in itertools.zip_longest(*reads):
        for client, data in enumerate(turn):
            if data:
                intake.read(client, data)
    assert_same(intake.ledger, decoded(dialect, [stream[:READ_BYTES] for stream in streams]))
    assert intake.ledger.updates
    assert intake.ledger.unexpected
    assert intake.handed == []


@pytest.mark.parametrize(
    "other",
    [
        served(PING, b"ping"),
        served(CLOSE, b"\x03\xe8"),
        served(TEXT, b"abc"),
        served(BINARY, b""),
        served(BINARY, msgspec.msgpack.encode({"type": "heartbeat"})),
        served(BINARY, msgspec.msgpack.encode({"type": "update", "quote": []})),
        b"\x02\x02ab",  # not the last of its message
        masked(BINARY, b"ab"),
        b"\x82\x7f" + (70_000).to_bytes(8, "big") + bytes(100),
    ],
)
def test_what_is_no_update_is_handed_over_with_all_behind_it(other: bytes) -> None:
    source, intake = random.Random(1), Intake(Tickmesh(is_json=False))
    message = tickmesh(msgspec.msgpack.encode, SYMBOLS)
    frame, last = (served(BINARY, message(source)[0]) for _ in range(2))
    intake.read(1, frame + other + last[:50])
    intake.read(2, frame)
    intake.read(1, last[50:])
    assert intake.handed == [(1, other + last[:50]), (1, last[50:])]
    assert intake.desk.is_by_hand.tolist() == [False, True, False]
    assert intake.desk.totals[FRAMES] == 2
    assert_same(intake.ledger, decoded(Tickmesh(is_json=False), [b"", frame, frame]))


def test_a_frame_that_is_cut_and_too_long_to_carry_is_handed_over() -> None:
    intake = Intake(Tickmesh(is_json=False))
    frame = served(BINARY, bytes(CARRY_BYTES))
    intake.read(0, frame[:CARRY_BYTES])
    assert intake.handed == []
    intake.read(0, frame[CARRY_BYTES : CARRY_BYTES + 1])
    assert intake.handed == [(0, frame[: CARRY_BYTES + 1])]
    assert not intake.desk.carried_bytes.any()
