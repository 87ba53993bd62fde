"""`docs/portfolios.md` against the ledger: what each type has, every bound, every refusal, and the file."""

import ast
import re
from collections.abc import Callable, Iterator
from decimal import Decimal

from gateway.portfolios.requests import MAX_FILE_BYTES
from market.ledger.commands import MAX_PORTFOLIOS, MAX_ROWS, MAX_SYMBOLS, MAX_TRANSACTIONS, Fields
from market.ledger.csv_file import COLUMNS, read_file
from market.ledger.decide import MAX_NAME_CHARACTERS
from market.ledger.decimals import MAX_PRICE, MAX_QUANTITY, MAX_TOTAL, UNIT, text
from market.ledger.fields import MAX_NOTE_CHARACTERS, entry_of
from market.ledger.transaction import Kind
from market.refusal import Refused

PAGE = "docs/portfolios.md"
ALL = Fields(None, "XNAS:A", Decimal(2), Decimal(1), Decimal(1))

TableUnder = Callable[[str, str], list[list[str]]]


def test_each_type_has_the_fields_that_the_page_says(table_under: TableUnder) -> None:
    documented = {row[0].strip("`"): re.findall(r"`(\w+)`", row[1]) for row in table_under(PAGE, "Transactions")}
    assert documented.keys() == set(Kind)
    for kind, names in documented.items():
        entry_of(Fields(Kind(kind), **{name: getattr(ALL, name) for name in names}))
        for other in {"symbol", "quantity", "price", "commission"} - set(names):
            given = {name: getattr(ALL, name) for name in (*names, other)}
            assert refused_field(Fields(Kind(kind), **given)) == other


def refused_field(fields: Fields) -> str | None:
    try:
        entry_of(fields)
    except Refused as refused:
        return refused.field
    return None


def test_bounds_are_the_ledgers(table_under: TableUnder) -> None:
    documented = [re.findall(r"[\d.]+", row[1]) for row in table_under(PAGE, "Bounds")]
    least = text(UNIT)
    quantities = [[least, str(MAX_QUANTITY)], [least, str(MAX_PRICE)], *[[str(MAX_TOTAL)]] * 2]
    counts = (MAX_PORTFOLIOS, MAX_SYMBOLS, MAX_TRANSACTIONS, MAX_ROWS, MAX_FILE_BYTES)
    characters = (MAX_NAME_CHARACTERS, MAX_NOTE_CHARACTERS)
    assert documented == [*quantities, *([str(each)] for each in (*counts, *characters))]


def test_refusals_are_the_ledgers(table_under: TableUnder, trees_of: Callable[[str], list[ast.Module]]) -> None:
    documented = {row[0].strip("`"): int(row[1]) for row in table_under(PAGE, "Refusals")}
    packages = ("market/ledger", "mesh/ledger", "workers/portfolio", "gateway/portfolios")
    raised = {each for package in packages for tree in trees_of(package) for each in refusals(tree)}
    counted = {(f"too_many_{name}", 409) for name in ("symbols", "transactions")}
    # market/refusal.py, mesh/commands.py and mesh/numbered.py, for whatever takes commands
    shared = {("invalid_field", 422), ("idempotency_mismatch", 422)}
    faults = {("unreadable_command", 400), ("undecided_command", 500), ("unwritable_command", 500)}
    assert raised | counted | shared | faults == set(documented.items()) | faults | {("bad_line", 422)}


def refusals(tree: ast.Module) -> Iterator[tuple[object, object]]:
    """Yield each code that is written out, with the status that it is answered with."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name("Refused"), args=[ast.Constant(code), _, ast.Constant(status), *_]):
                yield code, status
            case ast.Call(func=ast.Name("Refused"), args=[ast.Constant(code), *_], keywords=keywords):
                yield code, next((each.value.value for each in keywords if each.arg == "status"), 422)
            case ast.Call(
                func=ast.Name("Answer"),
                args=[ast.Constant(status), ast.Dict(keys=[ast.Constant("code"), *_], values=[ast.Constant(code), *_])],
            ):
                yield code, status


def test_the_example_is_a_file(lines_under: Callable[[str, str], list[str]]) -> None:
    lines = lines_under(PAGE, "Files")
    begin = lines.index("```csv")
    rows, problems = read_file("\n".join(lines[begin + 1 : lines.index("```", begin)]).encode())
    assert not problems
    assert [entry_of(row.fields).kind for row in rows] == [Kind.DEPOSIT, Kind.BUY, Kind.SELL]
    documented = re.findall(r"`(\w+)`", " ".join(lines[:begin]))
    assert documented[: len(COLUMNS)] == list(COLUMNS)
