import math
from collections.abc import Callable
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from market.candles.candles import Candles
from market.candles.sessions import DAY_NS, MINUTE_NS, Segments, continuous
from market.candles.timeframe import Session, Timeframe
from market.symbols import SymbolKey
from workers.candle.imports.source import Row
from workers.candle.imports.table import Meaning, Read, merged, read_rows, symbols_of

NUMBERS = {SymbolKey("XNAS", "AAPL"): 3, SymbolKey("XNYS", "IBM"): 5}
DAY: Row = ("2000-03-01", "AAPL", "118.56", "132.06", "118.5", "130.31", "9616100")
MINUTE: Row = ("2026-03-27T09:30:00", "AAPL", 10.0, 11.0, 9.0, 10.5, 100.25)


def read(*rows: Row, timeframe: Timeframe = Timeframe.D1, symbol: str | None = None, zone: str = "UTC") -> Read:
    venues = {"IBM": "XNYS"}
    meaning = Meaning(timeframe, "XNAS", venues, symbol, ZoneInfo(zone), continuous(), NUMBERS.get)
    return read_rows(rows, 2, meaning)


def changed(row: Row, **values: object) -> Row:
    names = ("time", "symbol", "open", "high", "low", "close", "volume")
    return tuple(values.get(name, value) for name, value in zip(names, row, strict=True))


def test_a_day_is_keyed_by_its_date_and_never_wins_over_the_tape() -> None:
    found = read(DAY, changed(DAY, symbol="IBM")).candles
    assert found.instrument.tolist() == [3, 5]
    assert found.start_ns.tolist() == [11017 * DAY_NS] * 2
    assert (found.revision.tolist(), found.trades.tolist()) == ([0, 0], [0, 0])
    assert (found.open[0], found.high[0], found.low[0], found.close[0]) == (118.56, 132.06, 118.5, 130.31)
    assert found.volume[0] == 9616100
    assert found.vwap[0] == pytest.approx((132.06 + 118.5 + 130.31) / 3)


def test_a_minute_is_of_its_zone_unless_it_says_another() -> None:
    local = read(MINUTE, timeframe=Timeframe.M1, zone="America/New_York").candles
    said = read(changed(MINUTE, time="2026-03-27T13:30:00Z"), timeframe=Timeframe.M1, zone="Asia/Tokyo").candles
    counted = read(changed(MINUTE, time=1_774_618_200), timeframe=Timeframe.M1, zone="Asia/Tokyo").candles
    assert local.start_ns.tolist() == said.start_ns.tolist() == counted.start_ns.tolist() == [29_576_970 * MINUTE_NS]
    assert local.volume.tolist() == [100.25]


def test_a_minute_is_of_the_session_that_it_is_in() -> None:
    open_at = 29_576_970
    starts = np.array([open_at - 100, open_at], np.int32)
    segments = Segments(starts, np.array([1, 0], np.uint8), np.zeros(2, np.int32), open_at + 390, "UTC")
    meaning = Meaning(Timeframe.M1, "XNAS", {}, None, ZoneInfo("UTC"), segments, NUMBERS.get)
    rows = [changed(MINUTE, time=60 * (open_at + at)) for at in (-1, 0)]
    assert read_rows(rows, 2, meaning).candles.session.tolist() == [Session.EXTENDED, Session.REGULAR]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"close": "x"}, "not a number"),
        ({"close": None}, "not a number"),
        ({"close": math.nan}, "not a number"),
        ({"volume": math.inf}, "not a number"),
        ({"low": "0"}, "price out of bounds"),
        ({"high": 1e9}, "price out of bounds"),
        ({"high": 118.0}, "high below low"),
        ({"open": 140}, "open or close outside low to high"),
        ({"close": 118.0}, "open or close outside low to high"),
        ({"volume": -1}, "volume out of bounds"),
        ({"volume": 1e14}, "volume out of bounds"),
        ({"time": "yesterday"}, "time cannot be read"),
        ({"time": ""}, "time cannot be read"),
        ({"time": "9" * 30}, "time cannot be read"),
        ({"time": "1700-01-01"}, "time out of bounds"),
        ({"symbol": "NOPE"}, "unknown symbol"),
        ({"symbol": ""}, "no symbol"),
    ],
)
def test_what_is_no_candle_is_named_by_its_line_and_reason(values: dict[str, object], reason: str) -> None:
    found = read(DAY, changed(DAY, **values))
    assert len(found.candles) == 1
    assert found.bad == ((3, reason),)


@pytest.mark.parametrize(
    ("time", "reason"),
    [("2026-03-27T09:30:01Z", "time is not that of a whole minute"), ("2101-01-01T00:00:00Z", "time out of bounds")],
)
def test_a_minute_begins_on_the_minute(time: str, reason: str) -> None:
    assert read(changed(MINUTE, time=time), timeframe=Timeframe.M1).bad == ((2, reason),)


def test_the_last_of_a_repeated_candle_counts() -> None:
    found = read(DAY, changed(DAY, close="119")).candles
    assert found.close.tolist() == [119.0]


def test_rows_without_a_symbol_are_of_the_one_given() -> None:
    assert read(changed(DAY, symbol=None), symbol="AAPL").candles.instrument.tolist() == [3]
    given = [changed(DAY, symbol=each) for each in (None, "IBM", "")]
    assert symbols_of(given, "XNAS", {"IBM": "XNYS"}, "AAPL") == set(NUMBERS)


def test_nothing_makes_nothing() -> None:
    assert len(read().candles) == 0
    assert len(merged(Candles.of(0), Timeframe.W1)) == 0


def monday(day: int) -> int:
    return day - (day + 3) % 7


def first_of_month(day: int) -> int:
    return (date(1970, 1, 1) + timedelta(day)).replace(day=1).toordinal() - date(1970, 1, 1).toordinal()


@pytest.mark.parametrize(("timeframe", "label"), [(Timeframe.W1, monday), (Timeframe.MO1, first_of_month)])
def test_weeks_and_months_are_their_days(timeframe: Timeframe, label: Callable[[int], int]) -> None:
    draw = np.random.default_rng(5)
    dates = np.sort(draw.choice(np.arange(11_000, 11_400), 250, replace=False))
    close = draw.uniform(10, 20, 250)
    days = Candles.of(
        250,
        instrument=3,
        timeframe=int(Timeframe.D1),
        start_ns=dates * DAY_NS,
        trades=2,
        open=close - 1,
        high=close + 1,
        low=close - 2,
        close=close,
        volume_whole=draw.integers(0, 100, 250),
        volume_nano=600_000_000,
    )
    found = merged(days, timeframe)
    by_label: dict[int, list[int]] = {}
    for at, day in enumerate(dates.tolist()):
        by_label.setdefault(label(day), []).append(at)
    assert found.start_ns.tolist() == [each * DAY_NS for each in by_label]
    for at, own in enumerate(by_label.values()):
        assert (found.open[at], found.close[at]) == (close[own[0]] - 1, close[own[-1]])
        assert (found.high[at], found.low[at]) == (close[own].max() + 1, close[own].min() - 2)
        assert found.trades[at] == 2 * len(own)
        assert found.volume[at] == pytest.approx(days.volume[own].sum())
        assert 0 <= found.volume_nano[at] < 10**9
