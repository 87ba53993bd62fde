"""Runs of bulk messages in what was read, found in compiled code: see `mesh/bulk_parser.py`."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from market.compiled import compiled

# Ids of our own begin where nats-py's, counted up from 1, never get.
FIRST_BULK_SID = 1_000_000
CRLF_BYTES = 2
NO_SLOT = -1
NEVER_ROUTED = -1
ANY_SIZE = 0  # of payloads that vary: they are handed over one by one
SHORTEST_BYTES = len(b"MSG a 1000000 0\r\n\r\n")
_SPACE, _CR, _LF, _ZERO = b" \r\n0"
_MSG = np.frombuffer(b"MSG ", np.uint8).copy()


class Routes(NamedTuple):
    """Where the messages of a subscription go, by its id less FIRST_BULK_SID."""

    slot: npt.NDArray[np.intp]
    """NO_SLOT where what comes is discarded."""
    lane: npt.NDArray[np.int8]
    payload_bytes: npt.NDArray[np.int32]
    """What a payload must have, ANY_SIZE, or NEVER_ROUTED."""


class Found(NamedTuple):
    """Messages of a run: the subscription's id less FIRST_BULK_SID, and where the payload is."""

    sid: npt.NDArray[np.intp]
    offset: npt.NDArray[np.intp]
    payload_bytes: npt.NDArray[np.intp]


@compiled
def find_run(data: npt.NDArray[np.uint8], position: int, routes: Routes, found: Found) -> tuple[int, int]:
    """Find the bulk messages that lie back to back from `position` on; return how many, and where they end.

    The run ends before whatever is not a whole one, of an id that was given, with a payload of its size.
    """
    count = 0
    while True:
        at = position
        if at + SHORTEST_BYTES > len(data) or (data[at : at + 4] != _MSG).any():
            break
        at += 4
        while at < len(data) and data[at] != _SPACE and data[at] != _CR:
            at += 1
        sid, after_sid = _digits(data, at + 1)
        payload_bytes, line_end = _digits(data, after_sid + 1)
        after = line_end + 2 * CRLF_BYTES + payload_bytes
        if after > len(data) or data[at] != _SPACE or data[after_sid] != _SPACE:
            break
        if data[line_end] != _CR or data[line_end + 1] != _LF or data[after - 2] != _CR or data[after - 1] != _LF:
            break
        place = sid - FIRST_BULK_SID
        if place < 0 or place >= len(routes.slot):
            break
        if routes.payload_bytes[place] != payload_bytes and routes.payload_bytes[place] != ANY_SIZE:
            break
        found.sid[count], found.offset[count], found.payload_bytes[count] = place, line_end + CRLF_BYTES, payload_bytes
        count += 1
        position = after
    return count, position


@compiled
def _digits(data: npt.NDArray[np.uint8], at: int) -> tuple[int, int]:
    """Read nine decimal digits at most, and return them with where they end; 0 where there is none."""
    value, end = 0, min(at + 9, len(data))
    while at < end and _ZERO <= data[at] < _ZERO + 10:
        value = 10 * value + data[at] - _ZERO
        at += 1
    return value, at
