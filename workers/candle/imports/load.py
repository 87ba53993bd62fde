"""Loads a file into the tables: each piece in one transaction with how far the file is, so it can go on any time."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm  # type: ignore[import-untyped]  # it ships no annotations

from market.candles.candles import Candles
from market.candles.sessions import DAY_NS, first_of_month, monday_of
from market.candles.timeframe import Session, Timeframe
from mesh.candles import sql
from mesh.candles.postgres import Connection
from mesh.candles.store import CandleStore
from mesh.candles.writer import Also, CandleWriter
from workers.candle.imports.source import Source
from workers.candle.imports.table import Bad, Meaning, merged, read_rows

SHOWN_BAD = 20
_MOST_DAYS = 100_000


@dataclass(slots=True)
class Loaded:
    """What became of a file."""

    rows: int = 0
    """Looked at now."""
    before: int = 0
    """Loaded by an earlier run."""
    written: int = 0
    """New candles; others were there already, from the tape or from an earlier file."""
    bad: Counter[str] = field(default_factory=Counter)
    shown: list[Bad] = field(default_factory=list)
    """The first bad rows."""
    was_finished: bool = False
    """Whether an earlier run had loaded all of it."""

    def note(self, bad: Sequence[Bad]) -> None:
        """Count bad rows."""
        self.bad.update(each.reason for each in bad)
        self.shown += bad[: SHOWN_BAD - len(self.shown)]


def check(source: Source, meaning: Meaning) -> Loaded:
    """Read a file and write nothing."""
    loaded = Loaded()
    for piece in source.pieces():
        read = read_rows(piece, loaded.rows + 2, meaning)
        loaded.rows += len(piece)
        loaded.note(read.bad)
    return loaded


async def load(source: Source, meaning: Meaning, digest: bytes, writer: CandleWriter, store: CandleStore) -> Loaded:
    """Load what is not loaded yet of a file; days also make weeks and months. Raises StoreAway: run it again then."""
    mark = {"digest": digest, "timeframe": int(meaning.timeframe), "venue": meaning.venue}
    loaded = Loaded()
    loaded.before, loaded.was_finished = await _progress(writer, mark)
    if loaded.was_finished:
        return loaded
    spans: dict[int, tuple[int, int]] = {}
    with tqdm(total=source.count, initial=loaded.before, unit=" rows", disable=not sys.stderr.isatty()) as bar:
        for piece in source.pieces():
            read = read_rows(piece, loaded.rows + 2, meaning)
            loaded.rows += len(piece)
            _widen(spans, read.candles)
            if loaded.rows <= loaded.before:  # read all the same: weeks and months are of all days
                continue
            loaded.note(read.bad)
            loaded.written += await writer.write(read.candles, also=_marking(mark, loaded.rows, is_finished=False))
            bar.update(len(piece))
    if meaning.timeframe is Timeframe.D1:
        for number, (first_ns, last_ns) in spans.items():
            loaded.written += await writer.write(await _longer(store, number, first_ns, last_ns))
    await writer.write(Candles.of(0), also=_marking(mark, loaded.rows, is_finished=True))
    return loaded


async def _progress(writer: CandleWriter, mark: dict[str, object]) -> tuple[int, bool]:
    """Ask how many rows of a file are loaded, and whether all is done."""
    found: list[tuple[int, bool]] = []

    async def ask(connection: Connection) -> None:
        row = await (await connection.execute(sql.IMPORT_PROGRESS, mark)).fetchone()
        if row is not None:
            found.append((int(str(row[0])), row[1] is not None))

    await writer.write(Candles.of(0), also=ask)
    return found[0] if found else (0, False)


def _marking(mark: dict[str, object], rows: int, *, is_finished: bool) -> Also:
    async def note(connection: Connection) -> None:
        await connection.execute(sql.MARK_IMPORT, mark | {"rows_done": rows, "is_finished": is_finished})

    return note


def _widen(spans: dict[int, tuple[int, int]], candles: Candles) -> None:
    """Note from when to when each instrument has candles."""
    for number in np.unique(candles.instrument).tolist():
        starts = candles.start_ns[candles.instrument == number]
        first, last = spans.get(number, (int(starts[0]), int(starts[0])))
        spans[number] = min(first, int(starts[0])), max(last, int(starts[-1]))


async def _longer(store: CandleStore, number: int, first_ns: int, last_ns: int) -> Candles:
    """Make the weeks and months that days are in, of all days that are stored."""
    first_day, last_day = np.int32(first_ns // DAY_NS), np.int32(last_ns // DAY_NS)
    begins = min(int(monday_of(first_day)), int(first_of_month(first_day)))
    ends = max(int(monday_of(last_day)) + 7, int(first_of_month(last_day)) + 31)
    days = await store.between(number, Timeframe.D1, begins * DAY_NS, ends * DAY_NS, (Session.REGULAR,), _MOST_DAYS)
    return Candles.concat([merged(days, Timeframe.W1), merged(days, Timeframe.MO1)])
