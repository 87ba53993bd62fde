"""Capture formats: byte orders, resolutions, gzip, pcapng, and what is done about damage."""

import gzip
import struct
from types import SimpleNamespace

import pytest

from workers.feed.adapter import SourceFaults
from workers.feed.iex import pcap
from workers.feed.iex.capture import read_packets
from workers.feed.iex.packet import CaptureError, Packet

FRAMES = [bytes([number]) * (60 + number) for number in range(1, 6)]


def read(data: bytes, chunk_bytes: int = 1 << 16) -> tuple[list[Packet], SourceFaults]:
    faults = SourceFaults()
    chunks = (data[at : at + chunk_bytes] for at in range(0, len(data), chunk_bytes))
    return list(read_packets(chunks, faults)), faults


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
@pytest.mark.parametrize("chunk_bytes", [1, 17, 65_536])
def test_both_byte_orders_and_resolutions(
    wire: SimpleNamespace, order: str, nanoseconds: bool, chunk_bytes: int
) -> None:
    packets, faults = read(wire.pcap(FRAMES, order=order, nanoseconds=nanoseconds), chunk_bytes)
    assert [packet.frame for packet in packets] == FRAMES
    precise_ns = wire.sent_ns if nanoseconds else wire.sent_ns // 1000 * 1000
    assert [packet.time_ns for packet in packets] == [precise_ns + number * 1_000_000 for number in range(5)]
    assert packets[1].offset == 24 + 16 + 61 + 16
    assert faults.counts == {}


def test_gzip_is_known_by_its_content_also_in_several_members(wire: SimpleNamespace) -> None:
    data = wire.pcap(FRAMES)
    packets, faults = read(gzip.compress(data[:100]) + gzip.compress(data[100:]), 7)
    assert [packet.frame for packet in packets] == FRAMES
    assert faults.counts == {}


def test_gzip_cut_short_gives_what_came_before(wire: SimpleNamespace) -> None:
    packets, faults = read(gzip.compress(wire.pcap(FRAMES), 0)[:-100])
    assert [packet.frame for packet in packets] == FRAMES[:3]
    assert faults.counts == {"gzip: cut short": 1, "pcap: cut short": 1}


def test_broken_gzip_gives_all_that_can_be_decoded(wire: SimpleNamespace) -> None:
    data = wire.pcap(FRAMES * 400)
    blocks = gzip.compress(data, 0)
    # Level 0 stores blocks of 65,535 bytes behind a header of 5, the first behind gzip's 10. Break the second's length.
    second = 10 + 5 + struct.unpack_from("<H", blocks, 11)[0]
    broken = blocks[: second + 1] + b"\xff\xff\xff\xff" + blocks[second + 5 :]
    packets, faults = read(broken)
    assert 24 + sum(16 + len(packet.frame) for packet in packets) > second - 15 - 100
    assert [packet.frame for packet in packets] == (FRAMES * 400)[: len(packets)]
    assert faults.counts == {"gzip: broken stream": 1, "pcap: cut short": 1}


def test_what_follows_the_gzip_stream_is_counted(wire: SimpleNamespace) -> None:
    packets, faults = read(gzip.compress(wire.pcap(FRAMES)) + b"more")
    assert len(packets) == 5
    assert faults.counts == {"gzip: bytes after the end": 1}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it has 0 bytes"),
        (b"\xd4\xc3\xb2\xa1", "it has 4 bytes"),
        (b"MZ" * 30, "begins with 4d 5a 4d 5a"),
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "without a byte order"),
        (gzip.compress(b"text" * 30, mtime=0), "neither pcap nor pcapng"),
    ],
)
def test_what_is_no_capture_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(CaptureError, match=message):
        read(data)


