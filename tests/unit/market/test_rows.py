"""Rows: their exact bytes, and what reading refuses."""

import numpy as np
import pytest

from market import rows
from market.codes import Kind
from market.row_type import RowError, RowType, take

WIDTHS = {
    Kind.TRADE: 73,
    Kind.QUOTE: 73,
    Kind.CORRECTION: 73,
    Kind.STATUS: 73,
    Kind.LEVEL: 62,
    Kind.STATE: 138,
    Kind.CANDLE: 123,
}

TRADE_BYTES = bytes.fromhex(
    "9a cc01 cc01 ce00000007 cf0000000100000002 d300000000000000ff d30000000000000100"
    "cb4059000000000000 cb4049000000000000 cf0000000000000009 cf0000000000000002"
)


def trade() -> np.ndarray:
    row = rows.TRADE.blank(1)
    row["flags"], row["instrument"], row["sequence"] = 1, 7, (1 << 32) + 2
    row["ts_event"], row["ts_recv"] = 255, 256
    row["price"], row["size"], row["trade_id"], row["conditions"] = 100.0, 50.0, 9, 2
    return row


@pytest.mark.parametrize("row_type", rows.ROW_TYPES, ids=lambda row_type: row_type.name)
def test_every_row_of_a_type_has_the_width_of_the_contract(row_type: RowType) -> None:
    assert row_type.width_bytes == row_type.dtype.itemsize == WIDTHS[row_type.kind]
    assert len(row_type.blank(3).tobytes()) == 3 * row_type.width_bytes


def test_a_trade_is_these_bytes() -> None:
    assert trade().tobytes() == TRADE_BYTES


def test_a_trade_is_read_from_these_bytes() -> None:
    (row,) = rows.TRADE.read(TRADE_BYTES)
    assert row.tolist() == (1, 1, 7, (1 << 32) + 2, 255, 256, 100.0, 50.0, 9, 2)


def test_blank_text_is_spaces_and_blank_numbers_are_zero() -> None:
    (row,) = rows.STATUS.blank(1).tolist()
    assert row == (Kind.STATUS, 0, 0, 0, 0, 0, 0, b" " * 8, 0, 0.0)


def test_all_events_share_one_width_and_one_prefix() -> None:
    prefix = rows.EVENT_DTYPE
    for row_type in rows.EVENT_TYPES.values():
        assert row_type.width_bytes == rows.EVENT_BYTES
        assert all(row_type.dtype.fields[name] == prefix.fields[name] for name in prefix.names)


def test_reading_copies_nothing() -> None:
    data = bytearray(TRADE_BYTES)
    read = rows.TRADE.read(data)
    data[rows.TRADE.offsets["flags"]] = 77
    assert read["flags"][0] == 77


def test_no_bytes_are_no_rows() -> None:
    assert len(rows.TRADE.read(b"")) == 0
    assert len(rows.read_events(b"")) == 0


@pytest.mark.parametrize("surplus", [1, 72])
def test_a_length_that_is_not_whole_rows_is_refused(surplus: int) -> None:
    data = TRADE_BYTES + bytes(surplus)
    with pytest.raises(RowError, match=f"{len(data)} bytes are not whole rows of 73"):
        rows.TRADE.read(data)
    with pytest.raises(RowError, match=f"{len(data)} bytes are not whole event rows of 73"):
        rows.read_events(data)


def test_another_kind_of_row_is_refused_at_its_kind() -> None:
    with pytest.raises(RowError, match="row 0: byte 2 is not that of a quote row"):
        rows.QUOTE.read(TRADE_BYTES)


@pytest.mark.parametrize("kind", [0, Kind.LEVEL, Kind.STATE, 255])
def test_a_kind_that_is_no_event_is_refused_by_name(kind: int) -> None:
    data = bytearray(TRADE_BYTES * 3)
    data[73 + 2] = kind
    with pytest.raises(RowError, match=f"row 1: kind {kind} is not an event's"):
        rows.read_events(data)


def test_a_wrong_marker_in_a_mixed_batch_is_named_by_its_row_in_the_batch() -> None:
    data = bytearray(rows.join([rows.QUOTE.blank(2), trade(), rows.STATUS.blank(1)]).tobytes())
    data[2 * 73 + rows.TRADE.offsets["price"] - 1] = 0xCF
    with pytest.raises(RowError, match=f"row 2: byte {rows.TRADE.offsets['price'] - 1} is not that of a trade row"):
        rows.read_events(data)


def test_picking_rows_keeps_the_markers() -> None:
    batch = rows.join([trade(), rows.QUOTE.blank(1), trade()])
    assert take(batch, np.array([2, 0])).tobytes() == 2 * TRADE_BYTES
    assert take(batch, np.array([True, False, False])).tobytes() == TRADE_BYTES


def test_events_of_a_kind_come_with_their_positions() -> None:
    batch = rows.join([rows.QUOTE.blank(1), trade(), rows.QUOTE.blank(1), trade()])
    trades, positions = rows.of_kind(batch, Kind.TRADE)
    assert positions.tolist() == [1, 3]
    assert trades.tobytes() == 2 * TRADE_BYTES
    none, nowhere = rows.of_kind(batch, Kind.STATUS)
    assert len(none) == len(nowhere) == 0


def test_joined_rows_can_be_written() -> None:
    batch = rows.join([trade()])
    batch["ts_recv"] = 5
    assert rows.TRADE.read(batch.tobytes())["ts_recv"][0] == 5


@pytest.mark.parametrize("count", [512, 513, 5000])
def test_a_wrong_byte_is_found_among_few_rows_and_among_many(count: int) -> None:
    batch = bytearray(rows.TRADE.template * count)
    assert len(rows.TRADE.read(batch)) == count
    at = rows.TRADE.offsets["size"] - 1
    batch[(count - 2) * rows.EVENT_BYTES + at] ^= 1
    with pytest.raises(RowError, match=f"row {count - 2}: byte {at} is not that of a trade row"):
        rows.TRADE.read(batch)
