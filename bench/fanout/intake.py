"""What a socket brought, taken in compiled code: frames of updates into the ledger, and all else handed to Python.

    carried ─────────▶ arena ◀── recv        a frame cut at the end of a read is carried to the next
                         │
                         ├─ whole frames of updates ──▶ book
                         ├─ a frame that is cut ──────▶ carried
                         └─ anything else, and all that lies behind it ──▶ handed, with a report

A client whose bytes were handed over is Python's until that gives it back: so nothing of it is taken out of order.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bench.fanout.dialects import Dialect
from bench.fanout.frames import FINAL, LENGTH_16
from bench.fanout.ledger import Book, note
from bench.fanout.updates import Pattern, find, room_for_updates
from market.compiled import compiled
from mesh.raw import Bytes, put

READ_BYTES = 64 << 10  # of one socket, at once
CARRY_BYTES = 8 << 10  # a frame that is longer and cut is handed over
AT_ONCE = 64  # sockets, between two looks at the time and at what room there is
_HANDED_BYTES = 2 * AT_ONCE * (CARRY_BYTES + READ_BYTES)
_MOST_REPORTS = 64 * AT_ONCE
_NS_PER_US = 1000
_SHORT_HEAD, _LONG_HEAD = 2, 4
READ, CONNECTED = -1, -2  # in place of the error that ended a connection, 0 for none


class Speech(NamedTuple):
    """How a server says updates."""

    opcode: int
    prefix: Bytes
    """What a message of updates begins with."""
    pattern: Pattern


def speech_of(dialect: Dialect) -> Speech:
    """Take it from a dialect."""
    return Speech(dialect.opcode, np.frombuffer(dialect.prefix, np.uint8).copy(), dialect.pattern)


class Desk(NamedTuple):
    """Where all of it lies."""

    arena: Bytes
    """One read, behind what was carried."""
    carried: Bytes
    """The beginnings of frames, (clients, CARRY_BYTES); a page that is not used takes no memory."""
    carried_bytes: npt.NDArray[np.int64]
    """By client."""
    is_by_hand: npt.NDArray[np.bool_]
    """By client: whether Python reads what comes."""
    handed: Bytes
    reports: npt.NDArray[np.int64]
    """Client, what happened (READ, CONNECTED or an error), when, and where it begins and ends in `handed`."""
    totals: npt.NDArray[np.int64]
    """Frames taken, bytes read, reports, and where `handed` ends."""
    found: npt.NDArray[np.int64]


FRAMES, BYTES, REPORTS, HANDED = range(4)


def desk_for(clients: int) -> Desk:
    """Make room for so many clients, all of them Python's at first."""
    return Desk(
        np.empty(CARRY_BYTES + READ_BYTES, np.uint8),
        np.empty((clients, CARRY_BYTES), np.uint8),
        np.zeros(clients, np.int64),
        np.ones(clients, bool),
        np.empty(_HANDED_BYTES, np.uint8),
        np.empty((_MOST_REPORTS, 5), np.int64),
        np.zeros(4, np.int64),
        room_for_updates(),
    )


@compiled
def report(desk: Desk, client: int, what: int, at_ns: int, start: int, end: int) -> None:
    """Tell Python what happened to a client, and hand over what lies there in the arena."""
    reports, totals = desk.reports, desk.totals
    row, target = totals[REPORTS], totals[HANDED]
    reports[row, 0], reports[row, 1], reports[row, 2] = client, what, at_ns
    reports[row, 3] = target
    reports[row, 4] = totals[HANDED] = put(desk.arena, start, end - start, desk.handed, target)
    totals[REPORTS] += 1


@compiled
def put_carried(arena: Bytes, carried: Bytes, carried_bytes: npt.NDArray[np.int64], client: int) -> int:
    """Put what is carried of a client into the arena; return where its next read goes, of READ_BYTES at most."""
    length = int(carried_bytes[client])
    if length:
        put(carried, client * carried.shape[1], length, arena, 0)
    return length


@compiled
def take(desk: Desk, speech: Speech, book: Book, client: int, end: int, at_ns: int) -> None:
    """Take what was read of a client at that time: it lies in the arena up to `end`, behind what was carried."""
    # Taken out once: each time that an array is taken out of a tuple, or the tuple is passed on, costs some 10 ns.
    arena, carried, carried_bytes, is_by_hand, _, _, totals, found = desk
    opcode, prefix, pattern = speech
    at, is_cut = 0, False
    while at < end and not is_cut and not is_by_hand[client]:
        payload, after = _frame(arena, at, end, opcode)
        is_cut = after > end
        if not is_cut:
            is_updates = payload + len(prefix) < after and _begins(arena, payload, prefix)
            count = find(arena, payload, after, pattern, found) if is_updates else 0
            if count > 0:
                note(book, client, found, count, at_ns // _NS_PER_US, False)
                totals[FRAMES] += 1
                at = after
            else:
                is_by_hand[client] = True
    rest = end - at
    if is_by_hand[client] or rest > carried.shape[1]:
        is_by_hand[client] = True
        report(desk, client, READ, at_ns, at, end)
        rest = 0
    elif rest:
        put(arena, at, rest, carried, client * carried.shape[1])
    carried_bytes[client] = rest


@compiled
def _frame(data: Bytes, at: int, end: int, opcode: int) -> tuple[int, int]:
    """Tell where the payload of a frame begins and ends: beyond `end` where its head is cut.

    A frame of anything but a whole message below 64 KiB is taken for one without a payload.
    """
    if end - at < _SHORT_HEAD:
        return at, end + 1
    length = int(data[at + 1])
    if data[at] != (FINAL | opcode) or length > LENGTH_16:
        return at, at
    if length < LENGTH_16:
        return at + _SHORT_HEAD, at + _SHORT_HEAD + length
    if end - at < _LONG_HEAD:
        return at, end + 1
    payload = at + _LONG_HEAD
    return payload, payload + 256 * int(data[at + 2]) + int(data[at + 3])


@compiled
def _begins(data: Bytes, at: int, prefix: Bytes) -> bool:
    for place in range(len(prefix)):  # noqa: SIM110  # compiled, this is the faster way
        if data[at + place] != prefix[place]:
            return False
    return True
