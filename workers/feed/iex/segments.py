"""IEX-TP 1.x: segments of messages, and where each segment stands in its stream.

A UDP payload is one segment: a header of 40 bytes, little endian, then its messages, each behind its length (u16).
  0 version u8 | 1 reserved u8 | 2 message protocol u16 | 4 channel u32 | 8 session u32 | 12 payload length u16 |
  14 message count u16 | 16 stream offset i64 | 24 first message's sequence number i64 | 32 send time i64, ns since 1970
(Investors Exchange Transport Specification, "Outbound Segment Header"; the message protocol of TOPS 1.6 is 0x8003.) A
segment without messages is a heartbeat and names the sequence number to come. The stream offset counts payload bytes as
the sequence numbers count messages, so that one of the two can be checked by the other.
"""

import struct
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from workers.feed.adapter import SourceFaults
from workers.feed.iex.datagram import DatagramError, udp_payload
from workers.feed.iex.packet import Packet

VERSION = 1
TOPS_1_6 = 0x8003
HEADER_BYTES = 40
MAX_STREAMS = 64  # sessions and channels followed at once; the longest known is forgotten for a new one

_HEADER = struct.Struct("<BBHIIHHqqq")
_MESSAGE_BYTES = (2 + 10, 2 + 65_535)  # the shortest TOPS message and the longest possible, each behind its length


class Segment(NamedTuple):
    """A segment in a `MessageBlock`: its position there and in the capture, its messages and its send time, ns."""

    start: int
    offset: int
    messages: int
    send_time: int


@dataclass(slots=True)
class MessageBlock:
    """Messages gathered for decoding: `starts` are the positions of their first bytes (the type) in `data`."""

    data: bytearray = field(default_factory=bytearray)
    starts: "array[int]" = field(default_factory=lambda: array("q"))
    segments: list[Segment] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.starts)


class _Position(NamedTuple):
    """What a stream sends next."""

    sequence: int
    offset: int


class SegmentReader:
    """Takes packets and gathers the messages that are new in them; counts what it saw, and what was wrong."""

    def __init__(self, faults: SourceFaults, seen: Counter[str]) -> None:
        self._faults = faults
        self._seen = seen
        self._next: dict[tuple[int, int], _Position] = {}
        self._doubted: dict[tuple[int, int], _Position] = {}

    def add(self, packet: Packet, block: MessageBlock) -> None:
        """Append the packet's new messages to the block; anything else is counted."""
        self._seen["packets"] += 1
        frame = packet.frame
        try:
            at, end = udp_payload(frame)
        except DatagramError as error:
            self._faults.add(str(error), f"packet at offset {packet.offset}")
            return
        if end > len(frame):
            self._faults.add("frame: cut by the capture", f"{end - len(frame)} bytes, packet at offset {packet.offset}")
            end = len(frame)
        self._add_segment(frame[at:end], packet.offset + at, block)

    def _add_segment(self, payload: bytes, offset: int, block: MessageBlock) -> None:
        """Check the header, walk the messages and drop those that came before."""
        if len(payload) < HEADER_BYTES or payload[0] != VERSION:
            self._faults.add("segment: not IEX-TP 1", f"payload at offset {offset}")
            return
        _, _, protocol, channel, session, length, count, stream_offset, sequence, send_time = _HEADER.unpack_from(
            payload
        )
        if protocol != TOPS_1_6:
            self._faults.add("segment: not TOPS 1.6", f"protocol {protocol:#06x}, segment at offset {offset}")
            return
        if length != len(payload) - HEADER_BYTES:
            self._faults.add(
                "segment: payload length is not the datagram's",
                f"{length} for {len(payload) - HEADER_BYTES}, segment at offset {offset}",
            )
        self._seen["segments" if count else "heartbeats"] += 1
        base = len(block.data)
        starts, end = self._walk(payload, min(HEADER_BYTES + length, len(payload)), count, offset, base)
        sent = _Position(sequence, stream_offset)
        known = self._place((channel, session), sent, len(starts), end - HEADER_BYTES, offset)
        if known is None:
            self._seen["messages out of place"] += len(starts)
            return
        if known:
            self._seen["messages repeated"] += known
            starts = starts[known:]
        if starts:
            block.data += payload
            block.starts.extend(starts)
            block.segments.append(Segment(base, offset, len(starts), send_time))

    def _walk(self, payload: bytes, limit: int, count: int, offset: int, base: int) -> tuple[list[int], int]:
        """Follow the messages' lengths, giving where each begins in the block, and where the last one ended."""
        starts: list[int] = []
        at = HEADER_BYTES
        for _ in range(count):
            end = at + 2 + (payload[at] | payload[at + 1] << 8) if at + 2 <= limit else limit + 1
            if end > limit:
                self._faults.add(
                    "segment: messages exceed it", f"message {len(starts)} of {count} at offset {offset + at}"
                )
                return starts, at
            starts.append(base + at + 2)
            at = end
        if at < limit:
            self._faults.add("segment: bytes behind its messages", f"{limit - at} at offset {offset + at}")
        return starts, at

    def _place(self, key: tuple[int, int], sent: _Position, messages: int, used: int, offset: int) -> int | None:
        """Give how many of a segment's messages came before, and move on; None where it cannot belong there."""
        expected = self._next.get(key, sent)
        known = 0
        if sent != expected:
            if sent.sequence == expected.sequence or sent.offset == expected.offset:
                wrong = "stream offset" if sent.sequence == expected.sequence else "sequence number"
                self._faults.add(f"segment: wrong {wrong}", f"{sent}, not {expected}, segment at offset {offset}")
                sent = sent if sent.sequence == expected.sequence else expected
            elif not _agree(sent.sequence - expected.sequence, sent.offset - expected.offset):
                return self._doubt(key, sent, messages, used, offset)
            elif sent.sequence > expected.sequence:
                missing = sent.sequence - expected.sequence
                self._seen["messages missing"] += missing
                self._faults.add("segment: gap", f"{missing} from {expected.sequence}, before offset {offset}")
            elif messages:
                known = min(expected.sequence - sent.sequence, messages)
                self._faults.add("segment: repeated", f"{known} from {sent.sequence}, at offset {offset}")
        self._move(key, _Position(sent.sequence + messages, sent.offset + used))
        return known

    def _doubt(self, key: tuple[int, int], sent: _Position, messages: int, used: int, offset: int) -> int | None:
        """Refuse a segment whose numbers contradict the stream's, unless it follows the one refused before it."""
        after = _Position(sent.sequence + messages, sent.offset + used)
        if self._doubted.get(key) == sent:
            self._next[key] = after
            return 0
        self._doubted = {key: after}
        self._faults.add("segment: contradicts its stream", f"{sent}, segment at offset {offset}")
        return None

    def _move(self, key: tuple[int, int], after: _Position) -> None:
        """Set what the stream sends next; what comes again does not move it back."""
        current = self._next.get(key)
        if current is None and len(self._next) == MAX_STREAMS:
            del self._next[next(iter(self._next))]
        if current is None or after.sequence >= current.sequence:
            self._next[key] = after


def _agree(messages: int, payload_bytes: int) -> bool:
    """Tell whether so many messages can be so many bytes; both negative where a segment comes again."""
    low, high = (abs(messages) * each for each in _MESSAGE_BYTES)
    return (messages > 0) == (payload_bytes > 0) and low <= abs(payload_bytes) <= high