def test_a_broken_file_header_is_refused_or_read(wire: SimpleNamespace) -> None:
    refused = 0
    for bit in range(24 * 8):
        data = bytearray(wire.pcap(FRAMES))
        data[bit // 8] ^= 1 << bit % 8
        try:
            packets, _ = read(bytes(data))
        except CaptureError:
            refused += 1
        else:
            assert len(packets) in (0, 5)
    assert refused == 32 + 16  # the magic, and the half of the last word that is the link type


def test_other_links_than_ethernet_are_refused(wire: SimpleNamespace) -> None:
    with pytest.raises(CaptureError, match="link type 113"):
        read(wire.pcap(FRAMES, link_type=113))


@pytest.mark.parametrize(
    "field", [pytest.param(8, id="captured"), pytest.param(12, id="original"), pytest.param(4, id="time")]
)
@pytest.mark.parametrize("broken", range(5))
def test_a_broken_record_header_costs_its_record_alone(wire: SimpleNamespace, field: int, broken: int) -> None:
    data = bytearray(wire.pcap(FRAMES))
    at = 24 + sum(16 + len(frame) for frame in FRAMES[:broken])
    data[at + field + 3] = 0xFF
    packets, faults = read(bytes(data))
    assert [packet.frame for packet in packets] == FRAMES[:broken] + FRAMES[broken + 1 :]
    assert faults.counts == {"pcap: broken record header": 1}
    assert faults.last == f"pcap: broken record header: offset {at}"


@pytest.mark.parametrize("wrong", [20, 80, 130])
def test_a_plausible_but_wrong_length_costs_no_other_record(wire: SimpleNamespace, wrong: int) -> None:
    data = bytearray(wire.pcap(FRAMES))
    at = 24 + 16 + len(FRAMES[0])
    struct.pack_into("<II", data, at + 8, wrong, 200)
    packets, faults = read(bytes(data))
    assert [packet.frame for packet in packets if len(packet.frame) != wrong] == FRAMES[:1] + FRAMES[2:]
    assert faults.counts == {"pcap: broken record header": 1}


@pytest.mark.parametrize("byte", [b"\0", b"\xee", b"\xff"])
def test_garbage_between_records_is_passed(wire: SimpleNamespace, byte: bytes) -> None:
    data = wire.pcap(FRAMES)
    at = 24 + 2 * 16 + len(FRAMES[0]) + len(FRAMES[1])
    packets, faults = read(data[:at] + byte * 100_000 + data[at:], 4096)
    assert [packet.frame for packet in packets] == FRAMES
    assert faults.counts == {"pcap: broken record header": 1}


def test_the_search_for_a_record_is_bounded(wire: SimpleNamespace) -> None:
    data = wire.pcap(FRAMES)
    packets, faults = read(data + b"\xee" * (pcap.SEARCH_BYTES + 100_000) + data[24:])
    assert [packet.frame for packet in packets] == FRAMES
    assert faults.counts == {"pcap: broken record header": 1, "pcap: given up": 1}


def test_the_number_of_searches_is_bounded(wire: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcap, "MAX_SEARCHES", 2)
    record = wire.pcap([bytes(60)] * 2)[24:]
    packets, faults = read(wire.pcap([]) + (record + b"\xee" * 20) * 5)
    assert len(packets) == 6
    assert faults.counts == {"pcap: broken record header": 3, "pcap: given up": 1}


@pytest.mark.parametrize("cut", range(1, 76))
def test_a_capture_cut_short_gives_every_whole_packet(wire: SimpleNamespace, cut: int) -> None:
    packets, faults = read(wire.pcap(FRAMES)[:-cut])
    assert [packet.frame for packet in packets] == FRAMES[:4]
    assert faults.counts == {"pcap: cut short": 1}


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str, options: bytes = b"", link_type: int = 1) -> bytes:
    header = block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    return header + block(order, 1, struct.pack(order + "HHI", link_type, 0, 0) + options)


def enhanced(order: str, time: int, frame: bytes, interface: int = 0) -> bytes:
    fixed = struct.pack(order + "5I", interface, time >> 32, time & 0xFFFF_FFFF, len(frame), len(frame))
    return block(order, 6, fixed + frame)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("resolution", "units_per_s"), [(None, 10**6), (9, 10**9), (3, 10**3), (0x80 | 10, 1024), (6, 10**6)]
)
def test_pcapng_packets_with_their_times(order: str, resolution: int | None, units_per_s: int) -> None:
    options = b"" if resolution is None else struct.pack(order + "HHB3xHH", 9, 1, resolution, 0, 0)
    data = section(order, options)
    for number, frame in enumerate(FRAMES):
        data += enhanced(order, (1_500_000_000 + number) * units_per_s, frame) + block(order, 5, b"statistics")
    packets, faults = read(data, 33)
    assert [packet.frame for packet in packets] == FRAMES
    assert [packet.time_ns for packet in packets] == [(1_500_000_000 + number) * 10**9 for number in range(5)]
    assert data[packets[2].offset :].startswith(FRAMES[2])
    assert faults.counts == {}


def test_pcapng_time_offset_and_a_second_section() -> None:
    offset = struct.pack("<HH5s3xHHqHH", 2, 5, b"eth10", 14, 8, 1_500_000_000, 0, 0)
    data = section("<", offset) + enhanced("<", 5_000_000, FRAMES[0])
    data += section(">") + enhanced(">", 7_000_000, FRAMES[1])
    packets, _ = read(data)
    assert [packet.time_ns for packet in packets] == [1_500_000_005 * 10**9, 7 * 10**9]


def test_pcapng_damage_is_counted() -> None:
    whole = section("<") + enhanced("<", 1, FRAMES[0])
    other = section("<", link_type=113) + enhanced("<", 1, FRAMES[1])
    no_interface = enhanced("<", 1, FRAMES[1], interface=3)
    simple = block("<", 3, struct.pack("<I", 60) + FRAMES[0])
    assert counts(whole + simple) == (1, {"pcapng: packet without a time": 1})
    assert counts(whole + no_interface) == (1, {"pcapng: broken packet block": 1})
    assert counts(whole + block("<", 6, b"short")) == (1, {"pcapng: broken packet block": 1})
    assert counts(whole + other) == (1, {"pcapng: not Ethernet": 1})
    assert counts(whole + whole[:-3]) == (1, {"pcapng: broken block": 1})
    assert counts(whole + whole[:-4] + bytes(4)) == (1, {"pcapng: broken block": 1})
    assert counts(whole + b"\0\0\0\0\xff\xff\xff\xff" + bytes(20)) == (1, {"pcapng: broken block": 1})
    assert counts(whole + b"\x0a\x0d\x0d\x0a" + bytes(20)) == (1, {"pcapng: broken block": 1})
    assert counts(whole + block("<", 1, b"")) == (1, {"pcapng: broken block": 1})
    assert counts(whole + b"\0\0\0") == (1, {"pcapng: cut short": 1})


def counts(data: bytes) -> tuple[int, dict[str, int]]:
    packets, faults = read(data)
    return len(packets), faults.counts
