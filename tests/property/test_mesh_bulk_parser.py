"""The bulk parser: whatever comes, cut wherever the network likes, is delivered as its own protocol says."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from mesh.bulk_parser import FIRST_RAW_SID, BulkParser, Whole
from mesh.bulk_run import ANY_SIZE, FIRST_BULK_SID

PLAIN_SIDS = range(1, 4)
SUBJECTS = ("quote.XNAS.A", "quote.XNYS.BRK=2EB", "quote.XTKS.=E6=97=A5", "q")


@dataclass
class Seen:
    """What arrived where. It is the side of nats-py's client that its parser calls: here, a record."""

    bulk: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)
    raw: list[tuple[str, bytes]] = field(default_factory=list)
    whole: list[Whole] = field(default_factory=list)
    plain: list[object] = field(default_factory=list)

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, payload: bytes, header: bytes | None) -> None:
        self.plain.append((sid, bytes(subject), bytes(reply), bytes(payload), header))

    async def _process_ping(self) -> None:
        self.plain.append("PING")

    async def _process_pong(self) -> None:
        self.plain.append("PONG")

    async def _process_info(self, info: dict[str, object]) -> None:
        self.plain.append(info)

    async def _process_err(self, error: str) -> None:
        self.plain.append(error)


@dataclass(frozen=True)
class Lane:
    """One receiver's subscriptions, as the parser is told of them."""

    name: str
    payload_bytes: int
    sids: tuple[int, ...]


# Two receivers share a size, one has a size of as many digits, one of fewer, and one takes payloads of any size; the
# last id of each was dropped.
LANES = (
    Lane("first", 20, (1_000_000, 1_000_001, 1_000_002)),
    Lane("second", 20, (1_000_003, 1_000_009)),
    Lane("third", 21, (1_000_004, 1_000_005)),
    Lane("fourth", 3, (1_000_006, 1_000_007)),
    Lane("varied", ANY_SIZE, (1_000_010, 1_000_011, 1_000_012)),
)
WHOLE_SID = FIRST_RAW_SID + 2
BULK_SIDS = [sid for lane in LANES for sid in lane.sids]
LANE_OF = {sid: lane for lane in LANES for sid in lane.sids}
DROPPED = {lane.sids[-1] for lane in LANES}


def subject_of(sid: int) -> str:
    return SUBJECTS[sid % len(SUBJECTS)]


def parser_into(seen: Seen) -> BulkParser:
    parser = BulkParser(seen)
    for lane in LANES:

        def receive(
            slots: npt.NDArray[np.intp],
            payloads: npt.NDArray[np.uint8],
            into: list[tuple[int, bytes]] = seen.bulk.setdefault(lane.name, []),  # noqa: B008  # one for each lane
        ) -> None:
            into += [(int(slot), row.tobytes()) for slot, row in zip(slots, payloads, strict=True)]

        def receive_one(slot: int, payload: bytes, into: list[tuple[int, bytes]] = seen.bulk[lane.name]) -> None:
            into.append((slot, payload))

        receiver = receive_one if lane.payload_bytes == ANY_SIZE else receive
        for sid in lane.sids:
            parser.route(sid, sid - FIRST_BULK_SID, subject_of(sid), lane.payload_bytes, receiver)
    for sid in DROPPED:
        parser.unroute(sid)
    parser.raw[FIRST_RAW_SID] = parser.raw[FIRST_RAW_SID + 1] = lambda subject, data: seen.raw.append((subject, data))
    parser.whole[WHOLE_SID] = seen.whole.append
    return parser


@dataclass
class Command:
    """One protocol command, and what must come of it."""

    wire: bytes
    lane: str | None = None
    bulk: tuple[int, bytes] | None = None
    raw: tuple[str, bytes] | None = None
    whole: Whole | None = None
    plain: object = None


def message(subject: str, sid: int, payload: bytes, reply: bytes = b"") -> bytes:
    words = [subject.encode(), b"%d" % sid, *([reply] if reply else []), b"%d" % len(payload)]
    return b"MSG " + b" ".join(words) + b"\r\n" + payload + b"\r\n"


def with_header(subject: str, sid: int, header: bytes, payload: bytes, reply: bytes = b"") -> bytes:
    sizes = b"%d %d" % (len(header), len(header) + len(payload))
    words = [subject.encode(), b"%d" % sid, *([reply] if reply else []), sizes]
    return b"HMSG " + b" ".join(words) + b"\r\n" + header + payload + b"\r\n"


HEADER = b"NATS/1.0\r\nA: b\r\n\r\n"
PROTOCOL = [
    b"MSG quote.XNAS.A 1000000 20\r\n",
    b"\r\n\r\nMSG q 1000003 20\r\n\r\n",
    b"PING\r\nPING\r\nPING\r\n",
    b"-ERR 'no'\r\n-ERR 'no'\r\n",
]


def payloads(size: int) -> st.SearchStrategy[bytes]:
    """Payloads of one size: anything, and what looks like protocol itself."""
    protocol = st.sampled_from(PROTOCOL).map(lambda text: text[:size].ljust(size, b"\r"))
    return st.binary(min_size=size, max_size=size) | protocol


