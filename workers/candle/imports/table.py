"""Rows of a file as candles, and which of them are none. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from market.candles.candles import Candles
from market.candles.exact import carry, split
from market.candles.sessions import DAY_NS, MINUTE_NS, Segments, first_of_month, monday_of
from market.candles.timeframe import Session, Timeframe
from market.codes import CandleFlag
from market.symbols import SymbolError, SymbolKey
from workers.candle.imports.source import Row

_EPOCH = date(1970, 1, 1)
_FIRST_DAY = (date(1900, 1, 1) - _EPOCH).days
_LAST_DAY = (date(2100, 1, 1) - _EPOCH).days
_MAX_PRICE, _MAX_VOLUME, _MAX_TURNOVER = 1e8, 1e13, 1e17


class Bad(NamedTuple):
    """A row that is no candle: its line, counted from 1 with the header, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the rows of a file mean."""

    timeframe: Timeframe
    """D1 or M1."""
    venue: str
    venues: Mapping[str, str]
    """Of symbols that are at another venue."""
    symbol: str | None
    """Of every row, where the file does not say it."""
    zone: ZoneInfo
    """Of times that have none."""
    segments: Segments
    number_of: Callable[[SymbolKey], int | None]
    """Give an instrument's number; None for one that is not listed."""


@dataclass(frozen=True, slots=True)
class Read:
    """What became of some rows."""

    candles: Candles
    bad: tuple[Bad, ...]


def read_rows(rows: Sequence[Row], first_line: int, meaning: Meaning) -> Read:
    """Make candles of rows; one that is repeated counts once, as it came last."""
    good: list[tuple[int, int, int, float, float, float, float, float]] = []
    bad = []
    for at, row in enumerate(rows):
        try:
            good.append(_candle(row, meaning))
        except _BadRow as error:
            bad.append(Bad(first_line + at, str(error)))
    numbers, starts, sessions, *figures = zip(*good, strict=True) if good else [()] * 8
    opened, high, low, close, volume = (np.array(column, np.float64) for column in figures)
    candles = Candles.of(
        len(good),
        instrument=np.array(numbers, np.uint32),
        timeframe=int(meaning.timeframe),
        session=np.array(sessions, np.uint8),
        start_ns=np.array(starts, np.int64),
        open=opened,
        high=high,
        low=low,
        close=close,
        flags=CandleFlag.CLOSED,
        **_sum_columns("volume", volume),
        **_sum_columns("turnover", volume * (high + low + close) / 3),
    )
    return Read(candles.sorted_newest(), tuple(bad))


def symbols_of(rows: Sequence[Row], venue: str, venues: Mapping[str, str], of_all: str | None) -> set[SymbolKey]:
    """Give the instruments that rows name."""
    keys = {_key(symbol, venue, venues, of_all) for symbol in {row[1] for row in rows}}
    return {key for key in keys if key is not None}


def merged(days: Candles, timeframe: Timeframe) -> Candles:
    """Make weeks or months of the regular days of one instrument, oldest first."""
    days = days.take((days.session == Session.REGULAR) & ~np.isnan(days.close))
    if not len(days):
        return days
    day = (days.start_ns // DAY_NS).astype(np.int32)
    label = monday_of(day) if timeframe is Timeframe.W1 else first_of_month(day)
    begins = np.flatnonzero(np.diff(label, prepend=label[0] - 1))
    ends = np.append(begins[1:], len(days)) - 1
    sums = {}
    for name in ("volume", "turnover"):
        nano = np.add.reduceat(getattr(days, f"{name}_nano").astype(np.int64), begins)
        whole = np.add.reduceat(getattr(days, f"{name}_whole"), begins)
        sums[f"{name}_whole"], sums[f"{name}_nano"] = carry(whole, nano)
    return Candles.of(
        len(begins),
        instrument=days.instrument[begins],
        timeframe=int(timeframe),
        session=Session.REGULAR,
        start_ns=label[begins].astype(np.int64) * DAY_NS,
        trades=np.add.reduceat(days.trades, begins),
        open=days.open[begins],
        high=np.maximum.reduceat(days.high, begins),
        low=np.minimum.reduceat(days.low, begins),
        close=days.close[ends],
        flags=CandleFlag.CLOSED,
        **sums,
    )


class _BadRow(Exception):  # noqa: N818  # the row is, not the program
    """Why a row is none."""


def _candle(row: Row, meaning: Meaning) -> tuple[int, int, int, float, float, float, float, float]:
    time, symbol, *figures = row
    key = _key(symbol, meaning.venue, meaning.venues, meaning.symbol)
    if key is None:
        raise _BadRow("no symbol")
    number = meaning.number_of(key)
    if number is None:
        raise _BadRow("unknown symbol")
    start_ns, session = _start(time, meaning)
    opened, high, low, close, volume = (_figure(each) for each in figures)
    if not all(0 < price <= _MAX_PRICE for price in (opened, high, low, close)):
        raise _BadRow("price out of bounds")
    if high < low:
        raise _BadRow("high below low")
    if not (low <= opened <= high and low <= close <= high):
        raise _BadRow("open or close outside low to high")
    if not 0 <= volume <= _MAX_VOLUME or volume * high > _MAX_TURNOVER:
        raise _BadRow("volume out of bounds")
    return number, start_ns, session, opened, high, low, close, volume


def _key(symbol: object, venue: str, venues: Mapping[str, str], of_all: str | None) -> SymbolKey | None:
    text = str(symbol if symbol is not None else of_all).strip()
    try:
        return SymbolKey(venues.get(text, venue), text)
    except SymbolError:
        return None


def _figure(value: object) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError):
        raise _BadRow("not a number") from None
    if not math.isfinite(number):
        raise _BadRow("not a number")
    return number


def _start(time: object, meaning: Meaning) -> tuple[int, int]:
    """Give a candle's key and its kind of time."""
    try:
        moment = _moment(str(time).strip(), meaning)
    except (ValueError, OverflowError):
        raise _BadRow("time cannot be read") from None
    if meaning.timeframe is Timeframe.D1:
        day = (moment.date() - _EPOCH).days
        if not _FIRST_DAY <= day < _LAST_DAY:
            raise _BadRow("time out of bounds")
        return day * DAY_NS, Session.REGULAR
    seconds = moment.timestamp()
    if seconds % 60 or not _FIRST_DAY * 86_400 <= seconds < _LAST_DAY * 86_400:
        raise _BadRow("time is not that of a whole minute" if seconds % 60 else "time out of bounds")
    minute = int(seconds) // 60
    return minute * MINUTE_NS, meaning.segments.window(Timeframe.M1, minute).session


def _moment(text: str, meaning: Meaning) -> datetime:
    """Read ISO 8601 or seconds since 1970; a day is that of the zone."""
    if text.lstrip("-").isdigit() and len(text) != len("20000301"):
        return datetime.fromtimestamp(int(text), UTC if meaning.timeframe is Timeframe.M1 else meaning.zone)
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=meaning.zone) if moment.tzinfo is None else moment


def _sum_columns(name: str, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[str, np.ndarray]:
    whole, nano = split(values)
    if nano is None:
        nano = np.zeros(len(values), np.int64)
    whole, nano = carry(whole, nano)
    return {f"{name}_whole": whole, f"{name}_nano": nano}
