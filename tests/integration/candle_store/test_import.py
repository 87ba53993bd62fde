"""`tickmesh import` as an operator runs it: real servers, files of a test's own and the one that bokeh brings."""

import asyncio
import dataclasses
import gzip
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from infra.cli import main
from infra.local.servers import NatsServer
from market.candles.candles import Candles
from market.candles.sessions import continuous
from market.candles.timeframe import Timeframe
from market.symbols import SymbolKey
from mesh.candles.store import ALL, CandleStore
from mesh.candles.writer import CandleWriter
from mesh.connection import connect
from mesh.directory import Directory
from mesh.settings import MeshSettings
from mesh.streams import declared, ensure
from workers.candle.imports.load import load
from workers.candle.imports.run import bokeh_file
from workers.candle.imports.source import open_source
from workers.candle.imports.table import Meaning

Run = Callable[..., int]
HEAD = "date,symbol,open,high,low,close,volume"


@pytest.fixture
def run(candles_url: str, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command against this test's servers."""
    for name in [name for name in os.environ if name.startswith("TICKMESH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TICKMESH_NATS_URL", nats_server.url)
    monkeypatch.setenv("TICKMESH_POSTGRES_DSN", candles_url)
    return lambda *arguments: main([str(each) for each in arguments])


async def stored(nats_server: NatsServer, candles_url: str, symbol: SymbolKey, timeframe: Timeframe) -> Candles:
    connection = await connect(MeshSettings(nats_url=nats_server.url), "test")
    try:
        directory = await Directory.open(connection.jetstream())
        await directory.load()
        instrument = directory.get(symbol)
        assert instrument is not None
        store = CandleStore(candles_url, lambda _: symbol)
        found = await store.between(int(instrument.number), timeframe, 0, 2**62, ALL)
        await store.close()
        return found
    finally:
        await connection.close()


def test_real_daily_candles_are_loaded_once(
    run: Run, nats_server: NatsServer, candles_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("import", "--bokeh") == 0
    assert "12154 rows read, 0 of them bad" in capsys.readouterr().out
    with gzip.open(bokeh_file(), "rt") as file:
        rows = [line.split(",") for line in file if line.startswith("IBM")]
    found = asyncio.run(stored(nats_server, candles_url, SymbolKey("XNYS", "IBM"), Timeframe.D1))
    assert found.close.tolist() == [float(row[5]) for row in rows]
    assert found.volume.tolist() == [float(row[6]) for row in rows]
    weeks = asyncio.run(stored(nats_server, candles_url, SymbolKey("XNYS", "IBM"), Timeframe.W1))
    months = asyncio.run(stored(nats_server, candles_url, SymbolKey("XNYS", "IBM"), Timeframe.MO1))
    assert (len(weeks), len(months)) == (679, 157)
    assert months.volume.sum() == weeks.volume.sum() == found.volume.sum()
    assert run("import", "--bokeh") == 0
    assert capsys.readouterr().out == "already imported: 12154 rows\n"


def test_bad_rows_are_named_and_the_others_loaded(
    run: Run, tmp_path: Path, nats_server: NatsServer, candles_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "days.csv"
    rows = ["2020-01-02,A,1,2,0.5,1.5,10", "2020-01-03,A,1,0.5,2,1,1", "x,A,1,2,0.5,1.5,1"]
    file.write_text("\n".join([HEAD, *rows, ""]))
    assert run("import", file, "--venue", "XNAS", "--enlist", "--strict") == 1
    said = capsys.readouterr().out
    assert "line 3: high below low\nline 4: time cannot be read\n" in said
    assert "3 rows read, 2 of them bad; nothing was written" in said
    assert run("import", file, "--venue", "XNAS", "--enlist", "--dry-run") == 0
    assert "nothing was written" in capsys.readouterr().out
    assert run("import", file, "--venue", "XNAS", "--enlist") == 0
    assert "3 rows read, 2 of them bad; 3 new candles" in capsys.readouterr().out
    assert asyncio.run(stored(nats_server, candles_url, SymbolKey("XNAS", "A"), Timeframe.D1)).close.tolist() == [1.5]


def test_symbols_that_nobody_listed_are_refused_unless_told(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "days.csv"
    file.write_text(f"{HEAD}\n2020-01-02,NEW,1,2,0.5,1.5,10\n")
    assert run("import", file, "--venue", "XNAS") == 0
    assert "1 rows: unknown symbol" in capsys.readouterr().out
    assert run("import", file, "--venue", "XNAS", "--enlist") == 0
    assert "3 new candles" in capsys.readouterr().out


def test_minutes_are_of_the_venues_sessions(
    run: Run, tmp_path: Path, nats_server: NatsServer, candles_url: str
) -> None:
    file = tmp_path / "minutes.csv"
    rows = ["2026-03-27 09:29,1,2,0.5,1.5,10", "2026-03-27 09:30,1,2,0.5,1.5,10"]
    file.write_text("\n".join(["time,open,high,low,close,volume", *rows, ""]))
    options = "--venue XNAS --symbol M --timeframe 1m --zone America/New_York --enlist"
    assert run("import", file, *options.split()) == 0
    found = asyncio.run(stored(nats_server, candles_url, SymbolKey("XNAS", "M"), Timeframe.M1))
    assert found.session.tolist() == [1, 0]
    assert found.start_ns.tolist() == [1_774_618_140 * 10**9, 1_774_618_200 * 10**9]


async def test_an_import_that_was_cut_off_goes_on_where_it_was(
    candles_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.candle.imports.source.ROWS_AT_ONCE", 100)
    file = tmp_path / "days.csv"
    days = [f"{2000 + at // 336}-{at // 28 % 12 + 1:02}-{at % 28 + 1:02}" for at in range(1000)]
    file.write_text("\n".join([HEAD, *(f"{day},A,1,2,0.5,1.5,10" for day in days), ""]))
    source = open_source(file, {})
    key = SymbolKey("XNAS", "A")
    asked = itertools.count(1)

    def number_until_cut_off(_: SymbolKey) -> int:
        if next(asked) > 450:
            raise InterruptedError
        return 7

    store, writer = CandleStore(candles_url, lambda _: key), CandleWriter(candles_url, lambda _: key)
    meaning = Meaning(Timeframe.D1, "XNAS", {}, None, ZoneInfo("UTC"), continuous(), number_until_cut_off)
    with pytest.raises(InterruptedError):
        await load(source, meaning, b"digest", writer, store)
    assert len(await store.between(7, Timeframe.D1, 0, 2**62)) == 400
    meaning = dataclasses.replace(meaning, number_of=lambda _: 7)
    loaded = await load(source, meaning, b"digest", writer, store)
    assert (loaded.before, loaded.rows) == (400, 1000)
    assert len(await store.between(7, Timeframe.D1, 0, 2**62)) == 1000
    again = await load(source, meaning, b"digest", writer, store)
    assert (again.was_finished, again.before, again.written) == (True, 1000, 0)
    await writer.close()
    await store.close()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["import"], "say which FILE"),
        (["import", "none.csv", "--venue", "XNAS"], "none.csv"),
        (["import", "none.csv"], "say which FILE"),
    ],
)
def test_what_cannot_be_imported_is_said(
    run: Run, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 1
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("action", ["verify", "rebuild"])
def test_an_empty_tape_says_nothing_else_than_empty_tables(
    run: Run, nats_server: NatsServer, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(declare(nats_server))
    assert run("candles", action) == 0
    lines = capsys.readouterr().out.splitlines()
    nothing = [f"{timeframe.text:>3}: equal 0, missing 0, different 0, more 0" for timeframe in Timeframe]
    assert lines == nothing + (["0 were equal, 0 written"] if action == "rebuild" else [])


async def declare(nats_server: NatsServer) -> None:
    settings = MeshSettings(nats_url=nats_server.url)
    connection = await connect(settings, "test")
    await ensure(connection.jetstream(), declared(settings))
    await connection.close()
