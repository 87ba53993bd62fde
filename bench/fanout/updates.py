r"""Updates found in messages without decoding them: every update's instrument, its sequence and when it was received.

An update's numbers stand at fixed distances from a few bytes that are always the same, as all names have one length
and all sequences and times as many digits.

    tickmesh.msgpack: a1 's' ab "XBEN:S00042" a1 'q' cf <u64> a1 't' cf <u64> a1 'r' cf <u64>
    tickmesh.json:    "s":"XBEN:S00042","q":4294967301,"t":1774794605031000,"r":1774794605031380
    textbook:         "symbol":"XBEN:S00042","sequence":4294967301,"received_us":1774794605031380
    NATS:             "MSG quote.XBEN.S00042 <sid> 138\r\n" <a STATE row of 138 bytes>

A message with an update that looks otherwise is said to be one, and is to be decoded.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bench.fanout.c_library import memchr
from bench.fanout.walk import NAME_BYTES, VENUE
from market import rows
from market.compiled import compiled
from mesh.raw import Bytes

Int64 = npt.NDArray[np.int64]

SID_DIGITS = 5
MOST_UPDATES = 1024  # of one message, that are found
UNLIKE = -1
_SEQUENCE_DIGITS = 10  # of `1 << 32` and all that follow in a benchmark
_TIME_DIGITS = 16  # of us since 1970
_NS_PER_US = 1000
_ZERO = ord("0")


class Pattern(NamedTuple):
    """How an update looks."""

    size: int
    fixed: Int64
    """Bytes that are always the same, each with where it stands."""
    begins: int
    """How many of those, which lie at the beginning, tell that here is an update, whatever follows."""
    rare: int
    """Which of those is seldom seen elsewhere: it is what is looked for."""
    fields: Int64
    """Where number, sequence and time stand, each with its decimal digits: none is 8 bytes, big end first."""
    received_per_us: int


def room_for_updates() -> Int64:
    """Make room for what `find` finds in one message: columns of numbers, sequences and times received in us."""
    return np.empty((3, MOST_UPDATES), np.int64)


@compiled
def find(data: Bytes, at: int, end: int, pattern: Pattern, found: Int64) -> int:
    """Find the updates of the message that lies there, in order; return how many, UNLIKE where not all can be read."""
    size, fixed, begins, rare, fields, received_per_us = pattern
    count, first = 0, data.ctypes.data
    while True:
        place = memchr(first + at + rare, fixed[rare, 1], max(0, end - at - rare))
        if not place:
            return count
        at = place - first - rare
        same = _same(data, at, min(size, end - at), fixed)
        if same < begins:
            at += 1
            continue
        if same < len(fixed) or at + size > end or count == found.shape[1]:
            return UNLIKE
        # Not a function: to hand over an array costs more than what is done here.
        for column in range(len(fields)):
            begin, digits = at + fields[column, 0], fields[column, 1]
            value, worst = 0, 0
            for byte in range(begin, begin + (digits or 8)):
                digit = int(data[byte]) - _ZERO
                if digits:
                    value = 10 * value + digit
                    worst |= digit | (9 - digit)  # negative where it is none
                else:
                    value = (value << 8) | int(data[byte])
            after = begin + digits
            is_longer = digits > 0 and after < end and _ZERO <= data[after] < _ZERO + 10
            if worst < 0 or value < 0 or is_longer:
                return UNLIKE
            found[column, count] = value
        if received_per_us > 1:
            found[2, count] //= received_per_us
        count += 1
        at += size


@compiled
def _same(data: Bytes, at: int, room: int, fixed: Int64) -> int:
    """Count how many of the bytes that are always the same stand where they should, up to the first that does not."""
    same = 0
    while same < len(fixed) and fixed[same, 0] < room and data[at + fixed[same, 0]] == fixed[same, 1]:
        same += 1
    return same


def _pattern(*parts: bytes | tuple[str, str], begins: int, rare: int, received_per_us: int = 1) -> Pattern:
    """Write a pattern as in the text above: bytes that are always so, and fields.

    A field is its name and its numpy type: `number`, `q` and `r`, and anything else to be passed over.
    """
    fixed: list[tuple[int, int]] = []
    fields: dict[str, tuple[int, int]] = {}
    size = 0
    for part in parts:
        if isinstance(part, bytes):
            fixed += enumerate(part, size)
            size += len(part)
        else:
            kind = np.dtype(part[1])
            fields[part[0]] = size, kind.itemsize if kind.kind == "S" else 0
            size += kind.itemsize
    in_order = np.array([fields[each] for each in ("number", "q", "r")])
    return Pattern(size, np.array(fixed), begins, rare, in_order, received_per_us)


_SYMBOL = f"{VENUE}:S".encode()
_NUMBER, _DIGITS = ("number", "S5"), f"S{_SEQUENCE_DIGITS}"
_TIME = f"S{_TIME_DIGITS}"
MSGPACK = _pattern(
    bytes([0xA1, ord("s"), 0xA0 | NAME_BYTES]) + _SYMBOL,
    _NUMBER,
    b"\xa1q\xcf",
    ("q", ">i8"),
    b"\xa1t\xcf",
    ("t", ">i8"),
    b"\xa1r\xcf",
    ("r", ">i8"),
    begins=3,
    rare=2,
)
JSON = _pattern(
    *(b'"s":"' + _SYMBOL, _NUMBER, b'","q":', ("q", _DIGITS), b',"t":', ("t", _TIME), b',"r":', ("r", _TIME)),
    begins=len(b'"s":"'),
    rare=1,
)
TEXTBOOK = _pattern(
    *(b'"symbol":"' + _SYMBOL, _NUMBER, b'","sequence":', ("q", _DIGITS), b',"received_us":', ("r", _TIME)),
    begins=len(b'"symbol":"'),
    rare=2,
)


def _nats() -> Pattern:
    """Take the layout of a STATE row, behind the line that announces it."""
    state, at = rows.STATE, rows.STATE.offsets
    return _pattern(
        f"MSG quote.{VENUE}.S".encode(),
        _NUMBER,
        b" ",
        ("sid", f"S{SID_DIGITS}"),
        f" {state.width_bytes}\r\n".encode() + state.template[: at["kind"] + 1],
        ("before_q", f"V{at['sequence'] - at['kind'] - 1}"),
        ("q", ">i8"),
        ("before_r", f"V{at['ts_recv'] - at['sequence'] - 8}"),
        ("r", ">i8"),
        ("after_r", f"V{state.width_bytes - at['ts_recv'] - 8}"),
        begins=len(b"MSG quote."),
        rare=1,
        received_per_us=_NS_PER_US,
    )


NATS = _nats()
