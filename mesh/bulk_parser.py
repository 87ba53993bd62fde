r"""The parser of `BulkClient`: finds whole runs of bulk messages in what was read, and hands them over as arrays.

    MSG quote.XNAS.AAPL 1000017 138\r\n<138 bytes>\r\n

Such messages are found in compiled code, one after the other; a table gives the id of a subscription its slot. Nothing
is done in Python once per message. All other protocol is split into single commands here and handed to nats-py's own
parser.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from nats.aio.client import Client
from nats.errors import ProtocolError
from nats.protocol.parser import Parser

from mesh.bulk_run import (
    ANY_SIZE,
    CRLF_BYTES,
    FIRST_BULK_SID,
    NEVER_ROUTED,
    NO_SLOT,
    SHORTEST_BYTES,
    Found,
    Routes,
    find_run,
)

_logger = logging.getLogger(__name__)

BulkReceiver = Callable[[npt.NDArray[np.intp], npt.NDArray[np.uint8]], None]
VariedReceiver = Callable[[int, bytes], None]
RawReceiver = Callable[[str, bytes], None]
WholeReceiver = Callable[["Whole"], None]

LAST_BULK_SID = 9_999_999
FIRST_RAW_SID = LAST_BULK_SID + 1
MAX_CONTROL_LINE_BYTES = 64 << 10  # a cluster's INFO lists every server
_MESSAGES = (b"MSG ", b"HMSG ")
_HEADED = b"HMSG"
_WORDS_WITH_REPLY = {True: 6, False: 5}  # of a first line, with headers and without


class Whole(NamedTuple):
    """A message with all that came with it; `reply` and `headers`, as they were sent, are empty where it has none."""

    subject: bytes
    reply: bytes
    headers: bytes
    payload: bytes


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
        self.whole: dict[int, WholeReceiver] = {}
        self._lanes: list[_Lane] = []
        self._routes = Routes(np.zeros(0, np.intp), np.zeros(0, np.int8), np.zeros(0, np.int32))
        self._bulk_run(b"", 0)  # compiles what it needs, before any message comes

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
        if at >= len(self._routes.slot):
            self._grow(max(1024, 2 * at))
        self._routes.slot[at] = slot
        self._routes.lane[at] = self._lane_of(payload_bytes, receive)
        self._routes.payload_bytes[at] = payload_bytes

    def unroute(self, sid: int) -> None:
        """Discard what still comes for a subscription."""
        self._routes.slot[sid - FIRST_BULK_SID] = NO_SLOT

    def _lane_of(self, payload_bytes: int, receive: BulkReceiver | VariedReceiver) -> int:
        lane = _Lane(receive, payload_bytes)
        if lane not in self._lanes:
            self._lanes.append(lane)
        return self._lanes.index(lane)

    def _grow(self, size: int) -> None:
        missing, routes = size - len(self._routes.slot), self._routes
        self._routes = Routes(
            np.append(routes.slot, np.full(missing, NO_SLOT)),
            np.append(routes.lane, np.zeros(missing, np.int8)),
            np.append(routes.payload_bytes, np.full(missing, NEVER_ROUTED, np.int32)),
        )

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
            after = self._single_run(data, position)
            if after == position and not data.startswith(_HEADED, position):
                after = self._bulk_run(data, position)
            if after == position:
                after = await self._one_command(data, position)
                if after == position:
                    break
            position = after
        return position

    def _bulk_run(self, data: bytes, position: int) -> int:
        """Deliver the run of bulk messages that begins at `position`, if one does; return its end."""
        most = (len(data) - position) // SHORTEST_BYTES + 1
        found = Found(*np.empty((3, most), np.intp))
        count, end = find_run(np.frombuffer(data, np.uint8), position, self._routes, found)
        found = Found(*(column[:count] for column in found))
        slots, lanes = self._routes.slot[found.sid], self._routes.lane[found.sid]
        for number, lane in enumerate(self._lanes):
            wanted = np.flatnonzero((lanes == number) & (slots != NO_SLOT))
            if len(wanted):
                _deliver_payloads(lane, data, slots[wanted], found.offset[wanted], found.payload_bytes[wanted])
        return end

    def take(self, data: bytes) -> bytes:
        """Deliver the raw and whole messages that a network read begins with; return the rest, which is for `parse`.

        For whoever reads while nobody parses.
        """
        end = 0 if self._parts else self._single_run(data, 0)
        return data[end:] if end < len(data) else b""

    def _single_run(self, data: bytes, position: int) -> int:
        """Deliver the run of raw and whole messages that begins here, if one does; return its end.

        Acknowledgements come by the hundred thousand: a first line is divided once.
        """
        while data.startswith(_MESSAGES, position):
            line_end = data.find(b"\r\n", position)
            if line_end < 0:
                break
            words, body = data[position:line_end].split(b" "), line_end + CRLF_BYTES
            try:
                sid, payload = int(words[2]), body + (int(words[-2]) if words[0] == _HEADED else 0)
                end = body + int(words[-1])
            except (ValueError, IndexError):  # `_one_command` tells of it
                break
            after = end + CRLF_BYTES
            if end < body or after > len(data):
                break
            if (receive_raw := self.raw.get(sid)) is not None:
                _deliver(receive_raw, words[1].decode(errors="replace"), data[payload:end])
            elif (receive_whole := self.whole.get(sid)) is not None:
                reply = words[3] if len(words) == _WORDS_WITH_REPLY[payload > body] else b""
                _deliver(receive_whole, Whole(words[1], reply, data[body:payload], data[payload:end]))
            else:
                break
            position = after
        return position

    async def _one_command(self, data: bytes, position: int) -> int:
        """Pass on the command at `position`; return its end, or `position` where it is not whole yet."""
        line_end = data.find(b"\r\n", position)
        if line_end < 0:
            if len(data) - position > MAX_CONTROL_LINE_BYTES:
                raise ProtocolError(f"nats: a control line passes {MAX_CONTROL_LINE_BYTES} bytes")
            self._missing_bytes = 0
            return position
        words, body = data[position:line_end].split(b" "), line_end + CRLF_BYTES
        is_message = data.startswith(_MESSAGES, position)
        after = body + (_number(words, -1) + CRLF_BYTES if is_message else 0)
        if after > len(data):
            self._missing_bytes = after - len(data)
            return position
        if is_message and _number(words, 2) >= FIRST_BULK_SID:
            self._deliver_odd(words, data[body : after - CRLF_BYTES])
        else:
            await super().parse(data[position:after])
        return after

    def _deliver_odd(self, words: Sequence[bytes], body: bytes) -> None:
        """Deliver a bulk message whose first line a run does not match (a reply, a header), if it is still wanted."""
        at, payload = _number(words, 2) - FIRST_BULK_SID, body[_header_bytes(words) :]
        if at >= len(self._routes.slot) or self._routes.slot[at] == NO_SLOT:
            return
        lane, slots = self._lanes[self._routes.lane[at]], self._routes.slot[at : at + 1]
        if lane.payload_bytes == ANY_SIZE:
            _deliver(lane.receive, int(slots[0]), payload)
        elif len(payload) == lane.payload_bytes:
            _deliver(lane.receive, slots.copy(), np.frombuffer(payload, np.uint8)[None, :])
        else:
            subject = words[1].decode(errors="replace")
            _logger.warning("%s: %d bytes, not %d: discarded", subject, len(payload), lane.payload_bytes)


def _deliver_payloads(
    lane: _Lane,
    data: bytes,
    slots: npt.NDArray[np.intp],
    offsets: npt.NDArray[np.intp],
    payload_bytes: npt.NDArray[np.intp],
) -> None:
    if lane.payload_bytes == ANY_SIZE:
        for slot, offset, end in zip(slots.tolist(), offsets.tolist(), (offsets + payload_bytes).tolist(), strict=True):
            _deliver(lane.receive, slot, data[offset:end])
        return
    # Every offset's payload, as items of an overlapping view one byte apart: a gather without an index matrix.
    windows = np.ndarray((len(data) - lane.payload_bytes + 1,), f"V{lane.payload_bytes}", data, 0, (1,))
    payloads = windows[offsets].view(np.uint8).reshape(-1, lane.payload_bytes)
    _deliver(lane.receive, slots, payloads)


def _header_bytes(words: Sequence[bytes]) -> int:
    return _number(words, -2) if words[0] == _HEADED else 0


def _number(words: Sequence[bytes], place: int) -> int:
    """Read a number of a message's first line; raises ProtocolError, upon which nats-py connects anew."""
    try:
        number = int(words[place])
    except (ValueError, IndexError):
        number = -1
    if number < 0:
        raise ProtocolError(f"nats: malformed message line {b' '.join(words)!r:.80}")
    return number


def _deliver(receive: Callable[..., None], *message: object) -> None:
    """Call a receiver; its failure must not end nats-py's read loop, and with it the connection, unnoticed."""
    try:
        receive(*message)
    except Exception:
        _logger.exception("a receiver failed; what it was given is lost to it")
