"""A portfolio's days: the ledger as of each close against the ledger of only what came before, closes of venues."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.candles.calendar import build_segments
from market.candles.candles import Candles
from market.candles.sessions import DAY_NS, Segments, continuous
from market.ledger.holding import Holding
from market.ledger.transaction import Kind, Transaction
from market.portfolio.closing_prices import ClosingPrices
from market.portfolio.history import Day, Standing, closed_day, closes_between, performance, standings
from market.portfolio.money import price_units

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR_NS = 3_600_000_000_000


def entry(kind: Kind, hours: int, price: str, quantity: str = "1", symbol: str = "") -> Transaction:
    at = START + timedelta(hours=hours)
    return Transaction(UUID(int=hours), kind, symbol, Decimal(quantity), Decimal(price), Decimal(0), at, at, 1, 0, 1, 0)


entries = st.lists(
    st.one_of(
        st.tuples(st.just(Kind.BUY), st.integers(0, 90), st.sampled_from("AB"), st.integers(1, 900)),
        st.tuples(
            st.sampled_from([Kind.DEPOSIT, Kind.WITHDRAWAL, Kind.FEE]), st.integers(0, 90), st.just(""), st.just(7)
        ),
        st.tuples(st.just(Kind.DIVIDEND), st.integers(0, 90), st.sampled_from("AB"), st.integers(1, 9)),
    ),
    max_size=20,
)


@given(entries, st.lists(st.integers(0, 100), max_size=8))
def test_a_standing_is_the_ledger_of_what_came_before(each: list[tuple[Kind, int, str, int]], hours: list[int]) -> None:
    transactions = [
        entry(kind, hour, str(price), symbol=symbol)
        for kind, hour, symbol, price in sorted(each, key=lambda one: one[1])
    ]
    instants = [START + timedelta(hours=hour) for hour in sorted(hours)]
    found = list(standings(transactions, instants))
    assert len(found) == len(instants)
    for instant, standing in zip(instants, found, strict=True):
        before = [one for one in transactions if one.executed_at <= instant]
        symbols = {one.symbol for one in before if one.symbol}
        assert standing.cash == sum(one.cash for one in before)
        assert standing.deposited == sum(one.cash for one in before if one.kind in {Kind.DEPOSIT, Kind.WITHDRAWAL})
        assert standing.holdings.keys() == symbols
        for symbol in symbols:
            holding = Holding()
            for one in before:
                holding = holding.after(one) if one.symbol == symbol else holding
            assert standing.holdings[symbol] == holding


def test_a_day_is_valued_at_its_closing_prices() -> None:
    transactions = [
        entry(Kind.DEPOSIT, 1, "1000"),
        entry(Kind.BUY, 2, "10", "3", "A"),
        entry(Kind.BUY, 3, "2.005", "1", "B"),
        entry(Kind.BUY, 4, "1", "1", "C"),
        entry(Kind.SELL, 5, "1.5", "1", "C"),
    ]
    at = START + timedelta(hours=6)
    (standing,) = standings(transactions, [at])
    day = closed_day(START.date(), at, "USD", standing, Decimal(100), {"A": 12_500_000_00})
    assert day.cash == Decimal("968.50")  # 968.495, half to even
    assert (day.market_value, day.cost) == (Decimal("39.50"), Decimal("32.00"))  # B counts at its cost, 2.00
    assert (day.total_value, day.realized, day.net_flow) == (Decimal("1008.00"), Decimal("0.50"), Decimal(900))
    assert day.priced_at == at
    empty = closed_day(START.date(), at, "JPY", Standing(Decimal(5), Decimal(5), {}), Decimal(0), {})
    assert (empty.total_value, empty.market_value) == (5, 0)


def day_of(number: int, total: str, flow: str = "0") -> Day:
    zero = Decimal(0)
    return Day(START.date() + timedelta(number), Decimal(total), zero, zero, zero, zero, Decimal(flow), START)


def test_what_is_paid_in_is_no_gain() -> None:
    found = performance("USD", [day_of(0, "100"), day_of(1, "110"), day_of(2, "220", "100"), day_of(3, "110")])
    assert [each["return_percent"] for each in found["days"]] == [None, 10.0, 4.7619, -50.0]
    assert found["time_weighted_percent"] == -42.381
    assert found["days"][2] == {
        "day": "2026-03-04",
        "total_value": "220.00",
        "net_flow": "100.00",
        "return_percent": 4.7619,
    }


@pytest.mark.parametrize("days", [[], [day_of(0, "5")], [day_of(0, "-5"), day_of(1, "5")]])
def test_nothing_is_told_of_what_had_no_value(days: list[Day]) -> None:
    found = performance("JPY", days)
    assert found["time_weighted_percent"] is None
    assert [each["return_percent"] for each in found["days"]] == [None] * len(days)


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**6)), min_size=2, max_size=30))
def test_without_payments_it_is_the_growth_of_the_whole(values: list[tuple[int, int]]) -> None:
    days = [day_of(number, str(value)) for number, (value, _) in enumerate(values)]
    whole = 100 * (values[-1][0] / values[0][0] - 1)
    assert performance("USD", days)["time_weighted_percent"] == pytest.approx(whole, abs=1e-3, rel=1e-6)


def of_two_days() -> Segments:
    day = (START.date() - date(1970, 1, 1)).days
    opens = np.array([day * 24 + 14, (day + 1) * 24 + 14], np.int64) * HOUR_NS
    closes = np.array([day * 24 + 21, (day + 1) * 24 + 18], np.int64) * HOUR_NS  # a half day
    none = np.full(2, np.iinfo(np.int64).min)
    return build_segments(opens, closes, none, none, np.array([day, day + 1], np.int32), "America/New_York")


def test_closes_are_those_of_the_venues_sessions() -> None:
    first, second = START.date(), START.date() + timedelta(1)
    closes = {first: START + timedelta(hours=21), second: START + timedelta(hours=42)}
    assert closes_between(of_two_days(), START - timedelta(9), START + timedelta(9)) == closes
    assert closes_between(of_two_days(), closes[first], closes[second]) == {second: closes[second]}
    assert closes_between(of_two_days(), closes[second], START + timedelta(9)) == {}


def test_a_venue_that_never_closes_has_midnights() -> None:
    found = closes_between(continuous(), START, START + timedelta(2))
    assert found == {
        START.date(): START + timedelta(1),
        START.date() + timedelta(1): START + timedelta(2),
    }


def test_prices_become_units() -> None:
    assert price_units(np.array([1.5, np.nan, np.inf, -1.0])).tolist() == [150_000_000, 0, 0, 0]


def test_a_close_stands_until_the_next() -> None:
    candles = Candles.of(5)
    candles.instrument[:] = [7, 3, 7, 7, 3]
    day = (START.date() - date(1970, 1, 1)).days
    candles.start_ns[:] = (day + np.array([2, 0, 0, 1, 1])) * DAY_NS
    candles.close[:] = [3.0, 9.0, 1.0, np.nan, 8.0]
    prices = ClosingPrices({"A": 7, "B": 3, "C": 4}, candles)
    found = [prices.on(START.date() + timedelta(number), ["A", "B", "C", "D"]) for number in range(-1, 4)]
    one = 10**8
    assert found == [{}, *({"A": a * one, "B": b * one} for a, b in [(1, 9), (1, 8), (3, 8), (3, 8)])]
