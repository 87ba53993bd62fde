"""Files of candles as rows: CSV, gzipped or not, and Parquet."""

import csv
import gzip
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, TextIO

ROWS_AT_ONCE = 10_000

# By what a column may be called, whatever its case; the first that is there counts.
FIELDS: dict[str, tuple[str, ...]] = {
    "time": ("time", "timestamp", "datetime", "date", "t"),
    "symbol": ("symbol", "ticker", "s"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v"),
}
OPTIONAL = {"symbol"}

Row = tuple[object, ...]
"""The values of FIELDS, in their order; None for a column that is not there."""


class SourceError(ValueError):
    """A file cannot be read as candles; the message says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file, and which of its columns are which."""

    path: Path
    columns: tuple[str | None, ...]
    """The file's names of FIELDS, in their order."""
    count: int
    """How many rows it has."""

    def digest(self, *options: object) -> bytes:
        """Tell this file, read with these options, from any other."""
        digest = hashlib.blake2b(repr((self.columns, options)).encode(), digest_size=32)
        with self.path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
        return digest.digest()

    def pieces(self, skip: int = 0) -> Iterator[list[Row]]:
        """Give the rows after the first `skip`, some at a time."""
        rows = islice(_parquet_rows(self) if _is_parquet(self.path) else _csv_rows(self), skip, None)
        while piece := list(islice(rows, ROWS_AT_ONCE)):
            yield piece


def open_source(path: Path, named: Mapping[str, str]) -> Source:
    """Find a file's columns, by the names given or by those that are usual; raises SourceError."""
    unknown = sorted(named.keys() - FIELDS.keys())
    if unknown:
        raise SourceError(f"--columns: {unknown[0]} is none of {', '.join(FIELDS)}")
    try:
        header, count = _parquet_head(path) if _is_parquet(path) else _csv_head(path)
    except (OSError, ValueError, csv.Error) as error:
        raise SourceError(f"{path}: {error}") from error
    return Source(path, tuple(_column(path, header, field, named) for field in FIELDS), count)


def _column(path: Path, header: Sequence[str], field: str, named: Mapping[str, str]) -> str | None:
    by_name = {name.strip().lower(): name for name in reversed(header)}
    wanted = (named[field].lower(),) if field in named else FIELDS[field]
    found = next((by_name[name] for name in wanted if name in by_name), None)
    if found is None and (field in named or field not in OPTIONAL):
        raise SourceError(f"{path}: no column {wanted[0]!r}; there are {', '.join(header)}; say --columns {field}=NAME")
    return found


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in {".parquet", ".pq"}


@contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    if path.suffix.lower() == ".gz":
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
            yield file
    else:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file


def _csv_head(path: Path) -> tuple[list[str], int]:
    with _text(path) as file:
        reader = csv.reader(file)
        header = next(reader, None)
        if header is None:
            raise ValueError("it is empty")
        return header, sum(1 for _ in reader)


def _csv_rows(source: Source) -> Iterator[Row]:
    with _text(source.path) as file:
        reader = csv.reader(file)
        header = next(reader)
        places = [None if name is None else header.index(name) for name in source.columns]
        for row in reader:
            yield tuple(None if at is None or at >= len(row) else row[at] for at in places)


def _parquet_head(path: Path) -> tuple[list[str], int]:
    with _parquet(path) as file:
        return list(file.columns), int(file.count())


def _parquet_rows(source: Source) -> Iterator[Row]:
    wanted = [name for name in source.columns if name is not None]
    with _parquet(source.path) as file:
        for frame in file.iter_row_groups(columns=wanted):
            columns = [None if name is None else frame[name].tolist() for name in source.columns]
            for at in range(len(frame)):
                yield tuple(None if column is None else column[at] for column in columns)


@contextmanager
def _parquet(path: Path) -> Iterator[Any]:  # fastparquet ships no annotations
    """Open a file; whatever the library opens of it is closed at the end, which it leaves to chance."""
    import fastparquet  # type: ignore[import-untyped]  # noqa: PLC0415  # it brings pandas: half a second

    with ExitStack() as opened:

        def open_with(name: str, mode: str = "rb") -> IO[bytes]:
            file: IO[bytes] = opened.enter_context(Path(name).open(mode))
            return file

        yield fastparquet.ParquetFile(str(path), open_with=open_with)
