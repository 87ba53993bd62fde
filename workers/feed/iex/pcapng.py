"""pcapng (https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/): enhanced packet blocks of Ethernet interfaces.

A file is a list of blocks: type u32, total length u32, body, total length again. A section header block gives the byte
order of what follows, interface descriptions the link type and the resolution of time, enhanced packet blocks the
packets. Other blocks are passed over. A block that is broken ends the replay there, counted: unlike pcap's records,
blocks of unknown types and lengths leave nothing to search for.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from workers.feed.adapter import SourceFaults
from workers.feed.iex.packet import ETHERNET, MAX_PACKET_BYTES, CaptureError, Packet
from workers.feed.iex.window import ByteWindow

SECTION_HEADER = b"\x0a\x0d\x0d\x0a"
MAX_BLOCK_BYTES = 1 << 20
MAX_INTERFACES = 1024

_ORDERS = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_SECTION, _INTERFACE, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 3, 6
_END, _RESOLUTION, _TIME_OFFSET = 0, 9, 14  # option codes: opt_endofopt, if_tsresol, if_tsoffset
_SHORTEST_BLOCK_BYTES = 12
_BODY = 8


@dataclass(frozen=True, slots=True)
class _Interface:
    """What an interface description says about its packets."""

    link_type: int
    ticks_per_s: int = 1_000_000
    offset_s: int = 0


def packets(window: ByteWindow, faults: SourceFaults) -> Iterator[Packet]:
    """Return the packets; raises CaptureError at once where the first section header has no byte order."""
    if not window.ensure(_SHORTEST_BLOCK_BYTES) or window.data[8:12] not in _ORDERS:
        raise CaptureError("is not a capture: it begins like pcapng, without a byte order in its section header")
    return _packets(window, faults)


def _packets(window: ByteWindow, faults: SourceFaults) -> Iterator[Packet]:
    """Yield the packets of every section."""
    order = ""
    interfaces: list[_Interface] = []
    while window.ensure(_SHORTEST_BLOCK_BYTES):
        is_section = window.data.startswith(SECTION_HEADER, window.at)
        if is_section:
            order = _ORDERS.get(window.data[window.at + 8 : window.at + 12], "")
            interfaces = []
        start = window.offset
        body = _next_body(window, order) if order else None
        if body is None:
            faults.add("pcapng: broken block", f"offset {window.offset}")
            return
        kind, data = body
        if kind == _INTERFACE:
            if len(data) < 8 or len(interfaces) == MAX_INTERFACES:
                faults.add("pcapng: broken block", f"interface description at offset {start}")
                return
            interfaces.append(_interface(order, data))
        elif kind == _ENHANCED:
            packet = _enhanced(order, data, interfaces, start, faults)
            if packet is not None:
                yield packet
        elif kind == _SIMPLE:
            faults.add("pcapng: packet without a time", f"simple packet block at offset {start}")
    if window.available:
        faults.add("pcapng: cut short", f"offset {window.offset}")


def _next_body(window: ByteWindow, order: str) -> tuple[int, bytes] | None:
    """Pass the next block, giving its type and body; None where its lengths are absurd, disagree or exceed the file."""
    kind, length = struct.unpack_from(order + "2I", window.data, window.at)
    if not _SHORTEST_BLOCK_BYTES <= length <= MAX_BLOCK_BYTES or length % 4 or not window.ensure(length):
        return None
    end = window.at + length
    if struct.unpack_from(order + "I", window.data, end - 4)[0] != length:
        return None
    data = window.data[window.at + _BODY : end - 4]
    window.at = end
    return kind, data


def _interface(order: str, data: bytes) -> _Interface:
    """Read an interface description: link type u16, reserved u16, snapshot length u32, options."""
    ticks_per_s, offset_s = 1_000_000, 0
    at = 8
    while at + 4 <= len(data):
        code, length = struct.unpack_from(order + "2H", data, at)
        if code == _END:
            break
        value = data[at + 4 : at + 4 + length]
        if code == _RESOLUTION and len(value) == 1:
            ticks_per_s = (2 if value[0] & 0x80 else 10) ** (value[0] & 0x7F)
        elif code == _TIME_OFFSET and len(value) == 8:
            offset_s = struct.unpack(order + "q", value)[0]
        at += 4 + (length + 3) // 4 * 4
    return _Interface(struct.unpack_from(order + "H", data)[0], ticks_per_s, offset_s)


def _enhanced(order: str, data: bytes, interfaces: list[_Interface], start: int, faults: SourceFaults) -> Packet | None:
    """Read an enhanced packet: interface, time (high, low), captured and original length, all u32, then the frame."""
    number, high, low, captured, _ = struct.unpack_from(order + "5I", data) if len(data) >= 20 else (0, 0, 0, -1, 0)
    if not 0 <= captured <= min(len(data) - 20, MAX_PACKET_BYTES) or number >= len(interfaces):
        faults.add("pcapng: broken packet block", f"offset {start}")
        return None
    interface = interfaces[number]
    if interface.link_type != ETHERNET:
        faults.add("pcapng: not Ethernet", f"link type {interface.link_type}, packet at offset {start}")
        return None
    time_ns = (high << 32 | low) * 1_000_000_000 // interface.ticks_per_s + interface.offset_s * 1_000_000_000
    return Packet(start + _BODY + 20, time_ns, data[20 : 20 + captured])
