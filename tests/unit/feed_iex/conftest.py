"""The recorded capture, and a writer of the wire formats: independent of the code under test, built on struct alone."""

import os
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

REPOSITORY = Path(__file__).parents[3]
SENT_NS = 1_499_697_277_643_876_560


def recorded(name: str) -> Path:
    folder = Path(os.environ.get("TICKMESH_DATA") or REPOSITORY / "../shared/data")
    path = folder / name
    if not path.exists():
        message = f"recorded data is missing: {path} (set TICKMESH_DATA)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


@pytest.fixture(scope="session")
def tops_capture() -> Path:
    return recorded("iex/TOPS16.pcap.gz")


@pytest.fixture(scope="session")
def recorded_folder() -> Callable[[str], Path]:
    return recorded


def head(kind: str, code: int, symbol: str, time_ns: int) -> bytes:
    return struct.pack("<cBq8s", kind.encode(), code, time_ns, symbol.encode().ljust(8))


def quote(
    symbol: str = "ZIEXT",
    bid: tuple[int, int] = (99_0000, 100),
    ask: tuple[int, int] = (101_0000, 200),
    code: int = 0,
    time_ns: int = SENT_NS,
) -> bytes:
    return head("Q", code, symbol, time_ns) + struct.pack("<IqqI", bid[1], bid[0], ask[0], ask[1])


def trade(
    symbol: str = "ZIEXT",
    *,
    price: int = 100_0000,
    size: int = 50,
    trade_id: int = 7,
    code: int = 0,
    time_ns: int = SENT_NS,
    kind: str = "T",
) -> bytes:
    return head(kind, code, symbol, time_ns) + struct.pack("<Iqq", size, price, trade_id)


def status(code: str, symbol: str = "ZIEXT", reason: bytes = b"", time_ns: int = SENT_NS) -> bytes:
    return head("H", ord(code), symbol, time_ns) + reason.ljust(4)


def system(code: str, time_ns: int = SENT_NS) -> bytes:
    return struct.pack("<cBq", b"S", ord(code), time_ns)


def segment(
    messages: list[bytes],
    sequence: int = 1,
    offset: int = 0,
    *,
    count: int | None = None,
    length: int | None = None,
    protocol: int = 0x8003,
    version: int = 1,
    session: int = 9,
    sent_ns: int = SENT_NS,
) -> bytes:
    body = b"".join(struct.pack("<H", len(message)) + message for message in messages)
    return (
        struct.pack(
            "<BBHIIHHqqq",
            version,
            0,
            protocol,
            1,
            session,
            len(body) if length is None else length,
            len(messages) if count is None else count,
            offset,
            sequence,
            sent_ns,
        )
        + body
    )


def ipv4(payload: bytes, *, protocol: int = 17, fragment: int = 0, options: bytes = b"") -> bytes:
    udp = struct.pack(">HHHH", 32_000, 10_378, 8 + len(payload), 0) + payload
    header_bytes = 20 + len(options)
    length = header_bytes + len(udp)
    fixed = (0x40 | header_bytes // 4, 0, length, 1, fragment, 1, protocol, 0, b"\x17\xe2\x9b\x0a", b"\xe9\xd7\x15\xf2")
    return struct.pack(">BBHHHBBH4s4s", *fixed) + options + udp


def ipv6(payload: bytes, *, extension: int | None = None) -> bytes:
    udp = struct.pack(">HHHH", 32_000, 10_378, 8 + len(payload), 0) + payload
    extra = b"" if extension is None else struct.pack(">BB6x", 17, 0)
    following = 17 if extension is None else extension
    return struct.pack(">IHBB32x", 0x6000_0000, len(extra + udp), following, 1) + extra + udp


def frame(packet: bytes, *, ether_type: int = 0x0800, tags: tuple[int, ...] = ()) -> bytes:
    marks = b"".join(struct.pack(">HH", tag, 5) for tag in tags)
    return bytes(12) + marks + struct.pack(">H", ether_type) + packet


def pcap(
    frames: list[bytes], *, order: str = "<", nanoseconds: bool = False, link_type: int = 1, step_ns: int = 1_000_000
) -> bytes:
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65_535, link_type)]
    for number, data in enumerate(frames):
        seconds, fraction_ns = divmod(SENT_NS + number * step_ns, 1_000_000_000)
        fraction = fraction_ns if nanoseconds else fraction_ns // 1000
        parts.append(struct.pack(order + "IIII", seconds, fraction, len(data), len(data)) + data)
    return b"".join(parts)


def stream(batches: list[list[bytes]]) -> list[bytes]:
    """Frames of consecutive segments."""
    frames, sequence, offset = [], 1, 0
    for messages in batches:
        frames.append(frame(ipv4(segment(messages, sequence, offset))))
        sequence += len(messages)
        offset += sum(2 + len(message) for message in messages)
    return frames


@pytest.fixture(scope="session")
def wire() -> SimpleNamespace:
    made = (head, quote, trade, status, system, segment, ipv4, ipv6, frame, pcap, stream)
    return SimpleNamespace(sent_ns=SENT_NS, **{function.__name__: function for function in made})
