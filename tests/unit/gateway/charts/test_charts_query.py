import pytest

from gateway.charts.query import ChartQuery, read_query
from gateway.problems import Problem
from market.candles.timeframe import Session, Timeframe

NOW_S = 1_774_794_600  # 2026-03-29T14:30:00Z
SECOND_NS = 1_000_000_000
GIVEN: dict[str, str | None] = {
    "interval": "1m", "start": None, "end": None, "limit": "500", "indicators": "", "fill": "none", "session": "all",
}  # fmt: skip


def query(**given: str | None) -> ChartQuery:
    return read_query(**(GIVEN | given), now_ns=NOW_S * SECOND_NS)  # type: ignore[arg-type]  # by name


def test_what_is_not_given_has_its_default() -> None:
    assert query() == ChartQuery(Timeframe.M1, None, None, 500, "all", is_filled=False, indicators=())


def test_a_minute_is_not_a_month() -> None:
    assert query(interval="1m").timeframe is Timeframe.M1
    assert query(interval="1M").timeframe is Timeframe.MO1


@pytest.mark.parametrize(
    "text",
    [
        "1774791000",
        "2026-03-29T13:30:00Z",
        "2026-03-29T13:30:00.0Z",
        "2026-03-29T15:30:00+02:00",
        "2026-03-29T15:30:00 02:00",
    ],
)
def test_times_are_seconds_or_text_with_a_zone(text: str) -> None:
    assert query(start=text).start_ns == 1774791000 * SECOND_NS


def test_sessions_and_sums_of_them() -> None:
    assert query(session="regular").sessions == (Session.REGULAR,)
    assert query(session="all", interval="1d").is_combined
    assert not query(session="all", interval="1h").is_combined
    assert not query(session="extended", interval="1d").is_combined


def test_each_indicator_is_there_once_and_says_its_warm_up() -> None:
    asked = query(indicators="sma:20,ema:50,rsi:14,macd:12:26:9,bbands:20:2,vwap,sma:20")
    assert [each.text for each in asked.indicators] == [
        "sma:20",
        "ema:50",
        "rsi:14",
        "macd:12:26:9",
        "bbands:20:2",
        "vwap",
    ]
    assert [each.warm_up for each in asked.indicators] == [19, 750, 448, 435, 19, 0]
    assert asked.warm_up == 750
    assert asked.needs_day
    assert not query(indicators="sma:5").needs_day
    assert not query(indicators="vwap", interval="1w").needs_day
    assert query().warm_up == 0


@pytest.mark.parametrize(
    ("field", "text", "bound"),
    [
        ("interval", "2m", "1m, 5m, 15m, 1h, 1d, 1w, 1M"),
        ("interval", "1D", "1m, 5m"),
        ("limit", "0", "1 to 5000"),
        ("limit", "5001", "1 to 5000"),
        ("limit", "1e3", "1 to 5000"),
        ("limit", "-1", "1 to 5000"),
        ("limit", "٣", "1 to 5000"),
        ("fill", "next", "none, previous"),
        ("session", "night", "all, regular, extended"),
        ("start", "631151999", "from 1990"),
        ("start", str(NOW_S + 86_401), "a day from now"),
        ("end", "2026-03-29", "ISO 8601"),
        ("end", "2026-02-30T00:00:00Z", "ISO 8601"),
        ("end", "9" * 13, "ISO 8601"),
        ("end", "", "ISO 8601"),
        ("indicators", "wma:5", "sma, ema, rsi, macd, bbands, vwap"),
        ("indicators", "sma", "sma:N (N a whole number from 2 to 200)"),
        ("indicators", "sma:5:6", "sma:N"),
        ("indicators", "sma:1", "N a whole number from 2 to 200"),
        ("indicators", "sma:201", "from 2 to 200"),
        ("indicators", "sma:5.5", "a whole number"),
        ("indicators", "rsi:101", "from 2 to 100"),
        ("indicators", "macd:26:12:9", "fast length must be below"),
        ("indicators", "macd:12:12:9", "fast length must be below"),
        ("indicators", "macd:12:26:101", "G a whole number from 2 to 100"),
        ("indicators", "bbands:20:0.05", "K from 0.1 to 10"),
        ("indicators", "sma:1_0", "a whole number"),
        ("indicators", "sma: 20", "a whole number"),
        ("indicators", "bbands:20:nan", "K from 0.1 to 10"),
        ("indicators", "bbands:20:inf", "K from 0.1 to 10"),
        ("indicators", "vwap:1", "not of the form vwap"),
        ("indicators", ",", "'' is not an indicator"),
        ("indicators", ",".join(f"sma:{n}" for n in range(2, 11)), "at most 8"),
    ],
)  # fmt: skip
def test_what_is_out_of_bounds_is_refused_with_the_bound(field: str, text: str, bound: str) -> None:
    with pytest.raises(Problem) as refused:
        query(**{field: text})
    document = refused.value.document()
    assert (document["status"], document["code"], document["field"]) == (422, "invalid_field", field)
    assert bound in str(document["bound"])


def test_a_range_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(Problem, match="later than start"):
        query(start="1774791000", end="1774791000")
