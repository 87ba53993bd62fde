"""A valuation against the same done holding by holding in Decimal, and its sums against what it shows."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any
from uuid import UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from market.portfolio.delta import delta
from market.portfolio.money import LARGEST, average_units, money_text, to_minor, units_text, worth
from market.portfolio.prices import Prices
from market.portfolio.valuation import Head, Holdings, instant, summary, valuation
from market.row_type import Rows
from market.state import blank_states
from mesh.raw_json import put_instant
from mesh.valuation_json import PreparedValuation

CURRENCIES = {"USD": 2, "JPY": 0, "KWD": 3, "CLF": 4}
AS_OF_NS = 1_790_000_000_000_000_000
EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)

units = st.integers(1, 10**18)
# Few digits make many ties: half a cent exactly.
quantities = st.one_of(units, st.integers(1, 4000).map(lambda each: each * 10**5), st.integers(1, 10**6))
costs = st.one_of(st.integers(0, 9 * 10**18), st.integers(0, 10**6).map(lambda each: each * 10**5))
prices = st.one_of(
    st.none(),
    st.integers(1, 10**7).map(lambda each: each / 1000),
    st.integers(1, 10**8).map(lambda each: each / 10**8),
    st.sampled_from([99_999_999.5, 1e8, 2e8, -1.0, 0.0, 0.005]),
)


@dataclass
class Case:
    currency: str
    cash: int
    realized: int
    deposited: int
    quantity: list[int]
    cost: list[int]
    last: list[float | None]
    previous: list[float | None]
    sectors: list[str]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    count = draw(st.integers(0, 6))
    many = st.integers(-9 * 10**18, 9 * 10**18)

    def column(each: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(each, min_size=count, max_size=count))

    return Case(
        draw(st.sampled_from(sorted(CURRENCIES))),
        *draw(st.tuples(many, many, many)),
        column(quantities),
        column(costs),
        column(prices),
        column(prices),
        column(st.sampled_from(["", "Energy", "Health care"])),
    )


def states_of(case: Case) -> Rows:
    states = blank_states(len(case.last))
    for name, given_prices in (("last", case.last), ("prev_close", case.previous)):
        states[name] = [np.nan if each is None else each for each in given_prices]
    states["ts_event"] = AS_OF_NS - 12_000_000
    return states


def parts_of(case: Case) -> tuple[Head, Holdings, Prices]:
    head = Head(
        UUID(int=7),
        "Long term",
        case.currency,
        datetime(2026, 1, 2, tzinfo=UTC),
        5,
        case.cash,
        case.realized,
        case.deposited,
    )
    symbols = [f"XNAS:S{place}" for place in range(len(case.quantity))]
    holdings = Holdings(
        symbols,
        [f"Company {place}" for place in range(len(symbols))],
        case.sectors,
        np.array(case.quantity, np.int64),
        np.array(case.cost, np.int64),
    )
    return head, holdings, Prices.of_states(states_of(case))


def one(units_of: int) -> Decimal:
    return Decimal(units_of).scaleb(-8, EXACT)


def shown(amount: Decimal) -> str:
    """Write an amount; there is no zero below zero."""
    return f"{amount or abs(amount):f}"


def price_of(price: float | None, quantity: int) -> Decimal | None:
    """Tell what a price is in Decimal; None where nobody may use it."""
    if price is None or not 0 < price <= 1e8:
        return None
    exact = Decimal(repr(price))
    return exact if EXACT.multiply(exact, one(quantity)) <= LARGEST else None


@given(cases())
def test_it_shows_what_decimal_gives(case: Case) -> None:
    body = valuation(*parts_of(case), AS_OF_NS)
    step = Decimal(1).scaleb(-CURRENCIES[case.currency])
    expected, unpriced = [], []
    for place, quantity in enumerate(case.quantity):
        cost = EXACT.quantize(one(case.cost[place]), step)
        previous = price_of(case.previous[place], quantity)
        quoted = case.last[place]
        usable = quoted is not None and 0 < quoted <= 1e8
        price = price_of(quoted if usable else case.previous[place], quantity)
        value = None if price is None else EXACT.quantize(EXACT.multiply(price, one(quantity)), step)
        before = None if previous is None else EXACT.quantize(EXACT.multiply(previous, one(quantity)), step)
        if value is None:
            unpriced.append(f"XNAS:S{place}")
        expected.append(
            {
                "cost": shown(cost),
                "market_value": None if value is None else shown(value),
                "unrealized": None if value is None else shown(EXACT.subtract(value, cost)),
                "day_change": shown(EXACT.subtract(value, before)) if value is not None and before else None,
                "price": None if price is None else float(price),
                "price_age_ms": None if price is None else 12,
            }
        )
    rows_shown = [{name: row[name] for name in wanted} for row, wanted in zip(body["holdings"], expected, strict=True)]
    assert rows_shown == expected
    assert body["unpriced"] == unpriced
    assert body["cash"] == shown(EXACT.quantize(one(case.cash), step))
    assert body["realized"] == shown(EXACT.quantize(one(case.realized), step))


@given(cases())
def test_its_bytes_say_the_same(case: Case) -> None:
    head, holdings, quoted = parts_of(case)
    numbers = np.arange(len(holdings.symbols), dtype=np.uint32)[::-1]
    prepared, backwards = PreparedValuation(head, holdings, numbers), quoted.take(numbers)
    for as_of_ns in (AS_OF_NS, AS_OF_NS - 10**9):
        assert json.loads(prepared.json(backwards, as_of_ns)) == valuation(head, holdings, quoted, as_of_ns)


@given(st.integers(0, 4 * 10**18))
def test_times_are_written_as_ever(at_ns: int) -> None:
    out = np.zeros(40, np.uint8)
    text = out[3 : put_instant(at_ns, out, 3)].tobytes().decode()
    assert text == instant(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_ns // 1000))


@given(cases())
def test_everything_shown_adds_up(case: Case) -> None:
    head, holdings, quoted = parts_of(case)
    body = valuation(head, holdings, quoted, AS_OF_NS)
    held = body["holdings"]
    value = sum((Decimal(row["market_value"] or row["cost"]) for row in held), Decimal(0))
    assert Decimal(body["market_value"]) == value
    assert Decimal(body["cost_basis"]) == sum(Decimal(row["cost"]) for row in held)
    assert Decimal(body["total_value"]) == value + Decimal(body["cash"])
    assert Decimal(body["unrealized"]) == sum(Decimal(row["unrealized"] or 0) for row in held)
    assert Decimal(body["day_change"]) == sum(Decimal(row["day_change"] or 0) for row in held)
    for parts in body["allocation"].values():
        assert sum(Decimal(part["value"]) for part in parts) == value
    assert summary(head, holdings, quoted, AS_OF_NS) == {
        name: each for name, each in body.items() if name not in {"holdings", "allocation"}
    }


@given(quantities, st.integers(0, 9 * 10**18))
def test_the_average_is_rounded_half_to_even(quantity: int, cost: int) -> None:
    expected = EXACT.quantize(EXACT.divide(Decimal(cost), Decimal(quantity)), Decimal("1e-8"))
    assert average_units(cost, quantity) == int(EXACT.scaleb(expected, 8))


@given(st.integers(-9 * 10**18, 9 * 10**18))
def test_units_are_written_plainly_and_read_back(each: int) -> None:
    text = units_text(each)
    assert "E" not in text
    assert Decimal(text) == one(each)
    assert not ("." in text and text.endswith("0"))
    assert Decimal(money_text(each, 2)) == Decimal(each).scaleb(-2, EXACT)


def test_half_a_minor_unit_goes_to_the_even_one() -> None:
    halves = np.array([1, 3, 5, 7], np.int64)
    half = np.full(4, 50_000_000, np.int64)
    assert worth(half, halves * 1_000_000, 2).tolist() == [0, 2, 2, 4]
    assert to_minor(halves * 500_000, 2).tolist() == [0, 2, 2, 4]
    assert to_minor(-halves * 500_000, 2).tolist() == [0, -2, -2, -4]


@given(st.integers(1, 9 * 10**14), st.integers(1, 10**16))
def test_the_largest_products_are_exact(minor: int, price: int) -> None:
    quantity = min(max(1, minor * 10**12 // price), 10**18)
    exact = EXACT.quantize(EXACT.multiply(one(quantity), one(price)), Decimal("0.0001"))
    if EXACT.multiply(one(quantity), one(price)) <= LARGEST:
        found = worth(np.array([quantity], np.int64), np.array([price], np.int64), 4)
        assert int(found[0]) == int(EXACT.scaleb(exact, 4))


@given(cases(), cases(), st.integers(0, 10**10))
def test_what_changed_makes_the_new_of_the_old(before: Case, after: Case, passed_ns: int) -> None:
    after.currency = before.currency
    old, new = valuation(*parts_of(before), AS_OF_NS), valuation(*parts_of(after), AS_OF_NS + passed_ns)
    assert delta(old, valuation(*parts_of(before), AS_OF_NS + passed_ns)) is None
    changed = delta(old, new)
    if changed is None:
        changed = {**new, "holdings": [], "removed": []}
    rows = {row["symbol"]: row for row in old["holdings"]}
    for symbol in changed["removed"]:
        del rows[symbol]
    rows |= {row["symbol"]: row for row in changed["holdings"]}
    derived = {"price_age_ms", "weight_percent"}
    merged = [{name: each for name, each in row.items() if name not in derived} for row in rows.values()]
    assert sorted(merged, key=lambda row: row["symbol"]) == [
        {name: each for name, each in row.items() if name not in derived} for row in new["holdings"]
    ]
    for name in old.keys() - {"holdings", "allocation", "as_of"}:
        assert changed[name] == new[name]
    # What is left out where nothing is told follows from the rows, and so do the sums.
    total = sum((Decimal(row["market_value"] or row["cost"]) for row in rows.values()), Decimal(0))
    assert Decimal(changed["market_value"]) == total
