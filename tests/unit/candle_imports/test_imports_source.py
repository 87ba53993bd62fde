import gzip
from pathlib import Path

import fastparquet
import pandas as pd
import pytest

from workers.candle.imports.source import ROWS_AT_ONCE, Source, SourceError, open_source

HEAD = "Ticker,Date,Open,High,Low,Close,Volume,Adj Close"
LINE = "AAPL,2000-03-01,118.56,132.06,118.5,130.31,9616100,4.18"
ROW = ("2000-03-01", "AAPL", "118.56", "132.06", "118.5", "130.31", "9616100")


def file(folder: Path, *lines: str, name: str = "f.csv") -> Path:
    path = folder / name
    text = "\n".join(lines) + "\n" if lines else ""
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def rows(source: Source, skip: int = 0) -> list[tuple[object, ...]]:
    return [row for piece in source.pieces(skip) for row in piece]


@pytest.mark.parametrize("name", ["f.csv", "f.csv.gz"])
def test_usual_names_are_found_whatever_their_case(tmp_path: Path, name: str) -> None:
    source = open_source(file(tmp_path, HEAD, LINE, name=name), {})
    assert source.count == 1
    assert rows(source) == [ROW]


def test_other_names_can_be_given(tmp_path: Path) -> None:
    path = file(tmp_path, "When,First,High,Low,Last,Vol", "1,2,3,4,5,6")
    source = open_source(path, {"time": "When", "open": "first", "close": "Last"})
    assert rows(source) == [("1", None, "2", "3", "4", "5", "6")]


def test_short_lines_have_no_values_at_their_end(tmp_path: Path) -> None:
    source = open_source(file(tmp_path, HEAD, "AAPL,2000-03-01,1"), {})
    assert rows(source) == [("2000-03-01", "AAPL", "1", None, None, None, None)]


def test_rows_come_in_pieces_and_the_first_can_be_left_out(tmp_path: Path) -> None:
    source = open_source(file(tmp_path, HEAD, *[LINE] * (2 * ROWS_AT_ONCE + 1)), {})
    assert [len(piece) for piece in source.pieces()] == [ROWS_AT_ONCE, ROWS_AT_ONCE, 1]
    assert len(rows(source, skip=ROWS_AT_ONCE)) == ROWS_AT_ONCE + 1


def test_parquet_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    frame = pd.DataFrame({"date": pd.to_datetime(["2000-03-01"]), "symbol": ["AAPL"], "open": [1.0], "high": [2.0],
                          "low": [0.5], "close": [1.5], "volume": [100]})  # fmt: skip
    fastparquet.write(str(path), frame)
    source = open_source(path, {})
    assert source.count == 1
    ((time, *others),) = rows(source)
    assert str(time) == "2000-03-01 00:00:00"
    assert others == ["AAPL", 1.0, 2.0, 0.5, 1.5, 100]


def test_a_file_is_told_from_others_by_its_bytes_and_how_it_is_read(tmp_path: Path) -> None:
    source = open_source(file(tmp_path, HEAD, LINE), {})
    same = open_source(file(tmp_path, HEAD, LINE, name="g.csv"), {})
    longer = open_source(file(tmp_path, HEAD, LINE, LINE, name="h.csv"), {})
    assert source.digest("UTC") == same.digest("UTC")
    assert len({source.digest("UTC"), source.digest("Asia/Tokyo"), longer.digest("UTC")}) == 3


@pytest.mark.parametrize(
    ("lines", "named", "complaint"),
    [
        ((), {}, "it is empty"),
        (("a,b", "1,2"), {}, "no column 'time'; there are a, b; say --columns time=NAME"),
        ((HEAD, LINE), {"open": "Opened"}, "no column 'opened'"),
        ((HEAD, LINE), {"symbol": "Name"}, "no column 'name'"),
        ((HEAD, LINE), {"price": "Open"}, "price is none of time, symbol"),
    ],
)
def test_what_is_no_file_of_candles_is_refused(
    tmp_path: Path, lines: tuple[str, ...], named: dict[str, str], complaint: str
) -> None:
    with pytest.raises(SourceError, match=complaint):
        open_source(file(tmp_path, *lines), named)


@pytest.mark.parametrize("name", ["none.csv", "none.parquet"])
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="none"):
        open_source(tmp_path / name, {})


def test_bytes_that_are_no_parquet_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"f\.parquet"):
        open_source(file(tmp_path, HEAD, name="f.parquet"), {})
