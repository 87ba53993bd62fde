"""Depth: ten levels a side, as the rows that travel."""

import numpy as np

from market import rows
from market.book import BOOK_BYTES, LEVELS, ROWS_PER_BOOK, DepthTable
from market.codes import Side
from market.row_type import Rows


def level(instrument: int, side: Side, number: int, price: float) -> Rows:
    row = rows.LEVEL.blank(1)
    row["instrument"], row["side"], row["level"], row["price"], row["size"] = instrument, side, number, price, 100
    return row


def levels(*each: Rows) -> Rows:
    return rows.LEVEL.read(b"".join(row.tobytes() for row in each))


def book(table: DepthTable, instrument: int) -> Rows:
    return rows.LEVEL.read(table.books(np.array([instrument])).tobytes())


def test_an_empty_book_has_its_twenty_levels_without_price_or_size() -> None:
    table = DepthTable()
    table.reserve(3)
    empty = book(table, 2)
    assert len(table) == 3
    assert len(empty) == ROWS_PER_BOOK
    assert empty["instrument"].tolist() == [2] * ROWS_PER_BOOK
    assert empty["side"].tolist() == [Side.BID] * LEVELS + [Side.ASK] * LEVELS
    assert empty["level"].tolist() == [*range(LEVELS), *range(LEVELS)]
    assert np.isnan(empty["price"]).all()
    assert not empty["size"].any()


def test_a_level_lies_at_its_place() -> None:
    table = DepthTable()
    table.reserve(2)
    changed = table.apply(levels(level(1, Side.ASK, 3, 101.0), level(1, Side.BID, 0, 99.0)))
    assert changed.tolist() == [1]
    assert book(table, 1)["price"][[0, LEVELS + 3]].tolist() == [99.0, 101.0]
    assert np.isnan(book(table, 0)["price"]).all()


def test_of_two_rows_for_one_level_the_later_stays() -> None:
    table = DepthTable()
    table.reserve(1)
    table.apply(levels(level(0, Side.BID, 0, 1.0), level(0, Side.BID, 0, 2.0)))
    assert book(table, 0)["price"][0] == 2.0


def test_an_eleventh_level_is_not_kept_and_changes_nothing() -> None:
    table = DepthTable()
    table.reserve(2)
    before = table.books(np.arange(2)).tobytes()
    assert table.apply(levels(level(0, Side.ASK, LEVELS, 5.0))).tolist() == []
    assert table.books(np.arange(2)).tobytes() == before


def test_making_room_keeps_the_books() -> None:
    table = DepthTable()
    table.reserve(1)
    table.apply(levels(level(0, Side.BID, 0, 1.0)))
    table.reserve(4)
    table.reserve(2)
    assert len(table) == 4
    assert book(table, 0)["price"][0] == 1.0
    assert table.books(np.array([3, 0])).shape == (2, BOOK_BYTES)
