"""The load generator against a server that does what a gateway must not."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from bench.fanout.dialects import dialect_named
from bench.fanout.frames import BINARY, CLOSE, TEXT, served
from bench.fanout.ledger import Ledger
from bench.fanout.steps import Step
from bench.fanout.swarm import SAMPLED, Swarm

CLIENTS, SYMBOLS, EACH = SAMPLED * 2, 20, 10
FIRST = 1 << 32
WITHIN_S = 10.0


def entry(symbol: str, sequence: int) -> dict[str, Any]:
    now_us = time.time_ns() // 1000
    return {"s": symbol, "q": sequence, "t": now_us, "r": now_us, "b": 1.5, "bz": 100.0}


class Gateway:
    """Greets, answers a subscription with two snapshots, and then sends what it is told to, cut at any place."""

    def __init__(self, name: str) -> None:
        self.port = 0
        self.clients: list[tuple[ServerConnection, list[str]]] = []
        self.tokens: set[str] = set()
        self.pongs = 0
        self._is_text = name == "json"
        self._codec: Any = msgspec.json if self._is_text else msgspec.msgpack

    def handle(self, connection: ServerConnection) -> None:
        try:
            self._greet(connection)
            for _ in connection:
                pass
        except ConnectionClosed:
            pass

    def send(self, connection: ServerConnection, kind: str, entries: list[dict[str, Any]]) -> None:
        self.say(connection, {"type": kind, "quote": entries})

    def say(self, connection: ServerConnection, message: dict[str, Any]) -> None:
        connection.send(self._codec.encode(message), text=self._is_text)

    def frame(self, entries: list[dict[str, Any]]) -> bytes:
        return served(TEXT if self._is_text else BINARY, self._codec.encode({"type": "update", "quote": entries}))

    def _greet(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.tokens.add(connection.request.headers["Sec-WebSocket-Protocol"].rpartition("bearer.")[2])
        self.say(connection, {"type": "welcome", "protocol": 2})
        assert self._codec.decode(connection.recv()) == {"action": "rate", "rate": 5.0}
        asked = self._codec.decode(connection.recv())
        assert (asked["action"], len(asked["symbols"])) == ("subscribe", EACH)
        symbols = asked["symbols"]
        self.say(connection, {"type": "subscribed", "channel": "quote", "symbols": symbols, "rate": 5.0})
        self.send(connection, "snapshot", [entry(symbol, FIRST) for symbol in symbols[:3]])
        connection.ping().wait(WITHIN_S)
        self.pongs += 1
        self.send(connection, "snapshot", [entry(symbol, FIRST) for symbol in symbols[3:]])
        self.clients.append((connection, symbols))


@pytest.fixture(params=["msgpack", "json"])
def gateway(request: pytest.FixtureRequest) -> Iterator[Gateway]:
    gateway = Gateway(request.param)
    subprotocols = [Subprotocol(f"tickmesh.{request.param}")]
    server: Server
    with serve(
        gateway.handle, "127.0.0.1", 0, subprotocols=subprotocols, compression=None, ping_interval=None
    ) as server:
        gateway.port = server.socket.getsockname()[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield gateway
        server.shutdown()
        thread.join(WITHIN_S)


@pytest.fixture
def swarm(gateway: Gateway, request: pytest.FixtureRequest) -> Iterator[Swarm]:
    name = request.node.callspec.params["gateway"]
    ledger = Ledger(CLIENTS, SYMBOLS, EACH)
    swarm = Swarm(dialect_named(name), ledger, lambda client: f"token-{client}", gateway.port, 5.0, per_s=500.0)
    with contextlib.closing(swarm):
        # A client can know all its symbols before the server's thread has noted it.
        turn_until(swarm, lambda: swarm.is_open and len(gateway.clients) == CLIENTS)
        yield swarm


def turn_until(swarm: Swarm, holds: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline_s
        swarm.turn()


def test_everybody_gets_in_with_a_token_of_their_own(gateway: Gateway, swarm: Swarm) -> None:
    figures = swarm.openings.figures()
    assert figures["live"] == figures["welcome_ms"]["count"] == figures["snapshot_ms"]["count"] == CLIENTS
    assert (len(gateway.tokens), gateway.pongs) == (CLIENTS, CLIENTS)
    assert not swarm.others
    assert (swarm.ledger.newest == FIRST).all()


def test_updates_are_counted_checked_and_merged(gateway: Gateway, swarm: Swarm) -> None:
    swarm.ledger.ages.clear()
    for connection, symbols in gateway.clients:
        gateway.send(connection, "update", [entry(symbol, FIRST + 1) for symbol in symbols])
        gateway.send(connection, "update", [entry(symbols[0], FIRST + 3)])
        gateway.say(connection, {"type": "heartbeat"})
        gateway.send(connection, "update", [entry(symbols[0], FIRST + 4)])
    turn_until(swarm, lambda: swarm.ledger.updates == CLIENTS * (EACH + 2))
    ledger = swarm.ledger
    assert (ledger.went_back, ledger.unexpected, swarm.tally.frames) == (0, 0, CLIENTS * 3)
    assert (ledger.newest == [FIRST + 4] + [FIRST + 1] * (EACH - 1)).all()
    assert not swarm.others
    ages = ledger.ages.figures()
    assert ages["count"] == CLIENTS * (EACH + 2)
    assert 0 <= ages["p50"] <= ages["max"] < WITHIN_S * 1e3
    assert swarm.sample.instruments == SAMPLED * EACH


def test_what_a_gateway_must_not_do_is_seen(gateway: Gateway, swarm: Swarm) -> None:
    for connection, symbols in gateway.clients:
        gateway.send(connection, "update", [entry(symbols[0], FIRST + 5), entry(symbols[1], FIRST)])
        gateway.send(connection, "update", [entry(symbols[0], FIRST + 4)])
        gateway.say(connection, {"type": "error", "code": "symbol_limit", "message": "no more"})
        gateway.send(connection, "update", [entry("XBEN:S00999", FIRST + 1)])
        connection.socket.sendall(served(CLOSE, (1013).to_bytes(2, "big")))
    turn_until(swarm, lambda: swarm.openings.count(Step.CLOSED) == CLIENTS)
    assert (swarm.ledger.went_back, swarm.ledger.unexpected) == (CLIENTS * 2, CLIENTS)
    assert swarm.others["error symbol_limit"] == swarm.others["close code 1013"] == CLIENTS


def test_messages_in_pieces_keep_their_order(gateway: Gateway, swarm: Swarm) -> None:
    """One after the other come a frame in two halves, and whole ones."""
    for turn in range(1, 6):
        halves: list[tuple[ServerConnection, str, bytes]] = []
        for connection, symbols in gateway.clients:
            frame = gateway.frame([entry(each, FIRST + turn) for each in symbols])
            connection.socket.sendall(frame[: len(frame) // 2])
            halves.append((connection, symbols[0], frame[len(frame) // 2 :]))
        turn_until(swarm, lambda: swarm.parts == CLIENTS)
        for connection, symbol, half in halves:
            connection.socket.sendall(half)
            gateway.send(connection, "update", [entry(symbol, FIRST + 100 + turn)])
        turn_until(swarm, lambda: swarm.parts == 0)
    turn_until(swarm, lambda: swarm.ledger.updates == CLIENTS * 5 * (EACH + 1))
    assert (swarm.ledger.went_back, swarm.ledger.unexpected) == (CLIENTS * 4, 0)  # the +100 overtakes, as sent


def test_a_refused_upgrade_is_no_client() -> None:
    refusing = serve(lambda _: None, "127.0.0.1", 0, process_request=lambda ws, _: ws.respond(403, "no"))
    thread = threading.Thread(target=refusing.serve_forever)
    thread.start()
    port = refusing.socket.getsockname()[1]
    swarm = Swarm(dialect_named("msgpack"), Ledger(3, SYMBOLS, EACH), lambda _: "", port, 5.0, per_s=100.0)
    with contextlib.closing(swarm):
        turn_until(swarm, lambda: swarm.is_open)
    refusing.shutdown()
    thread.join(WITHIN_S)
    assert (swarm.openings.count(Step.CLOSED), swarm.openings.count(Step.LIVE)) == (3, 0)
    assert swarm.others == {"closed: HTTP/1.1 403 Forbidden": 3}
