"""CSV files of transactions: what is written can be read again, and every line that cannot be is named.

The first line names the columns, in any order: `type`, and as far as they are needed `symbol`, `quantity`, `price`,
`commission`, `executed_at` and `note`. UTF-8, separated by commas or semicolons, quoted as RFC 4180 says.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from market.ledger.commands import MAX_ROWS, Row
from market.ledger.decimals import text
from market.ledger.fields import read_fields
from market.ledger.times import time_text
from market.ledger.transaction import Kind, Transaction
from market.refusal import MAX_PROBLEMS, LineProblem, Refused

COLUMNS = ("type", "symbol", "quantity", "price", "commission", "executed_at", "note")


class ReadFile(NamedTuple):
    """The rows of a file that could be read, and what is wrong with its other lines, both by rising line.

    A symbol is as it was written, perhaps without its venue, and its currency is not known.
    """

    rows: tuple[Row, ...]
    problems: tuple[LineProblem, ...]


def read_file(content: bytes) -> ReadFile:
    """Read up to 5,000 rows and name up to 1,000 problems; where there is more of either, the last problem says so."""
    rows: list[Row] = []
    problems: list[LineProblem] = []
    lines = _lines(content)
    try:
        columns = _columns(*next(lines, (1, [])))
        for line, cells in lines:
            _check_room(line, len(rows), len(problems))
            try:
                rows.append(Row(line, read_fields(_named(columns, cells))))
            except Refused as refused:
                problems.append(LineProblem.of(line, refused))
    except _FileError as error:
        problems.append(error.problem)
    if not rows and not problems:
        problems.append(LineProblem(1, "", "the file has no transactions", "bad_file"))
    return ReadFile(tuple(rows), tuple(problems))


def write_file(transactions: Iterable[Transaction]) -> str:
    """Write transactions in the order given: those that take effect, in that order, are read back as such."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    writer.writerows(_cells(each) for each in transactions)
    return file.getvalue()


class _FileError(Exception):
    """A problem behind which nothing can be read."""

    def __init__(self, line: int, field: str, reason: str) -> None:
        super().__init__(reason)
        self.problem = LineProblem(line, field, reason, "bad_file")


def _lines(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield each line that holds anything, with its number; a quoted cell may go on over several."""
    literal = _decoded(content)
    first = literal.partition("\n")[0]
    reader = csv.reader(io.StringIO(literal, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",")
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise _FileError(line, "", f"line cannot be read as CSV: {error}") from None
        if any(cells):
            yield line, cells


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _FileError(line, "", "line is not UTF-8") from None


def _columns(line: int, header: list[str]) -> list[str]:
    columns = [cell.lower() for cell in header]
    for column in columns:
        if column not in COLUMNS:
            raise _FileError(line, column[:40], f"column {column[:40]!r} is none of {', '.join(COLUMNS)}")
        if columns.count(column) > 1:
            raise _FileError(line, column, f"column {column!r} is there {columns.count(column)} times")
    if "type" not in columns:
        raise _FileError(line, "type", f"the first line names columns, of {', '.join(COLUMNS)}; type is missing")
    return columns


def _named(columns: list[str], cells: list[str]) -> dict[str, str | None]:
    if len(cells) > len(columns):
        raise Refused("bad_line", f"line has {len(cells)} values; there are {len(columns)} columns")
    return dict(zip(columns, cells, strict=False))


def _check_room(line: int, rows: int, problems: int) -> None:
    if rows == MAX_ROWS:
        raise _FileError(
            line, "", f"a file has at most {MAX_ROWS} transactions; this line and those behind it are more"
        )
    if problems == MAX_PROBLEMS:
        raise _FileError(line, "", f"{problems} lines cannot be read; this line and those behind it were not looked at")


def _cells(transaction: Transaction) -> tuple[str, ...]:
    kind = transaction.kind
    return (
        kind,
        transaction.symbol,
        text(transaction.quantity) if kind.has_symbol else "",
        "" if kind is Kind.SPLIT else text(transaction.price),
        text(transaction.commission) if transaction.commission else "",
        time_text(transaction.executed_at),
        transaction.note,
    )
