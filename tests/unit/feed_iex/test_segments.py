"""IEX-TP segments: checked lengths, and a stream's gaps, repetitions and contradictions."""

from collections import Counter
from types import SimpleNamespace

import pytest

from workers.feed.adapter import SourceFaults
from workers.feed.iex.packet import Packet
from workers.feed.iex.segments import MAX_STREAMS, MessageBlock, SegmentReader

Sent = tuple[int, dict[str, int], Counter[str]]


class Line:
    """A reader with segments put into it, and what came out."""

    def __init__(self, wire: SimpleNamespace) -> None:
        self.wire = wire
        self.faults, self.seen, self.block = SourceFaults(), Counter[str](), MessageBlock()
        self.reader = SegmentReader(self.faults, self.seen)

    def put(self, *segments: bytes) -> "Line":
        for number, segment in enumerate(segments):
            frame = self.wire.frame(self.wire.ipv4(segment))
            self.reader.add(Packet(1000 * number, 0, frame), self.block)
        return self

    @property
    def taken(self) -> list[bytes]:
        """The symbol of each message taken."""
        return [bytes(self.block.data[start + 10 : start + 18]).rstrip() for start in self.block.starts]


@pytest.fixture
def line(wire: SimpleNamespace) -> Line:
    return Line(wire)


def quotes(wire: SimpleNamespace, *symbols: str) -> list[bytes]:
    return [wire.quote(symbol) for symbol in symbols]


def test_segments_in_order(wire: SimpleNamespace, line: Line) -> None:
    line.put(
        wire.segment([], 1, 0),
        wire.segment(quotes(wire, "A", "B"), 1, 0),
        wire.segment(quotes(wire, "C"), 3, 88),
        wire.segment([], 4, 132),
    )
    assert line.taken == [b"A", b"B", b"C"]
    assert line.seen == {"packets": 4, "segments": 2, "heartbeats": 2}
    assert line.faults.counts == {}


def test_a_stream_may_be_joined_at_any_point(wire: SimpleNamespace, line: Line) -> None:
    line.put(wire.segment(quotes(wire, "A"), 5_000, 220_000), wire.segment(quotes(wire, "B"), 5_001, 220_044))
    assert line.faults.counts == {}


def test_a_gap_is_counted_and_named(wire: SimpleNamespace, line: Line) -> None:
    line.put(wire.segment(quotes(wire, "A"), 1, 0), wire.segment(quotes(wire, "B"), 5, 176))
    assert line.taken == [b"A", b"B"]
    assert line.faults.counts == {"segment: gap": 1}
    assert line.faults.last == "segment: gap: 3 from 2, before offset 1042"
    assert line.seen["messages missing"] == 3


def test_a_heartbeat_shows_a_gap(wire: SimpleNamespace, line: Line) -> None:
    line.put(wire.segment(quotes(wire, "A"), 1, 0), wire.segment([], 3, 88), wire.segment(quotes(wire, "C"), 3, 88))
    assert line.seen["messages missing"] == 1
    assert line.faults.counts == {"segment: gap": 1}


def test_what_comes_again_is_taken_once(wire: SimpleNamespace, line: Line) -> None:
    first, second = wire.segment(quotes(wire, "A", "B"), 1, 0), wire.segment(quotes(wire, "C"), 3, 88)
    line.put(first, first, second, first, wire.segment([], 1, 0), wire.segment(quotes(wire, "B", "C", "D"), 2, 44))
    assert line.taken == [b"A", b"B", b"C", b"D"]
    assert line.seen["messages repeated"] == 6
    assert line.faults.counts == {"segment: repeated": 3}


def test_sessions_have_their_own_numbers(wire: SimpleNamespace, line: Line) -> None:
    line.put(wire.segment(quotes(wire, "A"), 70, 3000), wire.segment(quotes(wire, "B"), 1, 0, session=10))
    assert line.taken == [b"A", b"B"]
    assert line.faults.counts == {}


