"""Rows: fixed-width msgpack arrays that numpy reads in place.

Every element of a row uses one msgpack encoding of constant width, so that a row of a kind always has the
same length and every field a constant offset. Any msgpack decoder reads a row; a batch is rows back to back (a
msgpack stream); and numpy reads the same bytes as a structured big-endian dtype, with nothing decoded at all. The
marker bytes lie in the gaps between the dtype's fields.

Events (trade, quote, correction, status) all have one width and one prefix, so a mixed batch is read at once as
`EVENT` and each kind then as its own type. Encodings: https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from market.codes import Kind
from market.row_type import F64, I64, STR8, U8, U32, U64, RowError, Rows, RowType, take

_PREFIX = (
    ("kind", U8),
    ("flags", U8),
    ("instrument", U32),
    ("sequence", U64),
    ("ts_event", I64),
    ("ts_recv", I64),
)

TRADE = RowType(Kind.TRADE, (*_PREFIX, ("price", F64), ("size", F64), ("trade_id", U64), ("conditions", U64)))
QUOTE = RowType(Kind.QUOTE, (*_PREFIX, ("bid", F64), ("bid_size", F64), ("ask", F64), ("ask_size", F64)))
CORRECTION = RowType(Kind.CORRECTION, (*_PREFIX, ("price", F64), ("size", F64), ("trade_id", U64), ("ts_trade", I64)))
STATUS = RowType(Kind.STATUS, (*_PREFIX, ("state", U64), ("reason", STR8), ("until", I64), ("value", F64)))
LEVEL = RowType(
    Kind.LEVEL,
    (
        ("kind", U8),
        ("side", U8),
        ("level", U8),
        *_PREFIX[2:],
        ("price", F64),
        ("size", F64),
        ("orders", U32),
    ),
)
STATE = RowType(
    Kind.STATE,
    (
        *_PREFIX,
        *((name, F64) for name in ("bid", "bid_size", "ask", "ask_size", "last", "last_size")),
        *((name, F64) for name in ("open", "high", "low", "volume", "prev_close")),
    ),
)
CANDLE = RowType(
    Kind.CANDLE,
    (
        ("kind", U8),
        ("flags", U8),
        ("timeframe", U8),
        *_PREFIX[2:],
        ("start", I64),
        ("end", I64),
        ("revision", U32),
        ("trades", U32),
        *((name, F64) for name in ("open", "high", "low", "close", "volume", "vwap")),
    ),
)
STATE_FIGURES = tuple(name for name, encoding in STATE.fields if encoding is F64)
EVENT_TYPES = {row_type.kind: row_type for row_type in (TRADE, QUOTE, CORRECTION, STATUS)}
ROW_TYPES = (TRADE, QUOTE, CORRECTION, STATUS, LEVEL, STATE, CANDLE)

_IS_EVENT = np.isin(np.arange(256), [kind.value for kind in EVENT_TYPES])

EVENT_BYTES = TRADE.width_bytes
EVENT_DTYPE = np.dtype(
    {
        "names": [name for name, _ in _PREFIX],
        "formats": [encoding.numpy for _, encoding in _PREFIX],
        "offsets": [TRADE.offsets[name] for name, _ in _PREFIX],
        "itemsize": EVENT_BYTES,
    }
)


def join(batches: Iterable[Rows]) -> Rows:
    """Concatenate event rows of any kinds, in order, as one array of `EVENT_DTYPE`."""
    return np.frombuffer(bytearray().join([batch.tobytes() for batch in batches]), EVENT_DTYPE)


def of_kind(events: Rows, kind: Kind) -> tuple[Rows, npt.NDArray[np.intp]]:
    """Pick the events of one kind, as rows of its own type, with their positions in `events`."""
    positions = np.flatnonzero(events["kind"] == kind)
    picked = events if len(positions) == len(events) else take(events, positions)
    return picked.view(EVENT_TYPES[kind].dtype), positions


def read_events(data: bytes | bytearray | memoryview) -> Rows:
    """View a tape batch as `EVENT_DTYPE` rows, every row checked against its own kind's layout.

    Raises RowError for a length that is not whole rows, an unknown kind or a wrong marker.
    """
    if len(data) % EVENT_BYTES:
        raise RowError(f"{len(data)} bytes are not whole event rows of {EVENT_BYTES}")
    events = np.frombuffer(data, EVENT_DTYPE)
    counts = np.bincount(events["kind"], minlength=len(_IS_EVENT))
    if (counts > 0)[~_IS_EVENT].any():
        unknown = int(np.argmin(_IS_EVENT[events["kind"]]))
        raise RowError(f"row {unknown}: kind {int(events['kind'][unknown])} is not an event's")
    for kind, row_type in EVENT_TYPES.items():
        if counts[kind]:
            row_type.check(*of_kind(events, kind))
    return events
