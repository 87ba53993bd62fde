"""Candles as binary COPY, byte by byte, and back."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.candles.candles import Candles
from market.candles.timeframe import Session, Timeframe
from market.codes import CandleFlag
from mesh.candles.copy_format import COLUMNS, HEAD, PACKED, ROW, TAIL, copy_blocks, from_packed

IDS, NUMBERS = np.array([17], np.int32), np.array([3], np.uint32)


def to_copy(candles: Candles, ids: npt.NDArray[np.int32]) -> bytes:
    return b"".join(copy_blocks(candles, ids))


def packed(candles: Candles, ids: npt.NDArray[np.int32]) -> bytes:
    """Pack what is copied: the same values without their lengths."""
    rows = np.frombuffer(to_copy(candles, ids)[len(HEAD) : -len(TAIL)], ROW)
    values = np.zeros(len(rows), PACKED)
    for name in COLUMNS:
        values[name] = rows[name]
    return values.tobytes()


def candle(**columns: float) -> Candles:
    return Candles.of(1, **{"instrument": 3, "timeframe": Timeframe.M1, "flags": CandleFlag.CLOSED, **columns})


def test_a_row_is_what_postgres_documents() -> None:
    made = candle(
        session=Session.EXTENDED,
        start_ns=946_684_800 * 10**9 + 60 * 10**9,  # the first minute of 2000
        revision=2,
        trades=2**40,
        open=1.5,
        high=4.5,
        low=0.5,
        close=2.5,
        volume_whole=2**50,
        volume_nano=999_999_999,
        turnover_whole=7,
        turnover_nano=8,
    )
    values = [
        struct.pack(">i", 17),
        struct.pack(">h", 1),
        struct.pack(">q", 60_000_000),
        struct.pack(">i", 2),
        struct.pack(">q", 2**40),
        *(struct.pack(">d", price) for price in (1.5, 4.5, 0.5, 2.5)),
        struct.pack(">q", 2**50),
        struct.pack(">i", 999_999_999),
        struct.pack(">q", 7),
        struct.pack(">i", 8),
    ]
    body = struct.pack(">h", 13) + b"".join(struct.pack(">i", len(value)) + value for value in values)
    assert to_copy(made, IDS) == b"PGCOPY\n\xff\r\n\0" + bytes(8) + body + b"\xff\xff"


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from(Session),
            st.integers(-(2**50), 2**50),
            st.integers(0, 2**31 - 1),
            st.integers(0, 2**63 - 1),
            st.floats(),
            st.integers(-(2**63), 2**63 - 1),
            st.integers(0, 10**9 - 1),
        )
    )
)
def test_what_is_written_is_read_back_bit_by_bit(drawn: list[tuple[float, ...]]) -> None:
    numbers, sessions, starts_us, revisions, trades, prices, whole, nano = (
        zip(*drawn, strict=True) if drawn else [()] * 8
    )
    ids, known = np.array([4, 8, 90], np.int32), np.array([500, 2, 70], np.uint32)
    place = np.array(numbers, np.intp)
    made = Candles.of(
        len(drawn),
        instrument=known[place],
        timeframe=Timeframe.H1,
        session=sessions,
        start_ns=np.array(starts_us, np.int64) * 1000,
        revision=revisions,
        trades=trades,
        **dict.fromkeys(("open", "high", "low", "close"), prices),
        **dict.fromkeys(("volume_whole", "turnover_whole"), np.array(whole, np.int64)),
        **dict.fromkeys(("volume_nano", "turnover_nano"), nano),
    )
    found = from_packed(packed(made, ids[place]), Timeframe.H1, ids, known)
    made = made.take(np.lexsort((made.session, made.start_ns)))
    for name in ("instrument", "timeframe", "session", "start_ns", "revision", "trades", "open", "volume_whole"):
        assert getattr(found, name).tobytes() == getattr(made, name).tobytes(), name
    assert found.volume_nano.tolist() == found.turnover_nano.tolist() == made.volume_nano.tolist()


@pytest.mark.parametrize(
    ("columns", "flags"),
    [
        ({}, CandleFlag.CLOSED),
        ({"session": 1}, CandleFlag.CLOSED | CandleFlag.EXTENDED),
        ({"revision": 1, "trades": 1}, CandleFlag.CLOSED | CandleFlag.AMENDED),
        ({"revision": 1}, CandleFlag.CLOSED | CandleFlag.AMENDED | CandleFlag.WITHDRAWN),
    ],
)
def test_flags_follow_from_the_columns(columns: dict[str, float], flags: CandleFlag) -> None:
    found = from_packed(packed(candle(**columns), IDS), Timeframe.M1, IDS, NUMBERS)
    assert found.flags.tolist() == [flags]


def test_other_bytes_are_refused() -> None:
    good = packed(candle(), IDS)
    for data in (good[:-2], good[1:], good + b"\0"):
        with pytest.raises(ValueError, match="size"):
            from_packed(data, Timeframe.M1, IDS, NUMBERS)
    with pytest.raises(ValueError, match="another instrument"):
        from_packed(good, Timeframe.M1, np.array([16, 18], np.int32), np.array([1, 2], np.uint32))
    assert len(from_packed(b"", Timeframe.M1, IDS, NUMBERS)) == 0


def test_many_candles_are_several_blocks_of_one_input() -> None:
    many = Candles.of(50_000, instrument=3, timeframe=Timeframe.M1, trades=np.arange(50_000))
    blocks = list(copy_blocks(many, np.full(50_000, 17, np.int32)))
    assert blocks[0] == HEAD
    assert blocks[-1] == TAIL
    assert np.frombuffer(b"".join(blocks[1:-1]), ROW)["trades"].tolist() == list(range(50_000))
    assert len(blocks) > 3
