"""What clients say and hear at each of the servers that are compared, message by message. No socket in here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from bench.fanout.frames import BINARY, TEXT
from bench.fanout.updates import JSON, MSGPACK, NATS, SID_DIGITS, TEXTBOOK, Pattern
from bench.fanout.walk import name
from market import rows

_FIRST_SID = 10 ** (SID_DIGITS - 1)


class Entry(msgspec.Struct):
    """What every update says: symbol, sequence, the exchange's time and the feed's, in us."""

    s: str
    q: int
    t: int
    r: int


@dataclass(slots=True)
class Heard:
    """One message: `welcome`, `ready`, `snapshot`, `update` or whatever else it calls itself."""

    kind: str
    entries: Sequence[Entry] = ()
    reply: bytes | None = None
    detail: str = ""


class Dialect(Protocol):
    """How clients of one server speak."""

    path: str
    opcode: int  # of the messages both ways
    greets: bool  # the server speaks first, and only then is asked
    prefix: bytes  # of a message of updates, which is read in bulk
    pattern: Pattern

    def offered(self, token: str) -> str:
        """Name the subprotocols to offer."""
        ...

    def ask(self, numbers: Sequence[int], rate: float) -> list[bytes]:
        """Ask for instruments, and for at most `rate` frames a second where that can be asked for."""
        ...

    def pace(self, rate: float) -> bytes:
        """Ask for at most so many frames a second from now on; empty where that cannot be asked for."""
        ...

    def hear(self, message: bytes) -> Heard:
        """Read a message whole."""
        ...

    def images(self, message: bytes) -> list[dict[str, Any]]:
        """Decode everything a message says of instruments, by the protocol's field names; none of other messages."""
        ...


class _Message(msgspec.Struct):
    type: str
    quote: list[Entry] = []
    code: str = ""
    message: str = ""
    mode: str = ""


class Tickmesh:
    """The gateway's own protocol, in msgpack or JSON."""

    path = "/stream"
    greets = True

    def __init__(self, is_json: bool) -> None:
        self.opcode = TEXT if is_json else BINARY
        self.prefix = b'{"type":"update","quote":' if is_json else b"\x82\xa4type\xa6update\xa5quote"
        self.pattern = JSON if is_json else MSGPACK
        self._name = "json" if is_json else "msgpack"
        codec: Any = msgspec.json if is_json else msgspec.msgpack
        self._encode = codec.encode
        self._decode = codec.Decoder(_Message).decode
        self._decode_whole = codec.Decoder().decode

    def offered(self, token: str) -> str:
        """Offer the encoding, and prove who this is."""
        return f"tickmesh.{self._name}, bearer.{token}"

    def ask(self, numbers: Sequence[int], rate: float) -> list[bytes]:
        """Set the connection's rate, and subscribe."""
        symbols = [name(each) for each in numbers]
        return [self.pace(rate), self._encode({"action": "subscribe", "symbols": symbols})]

    def pace(self, rate: float) -> bytes:
        """Set the connection's rate."""
        asked: bytes = self._encode({"action": "rate", "rate": rate})
        return asked

    def hear(self, message: bytes) -> Heard:
        """Read the type, the entries and what an error says."""
        said: _Message = self._decode(message)
        return Heard(said.type, said.quote, None, said.code or said.mode)

    def images(self, message: bytes) -> list[dict[str, Any]]:
        """Give the entries of a snapshot or an update."""
        entries: list[dict[str, Any]] = self._decode_whole(message).get("quote", [])
        return entries