def test_streams_are_bounded(wire: SimpleNamespace, line: Line) -> None:
    line.put(*(wire.segment([], 1, 0, session=session) for session in range(MAX_STREAMS + 1)))
    line.put(wire.segment([], 9, 400, session=0), wire.segment([], 9, 400, session=MAX_STREAMS))
    assert line.faults.counts == {"segment: gap": 1}  # session 0 was forgotten, the latest was not


@pytest.mark.parametrize(("sequence", "offset"), [(900, 44), (2, 99_999), (-5, 44), (2, -1)])
def test_one_wrong_number_is_corrected_by_the_other(
    wire: SimpleNamespace, line: Line, sequence: int, offset: int
) -> None:
    line.put(wire.segment(quotes(wire, "A"), 1, 0), wire.segment(quotes(wire, "B"), sequence, offset))
    line.put(wire.segment(quotes(wire, "C"), 3, 88))
    assert line.taken == [b"A", b"B", b"C"]
    assert "segment: gap" not in line.faults.counts
    assert line.seen["messages missing"] == 0


def test_numbers_that_contradict_each_other_are_refused(wire: SimpleNamespace, line: Line) -> None:
    line.put(
        wire.segment(quotes(wire, "A"), 1, 0),
        wire.segment(quotes(wire, "X"), 1 << 60, 50),
        wire.segment(quotes(wire, "B"), 2, 44),
    )
    assert line.taken == [b"A", b"B"]
    assert line.faults.counts == {"segment: contradicts its stream": 1}
    assert line.seen["messages out of place"] == 1


def test_a_stream_is_joined_again_where_two_segments_agree(wire: SimpleNamespace, line: Line) -> None:
    line.put(
        wire.segment(quotes(wire, "X"), 1 << 60, 7),
        wire.segment(quotes(wire, "A"), 10, 440),
        wire.segment(quotes(wire, "B"), 11, 484),
        wire.segment(quotes(wire, "C"), 12, 528),
    )
    assert line.taken == [b"X", b"B", b"C"]
    assert line.faults.counts == {"segment: contradicts its stream": 1}


def test_a_count_beyond_the_messages(wire: SimpleNamespace, line: Line) -> None:
    line.put(wire.segment(quotes(wire, "A", "B"), count=9), wire.segment(quotes(wire, "C"), 3, 88))
    assert line.taken == [b"A", b"B", b"C"]
    assert line.faults.counts == {"segment: messages exceed it": 1}


def test_a_count_short_of_the_messages_leaves_a_gap(wire: SimpleNamespace, line: Line) -> None:
    line.put(wire.segment(quotes(wire, "A", "B"), count=1), wire.segment(quotes(wire, "C"), 3, 88))
    assert line.taken == [b"A", b"C"]
    assert line.faults.counts == {"segment: bytes behind its messages": 1, "segment: gap": 1}
    assert line.seen["messages missing"] == 1


def test_a_wrong_payload_length(wire: SimpleNamespace, line: Line) -> None:
    line.put(wire.segment(quotes(wire, "A", "B"), length=60))
    assert line.taken == [b"A"]
    assert line.faults.counts == {
        "segment: payload length is not the datagram's": 1,
        "segment: messages exceed it": 1,
    }


def test_a_cut_frame_gives_its_whole_messages(wire: SimpleNamespace, line: Line) -> None:
    frame = wire.frame(wire.ipv4(wire.segment(quotes(wire, "A", "B"))))
    line.reader.add(Packet(0, 0, frame[:-5]), line.block)
    assert line.taken == [b"A"]
    assert line.faults.counts["frame: cut by the capture"] == 1


def test_other_protocols_are_counted(wire: SimpleNamespace, line: Line) -> None:
    line.put(wire.segment([], protocol=0x8004), wire.segment([], version=2), b"short")
    line.reader.add(Packet(0, 0, wire.frame(bytes(40), ether_type=0x0806)), line.block)
    assert line.faults.counts == {
        "segment: not TOPS 1.6": 1,
        "segment: not IEX-TP 1": 2,
        "frame: not IP": 1,
    }
    assert line.seen == {"packets": 4}
