r"""Updates found in bulk: of thousands of messages lying back to back, every update's instrument, sequence and time.

Nothing is decoded as a whole: in every message that is read in bulk an update's numbers stand at fixed distances from
a few bytes that are always the same, as all names have one length and all sequences and times as many digits.

    tickmesh.msgpack: a1 's' ab "XBEN:S00042" a1 'q' cf <u64> a1 't' cf <u64> a1 'r' cf <u64>
    tickmesh.json:    "s":"XBEN:S00042","q":4294967301,"t":1774794605031000,"r":1774794605031380
    textbook:         "symbol":"XBEN:S00042","sequence":4294967301,"received_us":1774794605031380
    NATS:             "MSG quote.XBEN.S00042 <sid> 138\r\n" <a STATE row of 138 bytes>
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.fanout.frames import Bytes, Positions
from bench.fanout.walk import NAME_BYTES, VENUE
from market import rows

SID_DIGITS = 5
_SEQUENCE_DIGITS = 10  # of `1 << 32` and all that follow in a benchmark
_TIME_DIGITS = 16  # of us since 1970
_NS_PER_US = 1000


Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Updates:
    """Updates in the order they lie in: where, which instrument, its sequence, and when the feed received it."""

    at: Positions
    numbers: Int64
    sequences: Int64
    received_us: Int64


class Pattern:
    """How an update looks, written as in the text above: bytes that are always so, and fields.

    A field is its name and its numpy type: `number`, `q` and `r`, each a big-endian integer or decimal digits, and
    anything else to be passed over. Candidates are looked for by the byte at `rare` alone, one that is seldom seen.
    """

    def __init__(self, *parts: bytes | tuple[str, str], rare: int, r_is_ns: bool = False) -> None:
        fixed: list[tuple[int, bytes]] = []
        fields: dict[str, tuple[int, np.dtype[Any]]] = {}
        size = 0
        for part in parts:
            if isinstance(part, bytes):
                fixed.append((size, part))
                size += len(part)
            else:
                kind = np.dtype(part[1])
                fields[part[0]] = (size, kind)
                size += kind.itemsize
        self._size = size
        self._fields = fields
        self._fixed_at = np.concatenate([np.arange(at, at + len(text)) for at, text in fixed])
        self._fixed = np.frombuffer(b"".join(text for _, text in fixed), np.uint8)
        self._rare, self._rare_byte = rare, self._fixed[self._fixed_at == rare]
        self._r_is_ns = r_is_ns

    def find(self, data: Bytes) -> Updates:
        """Find every update that lies in `data` whole."""
        room = max(0, len(data) - self._size + 1)
        at = np.flatnonzero(data[self._rare : self._rare + room] == self._rare_byte)
        every = np.ndarray((room,), f"V{self._size}", data, 0, (1,))  # one byte apart
        found = every[at].view(np.uint8).reshape(-1, self._size)
        is_update = (found[:, self._fixed_at] == self._fixed).all(axis=1)
        if not is_update.all():
            at, found = at[is_update], found[is_update]
        numbers, sequences, received = (self._read(found, name) for name in ("number", "q", "r"))
        return Updates(at, numbers, sequences, received // _NS_PER_US if self._r_is_ns else received)

    def _read(self, found: Bytes, name: str) -> Int64:
        """Read one field of every update."""
        offset, kind = self._fields[name]
        columns = found[:, offset : offset + kind.itemsize]
        if kind.kind != "S":
            return np.ascontiguousarray(columns).view(kind).reshape(-1).astype(np.int64)
        value = np.zeros(len(found), np.int64)
        for digits in columns.T:
            value *= 10
            value += digits
        value -= ord("0") * (10**kind.itemsize - 1) // 9  # every digit counted that much too many
        return value


_SYMBOL = f"{VENUE}:S".encode()
_NUMBER, _DIGITS = ("number", "S5"), f"S{_SEQUENCE_DIGITS}"
_TIME = f"S{_TIME_DIGITS}"
MSGPACK = Pattern(
    bytes([0xA1, ord("s"), 0xA0 | NAME_BYTES]) + _SYMBOL,
    _NUMBER,
    b"\xa1q\xcf",
    ("q", ">i8"),
    b"\xa1t\xcf",
    ("t", ">i8"),
    b"\xa1r\xcf",
    ("r", ">i8"),
    rare=2,
)
JSON = Pattern(
    b'"s":"' + _SYMBOL, _NUMBER, b'","q":', ("q", _DIGITS), b',"t":', ("t", _TIME), b',"r":', ("r", _TIME), rare=1
)
TEXTBOOK = Pattern(
    b'"symbol":"' + _SYMBOL, _NUMBER, b'","sequence":', ("q", _DIGITS), b',"received_us":', ("r", _TIME), rare=2
)


def _nats() -> Pattern:
    """Take the layout of a STATE row, behind the line that announces it."""
    state, at = rows.STATE, rows.STATE.offsets
    return Pattern(
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
        rare=1,
        r_is_ns=True,
    )


NATS = _nats()
