"""Classic pcap (https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/), and the way on behind a broken record.

The file header is 24 bytes: magic u32, version 2 x u16, reserved 2 x u32, snapshot length u32, link type u32; the magic
tells the byte order and whether fractions of a second are micro- or nanoseconds. Each record is 16 bytes, seconds,
fraction, captured length, original length, all u32, and then the captured bytes.

Nothing but its predecessor's length says where a record begins. So a header that cannot be one is a break in the chain,
and the next beginning is searched: four numbers that make a header, and where its frame ends another header of about
the same time, or the end of the capture. The search starts behind the *previous* header, since it may be that
one's length that is wrong.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from workers.feed.adapter import SourceFaults
from workers.feed.iex.packet import ETHERNET, MAX_PACKET_BYTES, CaptureError, Packet
from workers.feed.iex.window import ByteWindow

HEADER_BYTES = 24
RECORD_BYTES = 16
SEARCH_BYTES = 1 << 20
MAX_SEARCHES = 10_000  # per capture; a file with more breaks is not worth the time

_SEARCH_STEP_BYTES = 1 << 14
_SHORTEST_FRAME_BYTES = 14  # an Ethernet header; zeros are no records
_NEAR_S = 86_400
_MAGICS = {
    b"\xa1\xb2\xc3\xd4": (">", 1_000),
    b"\xd4\xc3\xb2\xa1": ("<", 1_000),
    b"\xa1\xb2\x3c\x4d": (">", 1),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
}


@dataclass(frozen=True, slots=True)
class Format:
    """How this file writes numbers: struct's sign of the byte order, and the nanoseconds of one unit of a fraction."""

    order: str
    fraction_ns: int

    @property
    def fractions(self) -> int:
        """How many units make a second."""
        return 1_000_000_000 // self.fraction_ns


def read_header(window: ByteWindow) -> Format:
    """Pass the file header; raises CaptureError where it is missing, unknown or not for Ethernet."""
    if not window.ensure(HEADER_BYTES):
        raise CaptureError(f"is not a capture: it has {window.available} bytes, a pcap header has {HEADER_BYTES}")
    header = window.data[:HEADER_BYTES]
    if header[:4] not in _MAGICS:
        raise CaptureError(f"is not a capture: it begins with {header[:4].hex(' ')}, which is neither pcap nor pcapng")
    order, fraction_ns = _MAGICS[header[:4]]
    link_type = struct.unpack_from(order + "I", header, 20)[0] & 0xFFFF
    if link_type != ETHERNET:
        raise CaptureError(f"is a capture of link type {link_type}; only {ETHERNET} (Ethernet) can be read")
    window.at = HEADER_BYTES
    return Format(order, fraction_ns)


def packets(window: ByteWindow, form: Format, faults: SourceFaults) -> Iterator[Packet]:
    """Yield the packets behind the file header; breaks are counted in `faults`, named by their offset."""
    unpack = struct.Struct(form.order + "4I").unpack_from
    fractions, fraction_ns = form.fractions, form.fraction_ns
    # `window.at` stays behind the previous record's header, where a search would begin; `lead` is its frame's length.
    lead, searches = 0, 0
    while window.ensure(lead + RECORD_BYTES):
        seconds, fraction, captured, original = unpack(window.data, window.at + lead)
        sound = _SHORTEST_FRAME_BYTES <= captured <= original <= MAX_PACKET_BYTES and fraction < fractions
        if sound and window.ensure(lead + RECORD_BYTES + captured):
            window.at += lead + RECORD_BYTES
            frame = window.data[window.at : window.at + captured]
            yield Packet(window.offset, seconds * 1_000_000_000 + fraction * fraction_ns, frame)
            lead = captured
            continue
        faults.add("pcap: cut short" if sound else "pcap: broken record header", f"offset {window.offset + lead}")
        searches += 1
        if searches > MAX_SEARCHES:
            faults.add("pcap: given up", f"offset {window.offset + lead}, after {MAX_SEARCHES} broken records")
            return
        if not _search(window, form):
            if window.ensure(SEARCH_BYTES):
                faults.add("pcap: given up", f"no record within {SEARCH_BYTES} bytes of offset {window.offset}")
            return
        lead = 0
    if window.available > lead:
        faults.add("pcap: cut short", f"offset {window.offset + lead}")


def _search(window: ByteWindow, form: Format) -> bool:
    """Move the window to the next plausible record header within `SEARCH_BYTES`; False where there is none."""
    dtype = np.dtype([(name, form.order + "u4") for name in ("seconds", "fraction", "captured", "original")])
    for start in range(0, SEARCH_BYTES, _SEARCH_STEP_BYTES):
        window.ensure(start + _SEARCH_STEP_BYTES + 2 * RECORD_BYTES + MAX_PACKET_BYTES)
        count = min(_SEARCH_STEP_BYTES, window.available - start - RECORD_BYTES + 1)
        if count <= 0:
            return False
        # One header at every byte: an array whose items overlap.
        headers = np.ndarray((count,), dtype, window.data, window.at + start, (1,))
        captured, original = headers["captured"], headers["original"]
        plausible = (captured >= _SHORTEST_FRAME_BYTES) & (captured <= original) & (original <= MAX_PACKET_BYTES)
        plausible &= headers["fraction"] < form.fractions
        for position in np.flatnonzero(plausible).tolist():
            end = start + position + RECORD_BYTES + int(captured[position])
            if _is_followed(window, form, end, int(headers["seconds"][position])):
                window.at += start + position
                return True
    return False


def _is_followed(window: ByteWindow, form: Format, end: int, seconds: int) -> bool:
    """Tell whether a record that ends `end` bytes on is followed by a header of about its time, or by the end."""
    if not window.ensure(end + RECORD_BYTES):
        return window.available == end
    follower_s, fraction, captured, original = struct.unpack_from(form.order + "4I", window.data, window.at + end)
    sound: bool = _SHORTEST_FRAME_BYTES <= captured <= original <= MAX_PACKET_BYTES and fraction < form.fractions
    return sound and abs(follower_s - seconds) <= _NEAR_S