class NatsOverWebSocket:
    """nats-server's own listener: the NATS protocol in binary messages."""

    path = "/"
    greets = False
    opcode = BINARY
    prefix = b"MSG quote."
    pattern = NATS

    def offered(self, token: str) -> str:
        """Offer nothing."""
        return ""

    def ask(self, numbers: Sequence[int], rate: float) -> list[bytes]:
        """Connect, subscribe to each subject, and ask for a sign that it is done."""
        subjects = [name(each).replace(":", ".") for each in numbers]
        subscribed = [f"SUB quote.{subject} {_FIRST_SID + at}\r\n" for at, subject in enumerate(subjects)]
        return [('CONNECT {"verbose":false,"protocol":1}\r\n' + "".join(subscribed) + "PING\r\n").encode()]

    def pace(self, rate: float) -> bytes:
        """Ask for nothing: there is no such thing."""
        return b""

    def hear(self, message: bytes) -> Heard:
        """Read one message, which may hold several commands."""
        if b"PONG\r\n" in message[:6]:
            return Heard("ready", _nats_entries(message))
        if message.startswith(b"-ERR"):
            return Heard("error", detail=message.decode().strip())
        if message.endswith(b"PING\r\n"):
            return Heard("update", _nats_entries(message), b"PONG\r\n")
        return Heard("update" if message.startswith(b"MSG ") else "info", _nats_entries(message))

    def images(self, message: bytes) -> list[dict[str, Any]]:
        """Give none: rows are whole states."""
        return []


def _nats_entries(message: bytes) -> list[Entry]:
    entries = []
    at = message.find(b"MSG ")
    while at >= 0:
        line_end = message.index(b"\r\n", at)
        symbol = message[at:line_end].split(b" ")[1].decode().removeprefix("quote.").replace(".", ":")
        end = line_end + 2 + rows.STATE.width_bytes
        (state,) = rows.STATE.read(message[line_end + 2 : end])
        times = [int(state[each]) // 1000 for each in ("ts_event", "ts_recv")]
        entries.append(Entry(symbol, int(state["sequence"]), *times))
        at = message.find(b"MSG ", end)
    return entries


class _Quote(msgspec.Struct):
    symbol: str = ""
    sequence: int = 0
    received_us: int = 0
    subscribed: int = 0


class Textbook:
    """The textbook gateway: a JSON message for every update."""

    path = "/stream"
    greets = False
    opcode = TEXT
    prefix = b'{"symbol":'
    pattern = TEXTBOOK
    _decode = staticmethod(msgspec.json.Decoder(_Quote).decode)

    def offered(self, token: str) -> str:
        """Offer nothing: it asks for no token."""
        return ""

    def ask(self, numbers: Sequence[int], rate: float) -> list[bytes]:
        """Subscribe."""
        return [msgspec.json.encode({"subscribe": [name(each) for each in numbers]})]

    def pace(self, rate: float) -> bytes:
        """Ask for nothing: there is no such thing."""
        return b""

    def hear(self, message: bytes) -> Heard:
        """Read a quote, or how many are subscribed."""
        quote = self._decode(message)
        if quote.subscribed:
            return Heard("ready")
        return Heard("update", [Entry(quote.symbol, quote.sequence, 0, quote.received_us)])

    def images(self, message: bytes) -> list[dict[str, Any]]:
        """Give none: messages are whole states."""
        return []


class Recorded(Tickmesh):
    """A server that sends recorded frames to whoever connects."""

    greets = False

    def __init__(self) -> None:
        super().__init__(is_json=False)

    def ask(self, numbers: Sequence[int], rate: float) -> list[bytes]:
        """Ask for nothing; the first frame comes all the same."""
        return []

    def hear(self, message: bytes) -> Heard:
        """Take the first frame for the sign that all is ready; the others are read in bulk."""
        return Heard("ready")


def dialect_named(text: str) -> Dialect:
    """Make the dialect that a benchmark names: msgpack, json, nats, textbook or recorded."""
    made: dict[str, Dialect] = {
        "msgpack": Tickmesh(is_json=False),
        "json": Tickmesh(is_json=True),
        "nats": NatsOverWebSocket(),
        "textbook": Textbook(),
        "recorded": Recorded(),
    }
    return made[text]
