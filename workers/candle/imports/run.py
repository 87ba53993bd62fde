"""`tickmesh import`: one file from its name to what is said of it at the end."""

import importlib.util
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from market.candles.sessions import Segments, continuous
from market.candles.timeframe import Timeframe
from market.instrument import Instrument, Listing
from market.symbols import SymbolKey
from mesh.calendars import Calendars
from mesh.candles.store import CandleStore
from mesh.candles.writer import CandleWriter
from mesh.connection import connect
from mesh.directory import Directory
from mesh.streams import declared, ensure
from workers.calendars import times_of
from workers.candle.imports.load import Loaded, check, load
from workers.candle.imports.source import Source, SourceError, open_source
from workers.candle.imports.table import Meaning, symbols_of
from workers.candle.settings import CandleSettings

BOKEH_VENUES = {"IBM": "XNYS"}  # the others are at XNAS


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be imported, and how."""

    file: Path
    timeframe: Timeframe
    venue: str
    symbol: str | None = None
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    columns: Mapping[str, str] = field(default_factory=dict)
    enlists: bool = False
    """Whether symbols that nobody has listed are listed."""
    is_dry: bool = False
    is_strict: bool = False
    venues: Mapping[str, str] = field(default_factory=dict)
    """Of symbols that are at another venue."""


async def import_history(asked: Asked, settings: CandleSettings) -> Loaded:
    """Import a file; raises SourceError where it cannot be, StoreAway where trying again helps."""
    source = open_source(asked.file, asked.columns)
    if source.columns[1] is None and asked.symbol is None:
        raise SourceError(f"{asked.file} has no column of symbols: say --symbol")
    async with AsyncExitStack() as stack:
        connection = await connect(settings, "import")
        stack.push_async_callback(connection.close)
        js = connection.jetstream()
        await ensure(js, declared(settings))
        directory = await Directory.open(js)
        await directory.load()
        if asked.enlists and not asked.is_dry:
            await _enlist(directory, source, asked)
        times: Segments = continuous()
        if asked.timeframe is Timeframe.M1:
            times = (await times_of(await Calendars.open(js), [asked.venue], datetime.now(UTC).date()))[asked.venue]

        def number_of(key: SymbolKey) -> int | None:
            found = directory.get(key)
            return None if found is None else int(found.number)

        def name_of(number: int) -> SymbolKey:
            return _known(directory.numbered(number)).key

        meaning = Meaning(asked.timeframe, asked.venue, asked.venues, asked.symbol, asked.zone, times, number_of)
        if asked.is_dry or asked.is_strict:
            checked = check(source, meaning)
            if asked.is_dry or checked.bad:
                return checked
        store = CandleStore(settings.postgres_dsn, name_of)
        stack.push_async_callback(store.close)
        writer = CandleWriter(settings.postgres_dsn, name_of)
        stack.push_async_callback(writer.close)
        digest = source.digest(asked.symbol, str(asked.zone), asked.enlists)
        return await load(source, meaning, digest, writer, store)


def bokeh_file() -> Path:
    """Find the daily candles of five companies, 2000 to 2013, that bokeh_sampledata brings; raises SourceError."""
    package = importlib.util.find_spec("bokeh_sampledata")
    if package is None or package.origin is None:
        raise SourceError("bokeh_sampledata is not installed")
    return Path(package.origin).parent / "_data" / "stocks.csv.gz"


async def _enlist(directory: Directory, source: Source, asked: Asked) -> None:
    """List the symbols of a file."""
    symbols = {key for piece in source.pieces() for key in symbols_of(piece, asked.venue, asked.venues, asked.symbol)}
    await directory.enlist([Listing(key, key.symbol) for key in sorted(symbols)])


def _known(instrument: Instrument | None) -> Instrument:
    if instrument is None:
        raise LookupError("an instrument has gone from the directory")
    return instrument
