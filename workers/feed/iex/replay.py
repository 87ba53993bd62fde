"""The IEX adapter: a capture file replayed as batches of rows, at its own pace or another.

Specification: `iex:PATH[,speed=N|max][,loop=0|1]`. `speed=1` (the default) is the recorded pace, `speed=10` ten times
that, `speed=max` flat out. A batch holds what was recorded within 2 ms of the replay's clock and is due when the first
of it was, so nothing is late. `loop=1` begins again at the end, its times moved on so that they never go backwards.

`ts_event` is the exchange's own time of each message. Previous close and open are not in a quote or a trade and stay
unknown: nothing is invented.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np

from market.row_type import Rows
from workers.feed.adapter import Batch, FeedSpec, NowNs, SourceFaults, SpecError
from workers.feed.iex.capture import read_packets
from workers.feed.iex.instruments import VENUE, SymbolTable
from workers.feed.iex.packet import CaptureError, Packet
from workers.feed.iex.segments import MessageBlock, SegmentReader
from workers.feed.iex.tops import Decoder

BATCH_MESSAGES = 4096
BATCH_NS = 2_000_000  # of the replay's clock
MAX_IDLE_NS = 3_600 * 1_000_000_000  # IEX sends a heartbeat every second; a longer step in time is no pause
FLAT_OUT: Final = float("inf")

_CHUNK_BYTES = 1 << 16
_LAP_GAP_NS = 1_000_000

_log = logging.getLogger(__name__)


def from_spec(spec: FeedSpec) -> "IexAdapter":
    """Build the adapter that a specification asks for.

    Raises SpecError for an unknown or bad option, and for a file that is missing, unreadable or no capture.
    """
    spec.only("speed", "loop")
    if not spec.path:
        raise SpecError(f"feed {spec.name!r} needs a capture file: {spec.name}:PATH")
    speed = FLAT_OUT if spec.options.get("speed") == "max" else spec.number("speed", 1.0, 0.001, 100_000)
    loop = spec.options.get("loop", "0")
    if loop not in ("0", "1"):
        raise SpecError(f"feed {spec.name!r}: loop={loop} must be 0 or 1")
    path = Path(spec.path)
    with _opened(path) as chunks:
        _packets_of(path, chunks, SourceFaults())
    return IexAdapter(path, speed=speed, loop=loop == "1")


class IexAdapter:
    """Replays a capture of IEX TOPS 1.6.

    `faults` counts what could not be read, `seen` what was: packets, segments, heartbeats, messages, rows, messages
    without a row by type, messages missing, repeated and out of place.
    """

    name = "iex"
    venues: tuple[str, ...] = (VENUE,)
    time_zone = "America/New_York"
    continues = False

    def __init__(
        self, path: Path, *, speed: float = 1.0, loop: bool = False, batch_messages: int = BATCH_MESSAGES
    ) -> None:
        self.faults = SourceFaults()
        self.seen: Counter[str] = Counter()
        self._path = path
        self._speed = speed
        self._loop = loop
        self._batch_messages = batch_messages
        self._symbols = SymbolTable()

    def resume(self, states: Mapping[str, np.void]) -> None:
        """Do nothing: a replay starts anew."""

    def batches(self, now_ns: NowNs) -> Iterator[Batch]:
        """Yield the capture's batches; ends with it, or never with `loop=1` and rows in the capture.

        Raises SpecError where the file cannot be opened any more.
        """
        start_ns = now_ns()
        moved_ns = 0  # how far this lap's times are moved on
        while True:
            span = _Span()
            decoder = Decoder(self._symbols, self.faults, self.seen)
            for block, elapsed_ns in self._blocks():
                events, listed = decoder.decode(block, moved_ns)
                span.cover(events, elapsed_ns)
                if len(events) or listed:
                    yield Batch(events, listed=listed, due_ns=self._due_ns(start_ns, moved_ns + elapsed_ns))
            self._report()
            if not self._loop or not span.rows:
                return
            moved_ns += span.length_ns

    def _blocks(self) -> Iterator[tuple[MessageBlock, int]]:
        """Gather the capture's messages into blocks, each with the recorded time from the start to its first packet."""
        window_ns = BATCH_NS * self._speed
        clock = _RecordedClock(self.faults)
        reader = SegmentReader(self.faults, self.seen)
        block, block_ns = MessageBlock(), 0
        with _opened(self._path) as chunks:
            for packet in _packets_of(self._path, chunks, self.faults):
                elapsed_ns = clock.elapsed_ns(packet)
                if block.starts and (len(block.starts) >= self._batch_messages or elapsed_ns - block_ns >= window_ns):
                    yield block, block_ns
                    block = MessageBlock()
                if not block.starts:
                    block_ns = elapsed_ns
                reader.add(packet, block)
        if block.starts:
            yield block, block_ns

    def _due_ns(self, start_ns: int, elapsed_ns: int) -> int:
        """Give the wall clock time at which what was recorded `elapsed_ns` after the start is due."""
        return 0 if self._speed == FLAT_OUT else start_ns + int(elapsed_ns / self._speed)

    def _report(self) -> None:
        """Log what the replay saw, once through."""
        _log.info("capture %s: replayed, %s", self._path, dict(self.seen))
        if self.faults.counts:
            _log.warning("capture %s: faults %s; the last: %s", self._path, self.faults.counts, self.faults.last)


