"""Rounds of reading over real sockets: everything is read in order, and nobody has to wait for somebody else."""

import contextlib
import random
import socket
import struct
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest

from bench.fanout.dialects import Heard, Tickmesh
from bench.fanout.frames import CLOSE, PING, SWITCHING, TEXT, Reassembler, served
from bench.fanout.intake import AT_ONCE, READ_BYTES, speech_of
from bench.fanout.ledger import Ledger
from bench.fanout.sockets import Sockets
from bench.fanout.steps import Step
from bench.fanout.swarm import SAMPLED, Swarm
from bench.fanout.walk import name, number_of

EACH, SYMBOLS, FIRST, WITHIN_S = 10, 20, 1 << 32, 10.0


class Straight(Tickmesh):
    """Clients that ask for nothing, and are told at once that all is ready."""

    greets = False

    def ask(self, numbers: object, rate: float) -> list[bytes]:
        return []


def turn_until(turn: Callable[[], object], holds: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline_s
        turn()


class Served:
    """A swarm whose clients are live, and the other ends of their sockets."""

    def __init__(self, dialect: Tickmesh, clients: int, listener: socket.socket) -> None:
        self.dialect, self.is_json = dialect, dialect.opcode == TEXT
        port = listener.getsockname()[1]
        self.swarm = Swarm(dialect, Ledger(clients, SYMBOLS, EACH), str, port, 1.0, per_s=1e6)
        turn_until(self.swarm.turn, lambda: self.swarm.openings.count(Step.UPGRADING) == clients)
        self.ends: list[socket.socket] = [listener] * clients
        for _ in range(clients):
            end, _ = listener.accept()
            client = int(end.recv(4096).partition(b"bearer.")[2].partition(b"\r\n")[0])
            self.ends[client] = end
            end.sendall(SWITCHING + self.frame({"type": "ready"}))
        turn_until(self.swarm.turn, lambda: self.swarm.is_open)

    def frame(self, message: dict[str, object]) -> bytes:
        encode = msgspec.json.encode if self.is_json else msgspec.msgpack.encode
        return served(self.dialect.opcode, encode(message))

    def updates(self, *told: tuple[int, int], kind: str = "update") -> bytes:
        now_us = time.time_ns() // 1000
        return self.frame({"type": kind, "quote": [{"s": name(n), "q": q, "t": now_us, "r": now_us} for n, q in told]})

    def close(self) -> None:
        self.swarm.close()
        for end in self.ends:
            end.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        yield listener


@pytest.fixture(params=["msgpack", "json"])
def crowd(request: pytest.FixtureRequest, listener: socket.socket) -> Iterator[Served]:
    with contextlib.closing(Served(Straight(request.param == "json"), 2 * SAMPLED, listener)) as crowd:
        yield crowd


def anything(crowd: Served, source: random.Random, watched: list[int]) -> bytes:
    """One thing that a server may say, most often an update; some go back, some are of what nobody watches."""
    told = [(source.choice([*watched, 99_999]), FIRST + source.randrange(1000)) for _ in range(source.randrange(1, 12))]
    update = crowd.updates(*told)
    payload = Reassembler().take(update)[0][1]
    half, opcode = len(payload) // 2, crowd.dialect.opcode
    choices = {
        update: 12,
        crowd.updates(*told, kind="snapshot"): 1,
        crowd.frame({"type": "heartbeat"}): 1,
        served(PING, b"there?"): 1,
        # in two parts, with something in between
        bytes([opcode]) + served(0, payload[:half])[1:] + served(PING, b"") + served(0, payload[half:]): 1,
        crowd.updates(*(told * 400)[:400]): 1,  # longer than what is carried
    }
    return source.choices(list(choices), list(choices.values()))[0]


def expected(crowd: Served, streams: list[bytes]) -> tuple[Ledger, int]:
    """Take all of it message by message; return the ledger and how many messages were updates."""
    ledger, frames = Ledger(len(streams), SYMBOLS, EACH), 0
    for client, stream in enumerate(streams):
        for opcode, message in Reassembler().take(stream):
            heard = crowd.dialect.hear(message) if opcode != PING else Heard("ping")
            frames += heard.kind == "update"
            numbers = [number_of(each.s) for each in heard.entries]
            ledger.take(
                client, numbers, [each.q for each in heard.entries], [0] * len(numbers), 0, heard.kind != "update"
            )
    return ledger, frames


def test_whatever_comes_is_read_in_order_wherever_it_is_cut(crowd: Served) -> None:
    source, swarm = random.Random(5), crowd.swarm
    watched = swarm.ledger.watched.tolist()
    streams = [b"".join(anything(crowd, source, each) for _ in range(12)) for each in watched]
    ledger, frames = expected(crowd, streams)
    sent = [0] * len(streams)
    while any(at < len(stream) for at, stream in zip(sent, streams, strict=True)):
        for client, stream in enumerate(streams):
            part = stream[sent[client] : sent[client] + source.choice([1, 3, 100, 5000])]
            crowd.ends[client].sendall(part)
            sent[client] += len(part)
        swarm.turn()
    turn_until(swarm.turn, lambda: swarm.tally.frames == frames and not swarm.parts)
    ours = swarm.ledger
    assert (ours.newest == ledger.newest).all()
    assert (ours.updates, ours.went_back, ours.unexpected) == (ledger.updates, ledger.went_back, ledger.unexpected)
    assert min(ours.updates, ours.went_back, ours.unexpected) > 100
    assert not swarm.others
    pings = [stream.count(served(PING, b"there?")) for stream in streams]
    for end, count in zip(crowd.ends, pings, strict=True):
        assert end.recv(1 << 16).count(b"there?") == count if count else True


def test_who_gets_more_than_others_does_not_delay_them(crowd: Served) -> None:
    swarm, flood = crowd.swarm, crowd.updates((int(crowd.swarm.ledger.watched[1, 0]), FIRST)) * 3000
    crowd.ends[1].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    crowd.ends[1].setblocking(False)
    sent = crowd.ends[1].send(flood)
    assert sent > 2 * READ_BYTES
    for client in (3, 5, 7):
        crowd.ends[client].sendall(crowd.updates((int(swarm.ledger.watched[client, 0]), FIRST + client)))
    turn_until(swarm.turn, lambda: swarm.ledger.newest[[3, 5, 7], 0].min() > 0)
    assert swarm.ledger.newest[[3, 5, 7], 0].tolist() == [FIRST + 3, FIRST + 5, FIRST + 7]
    assert swarm.tally.bytes < sent


def test_a_connection_says_how_it_ended(crowd: Served) -> None:
    ends = crowd.ends
    ends[0].close()
    ends[1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
    ends[1].close()
    ends[2].sendall(b"\x82\x85masked")
    ends[3].sendall(served(CLOSE, (1013).to_bytes(2, "big")))
    ends[3].shutdown(socket.SHUT_WR)
    turn_until(crowd.swarm.turn, lambda: crowd.swarm.openings.count(Step.CLOSED) == 4)
    assert crowd.swarm.others == {
        "closed: end of stream": 2,
        "closed: ECONNRESET": 1,
        "closed: a server's frame is masked": 1,
        "close code 1013": 1,
    }


def test_a_round_that_has_no_time_goes_on_where_it_stopped(listener: socket.socket) -> None:
    clients = 2 * AT_ONCE + 10
    dialect = Straight(is_json=False)
    sockets = Sockets(clients, speech_of(dialect), Ledger(clients, SYMBOLS, EACH).book)
    seen: list[int] = []
    with contextlib.ExitStack() as ends:
        ends.callback(sockets.close_all)
        for client in range(clients):
            sockets.connect(client, listener.getsockname()[1])
            sockets.listen(client)
            ends.enter_context(listener.accept()[0]).sendall(b"x" * (READ_BYTES + 1))  # more than is read at once
        while len(set(seen)) < clients:
            read = [each.client for each in sockets.read(most_ns=0).reports]
            assert 0 < len(read) <= AT_ONCE
            seen += read
    assert len(seen) < clients + AT_ONCE
    assert len(set(seen[:clients])) == clients
