"""What the documentation's tests share: reading Markdown pages of this repository."""

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.images import Image, quote_image
from market import rows
from market.instrument import Instrument, InstrumentId, Listing
from market.symbols import SymbolKey

ROOT = Path(__file__).parents[3]
Table = list[list[str]]
Code = tuple[str, str]  # language, text


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def lines_under() -> Callable[[str, str], list[str]]:
    """Give the lines of a page from a heading to the next one of any level."""

    def find(page: str, heading: str) -> list[str]:
        lines = (ROOT / page).read_text().splitlines()
        is_code = False
        begin = end = None
        for at, line in enumerate(lines):
            is_code ^= line.startswith("```")
            if is_code or not re.match(r"#+ ", line):
                continue
            if begin is not None:
                end = at
                break
            if line.lstrip("# ") == heading:
                begin = at + 1
        assert begin is not None, f"{page} has no heading {heading!r}"
        return lines[begin:end]

    return find


@pytest.fixture(scope="session")
def table_under(lines_under: Callable[[str, str], list[str]]) -> Callable[[str, str], Table]:
    """Give the cells of the one table under a heading, without its head."""

    def read(page: str, heading: str) -> Table:
        rows = [line for line in lines_under(page, heading) if line.startswith("|")]
        assert len(rows) > 2, f"{page}: no table under {heading!r}"
        cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]
        assert {len(row) for row in cells} == {len(cells[0])}, f"{page}: ragged table under {heading!r}"
        return cells[2:]

    return read


@pytest.fixture(scope="session")
def code_in() -> Callable[[str], list[Code]]:
    """Give the fenced code blocks of some Markdown."""

    def read(text: str) -> list[Code]:
        return [(match[1], match[2]) for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)]

    return read


@pytest.fixture(scope="session")
def json_under(
    lines_under: Callable[[str, str], list[str]], code_in: Callable[[str], list[Code]]
) -> Callable[[str, str], list[dict[str, object]]]:
    """Give the JSON examples under a heading of a page."""
    return lambda page, heading: [
        json.loads(text) for language, text in code_in("\n".join(lines_under(page, heading))) if language == "json"
    ]


@pytest.fixture(scope="session")
def trees_of() -> Callable[[str], list[ast.Module]]:
    """Give the source of a package, module by module."""
    return lambda package: [ast.parse(path.read_text()) for path in sorted((ROOT / package).rglob("*.py"))]


@pytest.fixture(scope="session")
def image() -> Image:
    """Show one instrument's state as the gateway's REST does."""
    state = rows.STATE.blank(1)
    for name, value in (("bid", 229.86), ("ts_event", 10**18), ("ts_recv", 10**18), ("sequence", 1)):
        state[name] = value
    return quote_image(Instrument(InstrumentId(0), Listing(SymbolKey("XNAS", "AAPL"), "Apple Inc.")), state)
