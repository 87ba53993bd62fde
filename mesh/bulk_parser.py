r"""The parser of `BulkClient`: finds whole runs of bulk messages in what was read, and decodes them as arrays.

    MSG quote.XNAS.AAPL 1000017 138\r\n<138 bytes>\r\n

A run of such messages is one match of a compiled pattern, their subscription ids one more pass; ids of a fixed width
turn into numbers in numpy, and a table gives each its slot and the length of its first line, from which every payload's
place follows by a running sum. Nothing is done in Python once per message. All other protocol is split into single
commands here and handed to nats-py's own parser.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from nats.aio.client import Client
from nats.errors import ProtocolError
from nats.protocol.parser import Parser

_logger = logging.getLogger(__name__)

BulkReceiver = Callable[[npt.NDArray[np.intp], npt.NDArray[np.uint8]], None]
VariedReceiver = Callable[[int, bytes], None]
RawReceiver = Callable[[str, bytes], None]

# Ids of our own begin where nats-py's, counted up from 1, never get. Those of bulk subscriptions all have seven digits,
# those of raw ones more, so that no run can hold a raw message.
FIRST_BULK_SID, LAST_BULK_SID = 1_000_000, 9_999_999
FIRST_RAW_SID = LAST_BULK_SID + 1
MAX_CONTROL_LINE_BYTES = 64 << 10  # a cluster's INFO lists every server
_SID_DIGITS = 7
_POWERS = 10 ** np.arange(_SID_DIGITS - 1, -1, -1)
_CRLF_BYTES = 2
_NO_SLOT = -1
ANY_SIZE = 0  # of payloads that vary: they are handed over one by one
_MESSAGES = (b"MSG ", b"HMSG ")


@dataclass(frozen=True, slots=True)
class _Run:
    """Bulk messages of one size: how to find a run of them, and the ids in it."""

    payload_bytes: int
    size_bytes: int  # of the first line's end: the payload's size and the line end
    run: re.Pattern[bytes]
    sid: re.Pattern[bytes]

    @classmethod
    def of(cls, payload_bytes: int) -> "_Run":
        # A possessive repeat of the run would keep nothing for backtracking, but Python 3.11 before 3.11.5 ends it in
        # the middle of a message that does not match.
        message = rb"MSG [^ \r]+ (%s\d{7}) %d\r\n.{%d}\r\n"
        run = re.compile(b"(?s:(?:" + message % (b"?:", payload_bytes, payload_bytes) + b")*)")
        sid = re.compile(b"(?s:" + message % (b"", payload_bytes, payload_bytes) + b")")
        return cls(payload_bytes, len(b"%d\r\n" % payload_bytes), run, sid)


@dataclass(frozen=True, slots=True)
class _Lane:
    """Where bulk messages go, and the size they must have."""

    receive: BulkReceiver | VariedReceiver
    payload_bytes: int


class BulkParser(Parser):
    """nats-py's parser behind one that takes out bulk and raw messages first."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.raw: dict[int, RawReceiver] = {}
        self._runs: list[_Run] = []
        self._lanes: list[_Lane] = []
        self._slot = np.zeros(0, np.intp)  # by sid - FIRST_BULK_SID
        self._lane = np.zeros(0, np.int8)
        self._line_bytes = np.zeros(0, np.int32)  # of the first line, up to the payload's size; 0: never routed

    def reset(self) -> None:
        """Forget what was half read; nats-py calls it on reconnecting."""
        super().reset()
        self._parts: list[bytes] = []
        self._missing_bytes = 0

    def route(
        self, sid: int, slot: int, subject: str, payload_bytes: int, receive: BulkReceiver | VariedReceiver
    ) -> None:
        """Send the messages of a subscription to a receiver, as `slot`; ANY_SIZE is for a receiver of single ones."""
        at = sid - FIRST_BULK_SID
        if at >= len(self._slot):
            self._grow(max(1024, 2 * at))
        self._slot[at] = slot
        self._lane[at] = self._lane_of(payload_bytes, receive)
        self._line_bytes[at] = len(f"MSG {subject} {sid} ".encode())

    def unroute(self, sid: int) -> None:
        """Discard what still comes for a subscription."""
        self._slot[sid - FIRST_BULK_SID] = _NO_SLOT

    def _lane_of(self, payload_bytes: int, receive: BulkReceiver | VariedReceiver) -> int:
        lane = _Lane(receive, payload_bytes)
        if lane not in self._lanes:
            self._lanes.append(lane)
            if payload_bytes != ANY_SIZE and all(run.payload_bytes != payload_bytes for run in self._runs):
                self._runs.append(_Run.of(payload_bytes))
        return self._lanes.index(lane)

    def _grow(self, size: int) -> None:
        missing = size - len(self._slot)
        self._slot = np.append(self._slot, np.full(missing, _NO_SLOT))
        self._lane = np.append(self._lane, np.zeros(missing, np.int8))
        self._line_bytes = np.append(self._line_bytes, np.zeros(missing, np.int32))

    async def parse(self, data: bytes = b"") -> None:
        """Take in the bytes of one network read."""
        parts = self._parts
        parts.append(data)
        self._missing_bytes -= len(data)
        if self._missing_bytes > 0:  # in the middle of a large message: join once, not at every read
            return
        data = b"".join(parts)
        position = await self._consume(data)
        if self._parts is parts:  # else a command among them ended the connection, and what follows it belongs to none
            self._parts = [data[position:]] if position < len(data) else []

    async def _consume(self, data: bytes) -> int:
        """Dispatch every whole command; return where the first incomplete one begins."""
        position, end = 0, len(data)
        while position < end:
            after = self._bulk_run(data, position)
            if after == position:
                after = await self._one_command(data, position)
                if after == position:
                    break
            position = after
        return position

    def _bulk_run(self, data: bytes, position: int) -> int:
        """Deliver the run of bulk messages that begins at `position`, if one does; return its end."""
        for run in self._runs:
            match = run.run.match(data, position)
            end = match.end() if match else position
            if end > position:
                return self._deliver_run(run, data, position, end)
        return position

    def _deliver_run(self, run: _Run, data: bytes, position: int, end: int) -> int:
        """Deliver the messages from `position` to `end`; return where it had to stop: before an id never given."""
        digits = np.frombuffer(b"".join(run.sid.findall(data, position, end)), np.uint8)
        sids = (digits.reshape(-1, _SID_DIGITS) - ord("0")) @ _POWERS - FIRST_BULK_SID
        unknown = self._unknown(sids)
        if len(unknown):
            sids = sids[: unknown[0]]
        lines = self._line_bytes[sids] + run.size_bytes
        strides = lines + (run.payload_bytes + _CRLF_BYTES)
        ends = position + np.cumsum(strides)
        offsets = ends - strides + lines
        slots, lanes = self._slot[sids], self._lane[sids]
        for number, lane in enumerate(self._lanes):
            wanted = (lanes == number) & (slots != _NO_SLOT)
            if wanted.any():
                _deliver_payloads(lane, run, data, slots[wanted], offsets[wanted])
        return int(ends[-1]) if len(ends) else position

    def _unknown(self, sids: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Find ids that were never given: their first lines have no length to count on."""
        outside = (sids < 0) | (sids >= len(self._slot))
        return np.flatnonzero(outside if outside.any() else self._line_bytes[sids] == 0)

    async def _one_command(self, data: bytes, position: int) -> int:
        """Pass on the command at `position`; return its end, or `position` where it is not whole yet."""
        line_end = data.find(b"\r\n", position)
        if line_end < 0:
            if len(data) - position > MAX_CONTROL_LINE_BYTES:
                raise ProtocolError(f"nats: a control line passes {MAX_CONTROL_LINE_BYTES} bytes")
            self._missing_bytes = 0
            return position
        line, body = data[position:line_end], line_end + _CRLF_BYTES
        after = body + _payload_bytes(line)
        if after > len(data):
            self._missing_bytes = after - len(data)
            return position
        if line.startswith(_MESSAGES) and _sid(line) >= FIRST_BULK_SID:
            self._deliver_single(line, data[body + _header_bytes(line) : after - _CRLF_BYTES])
        else:
            await super().parse(data[position:after])
        return after

    def _deliver_single(self, line: bytes, payload: bytes) -> None:
        """Deliver a raw message, or a bulk one whose first line a run does not match (a reply, a header)."""
        sid, subject = _sid(line), line.split(b" ", 2)[1].decode()
        receive = self.raw.get(sid)
        at = sid - FIRST_BULK_SID
        if receive is not None:
            _deliver(receive, subject, payload)
        elif at < len(self._slot) and self._slot[at] != _NO_SLOT:
            lane = self._lanes[self._lane[at]]
            if lane.payload_bytes == ANY_SIZE:
                _deliver(lane.receive, int(self._slot[at]), payload)
            elif len(payload) == lane.payload_bytes:
                _deliver(lane.receive, self._slot[at : at + 1].copy(), np.frombuffer(payload, np.uint8)[None, :])
            else:
                _logger.warning("%s: %d bytes, not %d: discarded", subject, len(payload), lane.payload_bytes)


def _deliver_payloads(
    lane: _Lane, run: _Run, data: bytes, slots: npt.NDArray[np.intp], offsets: npt.NDArray[np.intp]
) -> None:
    if lane.payload_bytes == ANY_SIZE:
        for slot, offset in zip(slots.tolist(), offsets.tolist(), strict=True):
            _deliver(lane.receive, slot, data[offset : offset + run.payload_bytes])
        return
    if lane.payload_bytes != run.payload_bytes:
        _logger.warning("%d messages of %d bytes, not %d: discarded", len(slots), run.payload_bytes, lane.payload_bytes)
        return
    # Every offset's payload, as items of an overlapping view one byte apart: a gather without an index matrix.
    windows = np.ndarray((len(data) - lane.payload_bytes + 1,), f"V{lane.payload_bytes}", data, 0, (1,))
    payloads = windows[offsets].view(np.uint8).reshape(-1, lane.payload_bytes)
    _deliver(lane.receive, slots, payloads)


def _payload_bytes(line: bytes) -> int:
    """Give the bytes that follow a control line: a message's header, payload and line end, else none."""
    return _number(line, -1) + _CRLF_BYTES if line.startswith(_MESSAGES) else 0


def _header_bytes(line: bytes) -> int:
    return _number(line, -2) if line.startswith(b"HMSG ") else 0


def _sid(line: bytes) -> int:
    return _number(line, 2)


def _number(line: bytes, word: int) -> int:
    """Read a number of a message's first line; raises ProtocolError, upon which nats-py connects anew."""
    try:
        return int(line.split(b" ")[word])
    except (ValueError, IndexError):
        raise ProtocolError(f"nats: malformed message line {line!r:.80}") from None


def _deliver(receive: Callable[..., None], *message: object) -> None:
    """Call a receiver; its failure must not end nats-py's read loop, and with it the connection, unnoticed."""
    try:
        receive(*message)
    except Exception:
        _logger.exception("a receiver failed; what it was given is lost to it")
