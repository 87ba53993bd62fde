r"""Candles as Postgres reads and writes them in binary: numpy structured arrays, no Python per row.

COPY's format: `PGCOPY\n\xff\r\n\0`, flags u32 = 0, length of a header extension u32 = 0; a row is its count of fields
i16 and for each field its length i32 and value, big-endian; the end is the count -1. A timestamptz is i64 microseconds
since 2000-01-01 UTC. Lengths and types must be the columns' own: an int4 is not read into a bigint.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from market.candles.candles import Candles
from market.candles.timeframe import Session, Timeframe
from market.codes import CandleFlag

COLUMNS = (
    "instrument",
    "session",
    "starts_at",
    "revision",
    "trades",
    "open",
    "high",
    "low",
    "close",
    "volume_whole",
    "volume_nano",
    "turnover_whole",
    "turnover_nano",
)
"""The columns of `candle_shape`, in order."""

HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TAIL = b"\xff\xff"

_TYPES = (">i4", ">i2", ">i8", ">i4", ">i8", ">f8", ">f8", ">f8", ">f8", ">i8", ">i4", ">i8", ">i4")
_BLOCK_ROWS = 20_000
_2000_NS = 946_684_800 * 10**9


def _row_dtype(names: Sequence[str], types: Sequence[str]) -> np.dtype[np.void]:
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in zip(names, types, strict=True):
        fields += [(f"{name}_bytes", ">i4"), (name, kind)]
    return np.dtype(fields)


ROW = _row_dtype(COLUMNS, _TYPES)
PACKED = np.dtype(list(zip(COLUMNS, _TYPES, strict=True)))


def _blank_row() -> NDArray[np.void]:
    row = np.zeros(1, ROW)
    row["fields"] = len(COLUMNS)
    for name in COLUMNS:
        row[f"{name}_bytes"] = ROW[name].itemsize
    return row


_BLANK = _blank_row()


def copy_blocks(candles: Candles, ids: NDArray[np.int32]) -> Iterator[bytes]:
    """Write candles as the input of a COPY into a table of candles; `ids` are their candle_instruments.id.

    In blocks, so that a process that does other things gets a turn between them.
    """
    yield HEAD
    for start in range(0, len(candles), _BLOCK_ROWS):
        own = slice(start, start + _BLOCK_ROWS)
        rows = np.repeat(_BLANK, len(candles.start_ns[own]))
        rows["instrument"] = ids[own]
        rows["starts_at"] = (candles.start_ns[own] - _2000_NS) // 1000
        for name in COLUMNS:
            if name not in {"instrument", "starts_at"}:
                rows[name] = getattr(candles, name)[own]
        yield rows.tobytes()
    yield TAIL


def from_packed(data: bytes, timeframe: Timeframe, ids: NDArray[np.int32], numbers: NDArray[np.uint32]) -> Candles:
    """Read what `sql.packed` gave, oldest first: the values of the columns alone, as binary COPY has them.

    `ids`, ascending, are the instruments that `numbers` stand for on the mesh. What a table does not hold is 0: end,
    sequence, times of the last trade. Raises ValueError for anything else than candles of these instruments.
    """
    rows = np.frombuffer(data, PACKED)  # a ValueError where they are no whole rows
    rows = rows[np.lexsort((rows["session"], rows["starts_at"]))]
    place = np.searchsorted(ids, rows["instrument"])
    if len(rows) and not (ids[np.minimum(place, len(ids) - 1)] == rows["instrument"]).all():
        raise ValueError("one of these candles is another instrument's")
    return Candles.of(
        len(rows),
        instrument=numbers[place],
        timeframe=timeframe,
        start_ns=rows["starts_at"].astype(np.int64) * 1000 + _2000_NS,
        flags=_flags(rows),
        **{name: rows[name] for name in COLUMNS if name not in {"instrument", "starts_at"}},
    )


def _flags(rows: NDArray[np.void]) -> NDArray[np.uint8]:
    """Say what a table says of its candles: they are closed; of withdrawn ones no trade is left."""
    is_extended, is_amended = rows["session"] == Session.EXTENDED, rows["revision"] > 0
    is_withdrawn = is_amended & (rows["trades"] == 0)
    flags: NDArray[np.uint8] = np.full(len(rows), CandleFlag.CLOSED, np.uint8)
    flags += np.uint8(CandleFlag.EXTENDED) * is_extended
    flags += np.uint8(CandleFlag.AMENDED) * is_amended + np.uint8(CandleFlag.WITHDRAWN) * is_withdrawn
    return flags