class _RecordedClock:
    """Time since the first packet, as the capture's own stamps tell it, without their damage.

    It never goes back, and steps of more than `MAX_IDLE_NS`, either way, do not count: a broken stamp, or the night
    between two sessions, must not stop a replay.
    """

    def __init__(self, faults: SourceFaults) -> None:
        self._faults = faults
        self._last_ns: int | None = None
        self._elapsed_ns = 0

    def elapsed_ns(self, packet: Packet) -> int:
        """Give the time from the first packet to this one, ns."""
        step_ns = 0 if self._last_ns is None else packet.time_ns - self._last_ns
        if abs(step_ns) > MAX_IDLE_NS:
            self._faults.add("packet: time jumps", f"by {step_ns / 1e9:,.0f} s at offset {packet.offset}")
            self._last_ns = packet.time_ns
        elif step_ns >= 0:
            self._last_ns = packet.time_ns
            self._elapsed_ns += step_ns
        return self._elapsed_ns


class _Span:
    """How long one time through the capture was, by its packets and by its messages' own times."""

    def __init__(self) -> None:
        self.rows = 0
        self._elapsed_ns = 0
        self._first_ns, self._last_ns = 1 << 62, 0

    @property
    def length_ns(self) -> int:
        """The longer of the two, and a little more: moved on by it, no time comes before one of this lap."""
        return max(self._elapsed_ns, self._last_ns - self._first_ns) + _LAP_GAP_NS

    def cover(self, events: Rows, elapsed_ns: int) -> None:
        """Take in a batch."""
        self._elapsed_ns = elapsed_ns
        if len(events):
            self.rows += len(events)
            self._first_ns = min(self._first_ns, int(events["ts_event"].min()))
            self._last_ns = max(self._last_ns, int(events["ts_event"].max()))


@contextmanager
def _opened(path: Path) -> Iterator[Iterator[bytes]]:
    """Open the file as chunks of bytes; raises SpecError naming it."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise SpecError(f"capture {path}: {error.strerror}") from error
    with file:
        yield iter(lambda: file.read(_CHUNK_BYTES), b"")


def _packets_of(path: Path, chunks: Iterator[bytes], faults: SourceFaults) -> Iterator[Packet]:
    """Read the capture's beginning; raises SpecError naming the file where it is no capture."""
    try:
        return read_packets(chunks, faults)
    except CaptureError as error:
        raise SpecError(f"capture {path} {error}") from error
