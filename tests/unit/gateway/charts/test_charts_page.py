import math

import numpy as np
import pytest

from gateway.charts.answer import Form, answer
from gateway.charts.page import Page, Read, page_of
from gateway.charts.query import ChartQuery, read_query
from market.candles.candles import Candles
from market.candles.sessions import MINUTE_NS, continuous
from market.candles.timeframe import Timeframe
from market.instrument import Instrument, InstrumentId, Listing
from market.symbols import SymbolKey

MINUTE_S = 60
BEGIN_S = 1_774_785_600
LONG_AFTER_NS = (BEGIN_S + 10_000_000) * 10**9
AAPL = Instrument(InstrumentId(3), Listing(SymbolKey("XNAS", "AAPL"), "Apple Inc."))


def query(**given: str) -> ChartQuery:
    texts = {"interval": "1m", "limit": "5", "indicators": "", "fill": "none", "session": "all"} | given
    times = {name: given.get(name) for name in ("start", "end")}
    return read_query(**(texts | times), now_ns=LONG_AFTER_NS)  # type: ignore[arg-type]  # by name


def candles(count: int, *, is_open: bool = False, every: int = 1) -> Candles:
    close = np.arange(count) + 10.0
    flags = np.ones(count, np.uint8)
    flags[-1:] = not is_open
    starts = (BEGIN_S * 10**9) + every * MINUTE_NS * np.arange(count)
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    sums = {"trades": 1, "volume_whole": 2, "turnover_whole": 20}
    return Candles.of(count, instrument=3, timeframe=int(Timeframe.M1), start_ns=starts, flags=flags, **prices, **sums)


def page(asked: ChartQuery, made: Candles, *, is_all: bool = True, now_ns: int = LONG_AFTER_NS) -> Page:
    return page_of(asked, Read(made, is_all), continuous(), now_ns)


def minute_ns(at: int) -> int:
    return BEGIN_S * 10**9 + at * MINUTE_NS


def test_the_newest_are_cut_off_behind_those_before_them() -> None:
    found = page(query(indicators="sma:3"), candles(8))
    assert (found.first, len(found.candles)) == (3, 8)
    assert (found.previous_ns, found.next_ns) == (minute_ns(3), None)


def test_there_is_nothing_before_the_first_of_all() -> None:
    assert page(query(), candles(5)).previous_ns is None
    assert page(query(), candles(5), is_all=False).previous_ns == minute_ns(0)
    assert page(query(), candles(0)).previous_ns is None


def test_from_a_start_on_the_oldest_and_where_the_next_page_begins() -> None:
    found = page(query(start=str(BEGIN_S + 2 * MINUTE_S)), candles(9))
    assert (found.first, len(found.candles), found.previous_ns, found.next_ns) == (2, 7, minute_ns(2), minute_ns(7))
    found = page(query(start=str(BEGIN_S + 6 * MINUTE_S)), candles(9))
    assert (found.first, len(found.candles), found.next_ns) == (6, 9, None)


def test_the_next_page_of_a_range_begins_at_its_end_once_that_is_past() -> None:
    asked = query(end=str(BEGIN_S + 9 * MINUTE_S))
    assert page(asked, candles(9)).next_ns == minute_ns(9)
    assert page(asked, candles(9), now_ns=minute_ns(9)).next_ns is None


@pytest.mark.parametrize(
    ("asked", "count", "after_s", "is_settled"),
    [
        (query(), 5, 10_000, False),
        (query(end=str(BEGIN_S + 300)), 5, 60 + 62, True),
        (query(end=str(BEGIN_S + 300)), 5, 60 + 61, False),
        (query(start=str(BEGIN_S)), 5, 10_000, False),
        (query(start=str(BEGIN_S)), 6, 60 + 62, True),
    ],
)
def test_settled_is_what_nothing_can_come_to(asked: ChartQuery, count: int, after_s: int, is_settled: bool) -> None:
    assert page(asked, candles(count), now_ns=minute_ns(5) + after_s * 10**9).is_settled is is_settled


def test_an_open_candle_is_never_settled() -> None:
    found = page(query(end=str(BEGIN_S + 300)), candles(5, is_open=True))
    assert not found.is_settled
    assert found.closed == 4


def test_a_filled_page_has_no_more_than_was_asked_for() -> None:
    found = page(query(fill="previous"), candles(4, every=3))
    assert (found.candles.start_ns[found.first :] == [minute_ns(at) for at in range(5, 10)]).all()
    assert found.is_filled[found.first :].tolist() == [True, False, True, True, False]
    assert found.previous_ns == minute_ns(5)
    found = page(query(fill="previous", start=str(BEGIN_S)), candles(4, every=3))
    assert (len(found.candles), found.next_ns) == (5, minute_ns(5))


def test_filled_pages_meet() -> None:
    """Gaps are filled up to an end as well, where there is a candle after it."""
    found = page(query(fill="previous", end=str(BEGIN_S + 5 * MINUTE_S)), candles(4, every=3))
    assert (found.candles.start_ns[found.first :] == [minute_ns(at) for at in range(5)]).all()
    assert (found.previous_ns, found.next_ns) == (None, minute_ns(5))
    found = page(query(fill="previous", start=str(BEGIN_S + MINUTE_S), end=str(BEGIN_S + 120)), candles(4, every=3))
    assert (found.candles.start_ns[found.first :] == [minute_ns(1)]).all()


def test_a_gap_beyond_all_bounds_is_not_filled() -> None:
    far = candles(3, every=100_000)
    found = page(query(fill="previous"), far)
    assert len(found.candles) == 1
    assert found.previous_ns == int(far.start_ns[-1]), "the page before is asked for from there"
    assert len(page(query(fill="previous", start=str(BEGIN_S)), far).candles) == 1


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Form.JSON),
        ("*/*", Form.JSON),
        ("text/html, application/xhtml+xml", Form.JSON),
        ("application/vnd.msgpack", Form.MSGPACK),
        ("text/html, TEXT/CSV; q=0.5, application/json", Form.CSV),
        ("application/json, text/csv", Form.JSON),
    ],
)
def test_the_form_is_the_first_that_there_is(accept: str, form: Form) -> None:
    assert Form.of(accept) is form


def test_one_content_has_one_tag_and_others_have_others() -> None:
    made = [
        answer(AAPL, query(), page(query(), candles(count)), form) for count in (3, 4) for form in (Form.JSON, Form.CSV)
    ]
    again = answer(AAPL, query(), page(query(), candles(3)), Form.JSON)
    assert len({each.etag for each in made}) == 4
    assert again.etag == made[0].etag
    assert again.is_known(made[0].etag)
    assert again.is_known(f"W/{made[0].etag}, {made[1].etag}")
    assert again.is_known("*")
    assert not again.is_known("")
    assert not again.is_known(made[1].etag)


def test_of_no_candles_there_are_empty_columns() -> None:
    asked = query(indicators="sma:5,macd:3:6:2,vwap")
    for form in Form:
        assert answer(AAPL, asked, page(asked, candles(0)), form).body
    assert answer(AAPL, asked, page(asked, candles(0)), Form.CSV).body.count(b"\r\n") == 1


def test_what_is_unknown_is_empty_in_csv() -> None:
    asked = query(indicators="sma:3")
    lines = answer(AAPL, asked, page(asked, candles(4)), Form.CSV).body.decode().splitlines()
    assert lines[0] == "t,o,h,l,c,v,n,e,vw,x,filled,sma:3"
    assert [line.split(",")[-1] for line in lines[1:]] == ["", "", "11.0", "12.0"]
    assert math.isclose(float(lines[1].split(",")[8]), 10.0)