@st.composite
def bulk_commands(draw: st.DrawFn) -> Command:
    sid = draw(st.sampled_from(BULK_SIDS))
    lane = LANE_OF[sid]
    # Now and then a size that is another receiver's, or nobody's.
    is_varied = lane.payload_bytes == ANY_SIZE
    size = draw(st.sampled_from([20, 21, 3, 0, 7, *([] if is_varied else [lane.payload_bytes] * 6)]))
    payload = draw(payloads(size))
    shape = draw(st.sampled_from(["plain"] * 6 + ["reply", "header"]))
    if shape == "header":
        wire = with_header(subject_of(sid), sid, HEADER, payload)
    else:
        wire = message(subject_of(sid), sid, payload, b"_INBOX.1000002" if shape == "reply" else b"")
    if sid in DROPPED or not (is_varied or size == lane.payload_bytes):
        return Command(wire)
    return Command(wire, lane=lane.name, bulk=(sid - FIRST_BULK_SID, payload))


@st.composite
def raw_commands(draw: st.DrawFn) -> Command:
    payload = draw(st.integers(0, 30).flatmap(payloads))
    subject, sid = draw(st.sampled_from(["_INBOX.a.1.2", "_INBOX.b"])), FIRST_RAW_SID + draw(st.integers(0, 1))
    shapes = (message(subject, sid, payload), with_header(subject, sid, HEADER, payload))
    return Command(draw(st.sampled_from(shapes)), raw=(subject, payload))


@st.composite
def whole_commands(draw: st.DrawFn) -> Command:
    payload, reply = draw(st.integers(0, 30).flatmap(payloads)), draw(st.sampled_from([b"", b"$JS.ACK.TAPE.1"]))
    if draw(st.booleans()):
        return Command(message("a", WHOLE_SID, payload, reply), whole=Whole(b"a", reply, b"", payload))
    wire = with_header("a", WHOLE_SID, HEADER, payload, reply)
    return Command(wire, whole=Whole(b"a", reply, HEADER, payload))


@st.composite
def plain_commands(draw: st.DrawFn) -> Command:
    sid, payload = draw(st.sampled_from(PLAIN_SIDS)), draw(st.integers(0, 30).flatmap(payloads))
    if draw(st.booleans()):
        return Command(with_header("a.b", sid, HEADER, payload), plain=(sid, b"a.b", b"", payload, HEADER))
    reply = draw(st.sampled_from([b"", b"1000000"]))
    return Command(message("a.b", sid, payload, reply), plain=(sid, b"a.b", reply, payload, None))


others = st.sampled_from(
    [
        Command(b"PING\r\n", plain="PING"),
        Command(b"PONG\r\n", plain="PONG"),
        Command(b"+OK\r\n"),
        Command(b"-ERR 'slow'\r\n", plain="'slow'"),
        Command(b'INFO {"max_payload": 5}\r\n', plain={"max_payload": 5}),
        # Ids that were never given: inside the range of those that were, and far beyond it.
        Command(message("q", 1_000_008, b"x" * 20)),
        Command(message("q", 9_999_999, b"x" * 20)),
        Command(message("q", FIRST_RAW_SID + 7, b"x" * 20)),
    ]
)
singles = raw_commands() | whole_commands() | plain_commands() | others
streams = st.lists(bulk_commands() | bulk_commands() | singles, max_size=30)


def parse(chunks: Iterable[bytes]) -> Seen:
    seen = Seen()
    parser = parser_into(seen)

    async def feed() -> None:
        for chunk in chunks:
            await parser.parse(chunk)

    asyncio.run(feed())
    return seen


def expected(commands: list[Command]) -> Seen:
    seen = Seen(bulk={lane.name: [] for lane in LANES})
    for command in commands:
        if command.lane is not None and command.bulk is not None:
            seen.bulk[command.lane].append(command.bulk)
        if command.raw is not None:
            seen.raw.append(command.raw)
        if command.whole is not None:
            seen.whole.append(command.whole)
        if command.plain is not None:
            seen.plain.append(command.plain)
    return seen


@given(streams)
def test_everything_arrives_where_it_belongs_once_and_in_order(commands: list[Command]) -> None:
    assert parse([b"".join(command.wire for command in commands)]) == expected(commands)


@given(streams, st.data())
def test_it_arrives_the_same_however_the_network_cuts_it(commands: list[Command], data: st.DataObject) -> None:
    stream = b"".join(command.wire for command in commands)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=12)))
    edges = [0, *cuts, len(stream)]
    chunks = [stream[start:end] for start, end in zip(edges, [*edges[1:], None], strict=True)]
    assert parse(chunks) == expected(commands)


@given(st.lists(bulk_commands() | singles, max_size=6))
def test_it_arrives_the_same_byte_by_byte(commands: list[Command]) -> None:
    stream = b"".join(command.wire for command in commands)
    assert parse(stream[at : at + 1] for at in range(len(stream))) == expected(commands)
