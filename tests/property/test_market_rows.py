"""Rows of every type against the ordinary msgpack library, and against every corruption of one byte."""

import math
import struct
from collections.abc import Callable

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market import rows
from market.codes import Kind
from market.row_type import F64, I64, STR8, U8, U32, U64, Encoding, RowError, Rows, RowType

VALUES = {
    U8: st.integers(0, 2**8 - 1),
    U32: st.integers(0, 2**32 - 1),
    U64: st.integers(0, 2**64 - 1),
    I64: st.integers(-(2**63), 2**63 - 1),
    F64: st.floats(),
    # numpy's S8 drops trailing zero bytes, so that text is padded with spaces on the wire.
    STR8: st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8).map(lambda text: text.ljust(8)),
}
row_types = st.sampled_from(rows.ROW_TYPES)
event_types = st.sampled_from(list(rows.EVENT_TYPES.values()))


def values_of(row_type: RowType) -> st.SearchStrategy[tuple[object, ...]]:
    def value(name: str, encoding: Encoding) -> st.SearchStrategy[object]:
        return st.just(int(row_type.kind)) if name == "kind" else VALUES[encoding]

    return st.tuples(*(value(name, encoding) for name, encoding in row_type.fields))


def build(row_type: RowType, values: list[tuple[object, ...]]) -> Rows:
    built = row_type.blank(len(values))
    for at, row in enumerate(values):
        for (name, _), value in zip(row_type.fields, row, strict=True):
            built[name][at] = value.encode() if isinstance(value, str) else value
    return built


def same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return struct.pack(">d", one) == struct.pack(">d", other) or (math.isnan(one) and math.isnan(other))
    return one == other and type(one) is type(other)


def batches(row_type: RowType) -> st.SearchStrategy[tuple[RowType, list[tuple[object, ...]]]]:
    return st.tuples(st.just(row_type), st.lists(values_of(row_type), min_size=1, max_size=5))


@given(row_types.flatmap(batches))
def test_any_batch_is_a_stream_that_msgpack_reads_and_writes_back(
    batch: tuple[RowType, list[tuple[object, ...]]],
) -> None:
    row_type, values = batch
    data = build(row_type, values).tobytes()
    assert len(data) == len(values) * row_type.width_bytes
    unpacker = msgpack.Unpacker()
    unpacker.feed(data)
    for read, written in zip(unpacker, values, strict=True):
        assert all(map(same, read, written))


@given(row_types.flatmap(batches))
def test_numpys_view_of_the_bytes_equals_what_msgpack_decodes(batch: tuple[RowType, list[tuple[object, ...]]]) -> None:
    row_type, values = batch
    data = build(row_type, values).tobytes()
    unpacker = msgpack.Unpacker()
    unpacker.feed(data)
    for viewed, decoded in zip(row_type.read(data).tolist(), unpacker, strict=True):
        texts = [value.decode() if isinstance(value, bytes) else value for value in viewed]
        assert all(map(same, texts, decoded))


@given(st.lists(event_types.flatmap(lambda each: st.tuples(st.just(each), values_of(each))), max_size=8))
def test_a_mixed_batch_is_read_row_by_row_and_sorted_back_by_kind(
    events: list[tuple[RowType, tuple[object, ...]]],
) -> None:
    each = [build(row_type, [values]) for row_type, values in events]
    read = rows.read_events(rows.join(each).tobytes())
    assert read["kind"].tolist() == [row_type.kind for row_type, _ in events]
    for kind in rows.EVENT_TYPES:
        picked, positions = rows.of_kind(read, kind)
        assert positions.tolist() == [at for at, (row_type, _) in enumerate(events) if row_type.kind == kind]
        assert picked.tobytes() == b"".join(each[at].tobytes() for at in positions)


def fixed_bytes(row_type: RowType) -> list[int]:
    """Where every row of a type is alike, found by msgpack's rules alone: the header, each marker, the kind."""
    widths = {0xCC: 1, 0xCE: 4, 0xCF: 8, 0xD3: 8, 0xCB: 8, 0xA8: 8}
    data, fixed = row_type.blank(1).tobytes(), [0]
    at = 3 if data[0] == 0xDC else 1
    fixed = [*range(at), at + 1]
    while at < len(data):
        fixed.append(at)
        at += 1 + widths[data[at]]
    return sorted(fixed)


def corruptions(row_type: RowType) -> st.SearchStrategy[tuple[RowType, int, int]]:
    return st.tuples(st.just(row_type), st.sampled_from(fixed_bytes(row_type)), st.integers(1, 255))


@given(row_types.flatmap(corruptions), st.integers(1, 6), st.data())
def test_every_wrong_byte_is_refused_with_its_row_and_place(
    corruption: tuple[RowType, int, int], count: int, data: st.DataObject
) -> None:
    row_type, place, change = corruption
    row = data.draw(st.integers(0, count - 1))
    wrong = bytearray(row_type.blank(count).tobytes())
    wrong[row * row_type.width_bytes + place] ^= change
    with pytest.raises(RowError, match=rf"^row {row}: byte {place} is not that of a {row_type.name} row$"):
        row_type.read(wrong)


@given(event_types.flatmap(corruptions), st.lists(event_types, max_size=6), st.lists(event_types, max_size=6))
def test_every_wrong_byte_in_a_mixed_batch_is_refused_with_its_row(
    corruption: tuple[RowType, int, int], before: list[RowType], after: list[RowType]
) -> None:
    row_type, place, change = corruption
    wrong = bytearray(row_type.blank(1).tobytes())
    wrong[place] ^= change
    batch = b"".join(
        [*(each.template for each in before), bytes(wrong), *(each.template for each in after)],
    )
    place_of_kind = row_type.offsets["kind"]
    message = rf"^row {len(before)}: " + (
        r"(kind \d+ is|byte \d+ is not that of a)" if place == place_of_kind else f"byte {place} is not that of a"
    )
    with pytest.raises(RowError, match=message):
        rows.read_events(batch)


readers: list[Callable[[bytes], Rows]] = [rows.read_events, *(row_type.read for row_type in rows.ROW_TYPES)]


@given(st.sampled_from(readers), st.binary(max_size=300))
def test_any_bytes_are_rows_or_a_row_error(read: Callable[[bytes], Rows], data: bytes) -> None:
    try:
        found = read(data)
    except RowError:
        return
    assert found.tobytes() == data


@given(st.lists(st.booleans(), max_size=12))
def test_picking_by_mask_or_by_position_is_the_same(mask: list[bool]) -> None:
    batch = rows.TRADE.blank(len(mask))
    batch["trade_id"] = np.arange(len(mask))
    picked = rows.take(batch, np.array(mask, bool))
    assert picked.tobytes() == rows.take(batch, np.flatnonzero(mask)).tobytes()
    assert len(rows.TRADE.read(picked.tobytes())) == sum(mask)


def test_all_kinds_have_a_row_type() -> None:
    assert {row_type.kind for row_type in rows.ROW_TYPES} == set(Kind)
