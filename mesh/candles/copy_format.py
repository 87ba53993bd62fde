"""Candles as Postgres reads and writes them in binary COPY: one numpy structured array, no Python per row.

The format: `PGCOPY\\n\\xff\\r\\n\\0`, flags u32 = 0, length of a header extension u32 = 0; a row is its count of fields i16
and for each field its length i32 and value, big-endian; the end is the count -1. A timestamptz is i64 microseconds
since 2000-01-01 UTC. Lengths and types must be the columns' own: an int4 is not read into a bigint.
"""

from collections.abc import Sequence

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
_2000_NS = 946_684_800 * 10**9


def _row_dtype(names: Sequence[str], types: Sequence[str]) -> np.dtype[np.void]:
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in zip(names, types, strict=True):
        fields += [(f"{name}_bytes", ">i4"), (name, kind)]
    return np.dtype(fields)


ROW = _row_dtype(COLUMNS, _TYPES)


def _blank_row() -> NDArray[np.void]:
    row = np.zeros(1, ROW)
    row["fields"] = len(COLUMNS)
    for name in COLUMNS:
        row[f"{name}_bytes"] = ROW[name].itemsize
    return row


_BLANK = _blank_row()


def to_copy(candles: Candles, ids: NDArray[np.int32]) -> bytes:
    """Write candles as the whole input of a COPY into a table of candles; `ids` are their candle_instruments.id."""
    rows = np.repeat(_BLANK, len(candles))
    rows["instrument"] = ids
    rows["starts_at"] = (candles.start_ns - _2000_NS) // 1000
    for name in COLUMNS:
        if name not in {"instrument", "starts_at"}:
            rows[name] = getattr(candles, name)
    return HEAD + rows.tobytes() + TAIL


def from_copy(data: bytes | bytearray, timeframe: Timeframe, number: int) -> Candles:
    """Read what a COPY of one instrument's candles gave; raises ValueError where it is anything else.

    What a table does not hold is 0: end, sequence, times of the last trade.
    """
    body = memoryview(data)[len(HEAD) : -len(TAIL)]
    if data[: len(HEAD)] != HEAD or data[-len(TAIL) :] != TAIL or len(body) % ROW.itemsize:
        raise ValueError(f"{len(data)} bytes are not a binary COPY of candles")
    rows = np.frombuffer(body, ROW)
    if not (rows["fields"] == len(COLUMNS)).all():
        raise ValueError("a row of this COPY has other columns than a candle")
    count = len(rows)
    revision, trades = rows["revision"].astype(np.uint32), rows["trades"].astype(np.int64)
    session = rows["session"].astype(np.uint8)
    return Candles(
        instrument=np.full(count, number, np.uint32),
        timeframe=np.full(count, timeframe, np.uint8),
        session=session,
        start_ns=rows["starts_at"].astype(np.int64) * 1000 + _2000_NS,
        end_ns=np.zeros(count, np.int64),
        revision=revision,
        trades=trades,
        open=rows["open"].astype(np.float64),
        high=rows["high"].astype(np.float64),
        low=rows["low"].astype(np.float64),
        close=rows["close"].astype(np.float64),
        volume_whole=rows["volume_whole"].astype(np.int64),
        volume_nano=rows["volume_nano"].astype(np.int32),
        turnover_whole=rows["turnover_whole"].astype(np.int64),
        turnover_nano=rows["turnover_nano"].astype(np.int32),
        sequence=np.zeros(count, np.uint64),
        ts_event=np.zeros(count, np.int64),
        ts_recv=np.zeros(count, np.int64),
        flags=_flags(session, revision, trades),
    )


def _flags(
    session: NDArray[np.uint8], revision: NDArray[np.uint32], trades: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Say of stored candles what the table says of them: they are closed; withdrawn ones have no trade left."""
    amended = revision > 0
    flags = np.full(len(session), CandleFlag.CLOSED, np.uint8)
    flags[session == Session.EXTENDED] |= CandleFlag.EXTENDED
    flags[amended] |= CandleFlag.AMENDED
    flags[amended & (trades == 0)] |= CandleFlag.WITHDRAWN
    return flags
