"""CSV files: what is read, and how each bad line is named."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from market.ledger.commands import Fields, Row
from market.ledger.csv_file import read_file, write_file
from market.ledger.transaction import Kind, Transaction

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("separator", [",", ";"])
def test_columns_come_in_any_order_and_may_be_missing(start: str, separator: str) -> None:
    lines = ["Price,TYPE,symbol", "", '10.5,buy,"XNAS:A"', " ,, ", "100,DEPOSIT"]
    file = start + "\r\n".join(lines).replace(",", separator)
    assert read_file(file.encode()) == (
        (Row(3, Fields(Kind.BUY, "XNAS:A", price=Decimal("10.5"))), Row(5, Fields(Kind.DEPOSIT, price=Decimal(100)))),
        (),
    )


def test_all_that_transactions_have_is_written() -> None:
    def entry(kind: Kind, symbol: str, quantity: str, price: str, commission: str, note: str) -> Transaction:
        numbers = (Decimal(quantity), Decimal(price), Decimal(commission))
        return Transaction(UUID(int=1), kind, symbol, *numbers, NOON, NOON, 1, 0, 1, 0, note=note)

    entries = [
        entry(Kind.BUY, "XNAS:A", "1.50", "10", "0.10", 'a "note", long'),
        entry(Kind.SPLIT, "XNAS:A", "4", "0", "0", ""),
        entry(Kind.FEE, "", "1", "1000", "0", ""),
    ]
    assert write_file(entries).splitlines() == [
        "type,symbol,quantity,price,commission,executed_at,note",
        'BUY,XNAS:A,1.5,10,0.1,2026-03-02T12:00:00.000000Z,"a ""note"", long"',
        "SPLIT,XNAS:A,4,,,2026-03-02T12:00:00.000000Z,",
        "FEE,,,1000,,2026-03-02T12:00:00.000000Z,",
    ]


def test_every_bad_line_is_named() -> None:
    file = b'type,price\nFEE,x\nBET,1\nFEE,1,2\n"FE\nE",1\nFEE,1\n'
    rows, problems = read_file(file)
    assert [row.line for row in rows] == [7]
    assert [(each.line, each.field, each.code) for each in problems] == [
        (2, "price", "invalid_field"),
        (3, "type", "invalid_field"),
        (4, "", "bad_line"),
        (5, "type", "invalid_field"),
    ]
    assert problems[2].reason == "line has 3 values; there are 2 columns"


@pytest.mark.parametrize(
    ("content", "line", "field", "says"),
    [
        (b"", 1, "type", "the first line names columns"),
        (b"price,note\n1,x\n", 1, "type", "type is missing"),
        (b"\n\ntype,colour\n", 3, "colour", "none of type, symbol"),
        (b"type,price,Type\n", 1, "type", "is there 2 times"),
        (b"type,price\n", 1, "", "no transactions"),
        (b"type,price\nFEE,1\nFEE,\xff\n", 3, "", "not UTF-8"),
        (b"type,note\nFEE," + b"x" * 200_000, 2, "", "cannot be read as CSV"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(content: bytes, line: int, field: str, says: str) -> None:
    problem = read_file(content).problems[-1]
    assert (problem.line, problem.field, problem.code) == (line, field, "bad_file")
    assert says in problem.reason


def test_a_file_has_a_bound_in_rows_and_in_problems() -> None:
    rows, problems = read_file(b"type,price\n" + b"FEE,1\n" * 5000)
    assert (len(rows), problems) == (5000, ())
    rows, problems = read_file(b"type,price\n" + b"FEE,1\n" * 5001)
    assert (len(rows), [each.line for each in problems]) == (5000, [5002])
    rows, problems = read_file(b"type,price\n" + b"FEE,x\n" * 1002)
    assert (rows, len(problems), problems[-1].line) == ((), 1001, 1002)
