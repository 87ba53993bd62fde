"""Columns of positions against a dict of portfolios: what is put, changed and removed, and what it adds up to."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.portfolio.holders import Holders
from market.portfolio.id_table import IdTable
from market.portfolio.positions import Held, Positions
from market.portfolio.prices import Prices
from market.portfolio.worth import Worths

INSTRUMENTS = 12
PRICES = Prices(
    np.array([0, *range(10**8, 10**9, 90_000_001), 10**16], np.int64)[:INSTRUMENTS],
    np.array([10**8, 0, *range(10**8, 11 * 10**8, 10**8)], np.int64)[:INSTRUMENTS],
    np.zeros(INSTRUMENTS, np.int64),
)
# Ids that begin alike, so that they meet in the table.
ids = st.integers(0, 40).map(lambda each: bytes(8) + each.to_bytes(8, "big"))
holdings = st.dictionaries(
    st.integers(0, INSTRUMENTS - 1), st.tuples(st.integers(1, 10**12), st.integers(0, 10**14)), max_size=8
)
changes = st.dictionaries(
    st.integers(0, INSTRUMENTS - 1), st.one_of(st.just((0, 0)), st.tuples(st.integers(1, 9), st.just(5))), max_size=7
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), ids, holdings, st.sampled_from([0, 2, 3])),
        st.tuples(st.just("change"), ids, changes, st.sampled_from([0, 2])),
        st.tuples(st.just("remove"), ids, st.just({}), st.just(0)),
    ),
    max_size=80,
)


@dataclass
class Oracle:
    portfolios: dict[bytes, tuple[dict[int, tuple[int, int]], int, int]] = field(default_factory=dict)


def held_of(each: dict[int, tuple[int, int]]) -> Held:
    values = list(each.values())
    return Held(
        np.array(list(each), np.uint32),
        np.array([quantity for quantity, _ in values], np.int64),
        np.array([cost for _, cost in values], np.int64),
    )


def play(each: list[tuple[str, bytes, dict[int, tuple[int, int]], int]]) -> tuple[Positions, Oracle]:
    positions, oracle = Positions(), Oracle()
    for revision, (step, portfolio, holds, decimals) in enumerate(each):
        if step == "put":
            row = positions.put(portfolio, revision, -revision, decimals, held_of(holds))
            assert positions.row(portfolio) == row
            oracle.portfolios[portfolio] = (holds, revision, decimals)
        elif step == "change":
            before = oracle.portfolios.get(portfolio, ({}, 0, 0))[0]
            # A portfolio has one currency for life.
            known = oracle.portfolios.get(portfolio, (None, 0, decimals))[2]
            moves = positions.change(portfolio, revision, -revision, known, held_of(holds))
            after = {instrument: amounts for instrument, amounts in (before | holds).items() if amounts[0]}
            assert set(moves.come) == after.keys() - before.keys()
            assert set(moves.gone) == before.keys() - after.keys()
            assert len(moves.come) + len(moves.gone) == len(after.keys() ^ before.keys())
            oracle.portfolios[portfolio] = (after, revision, known)
        elif portfolio in oracle.portfolios:
            positions.remove(portfolio)
            del oracle.portfolios[portfolio]
    return positions, oracle


@given(steps)
def test_it_holds_what_was_put(each: list[tuple[str, bytes, dict[int, tuple[int, int]], int]]) -> None:
    positions, oracle = play(each)
    assert len(positions) == len(positions.rows()) == len(oracle.portfolios)
    rows = {}
    for portfolio in {step[1] for step in each}:
        row = positions.row(portfolio)
        if portfolio not in oracle.portfolios:
            assert row is None
            continue
        assert row is not None
        rows[portfolio] = row
        holds, revision, _ = oracle.portfolios[portfolio]
        held = positions.held(row)
        amounts = zip(held.quantity.tolist(), held.cost.tolist(), strict=True)
        assert dict(zip(held.instrument.tolist(), amounts, strict=True)) == holds
        assert (positions.revision(row), positions.cash(row)) == (revision, -revision)
    assert sorted(rows.values()) == positions.rows().tolist()


@given(steps, st.sets(st.integers(0, INSTRUMENTS - 1)))
def test_all_are_valued_as_each_alone(
    each: list[tuple[str, bytes, dict[int, tuple[int, int]], int]], changed: set[int]
) -> None:
    positions, oracle = play(each)
    rows = positions.rows()
    totals = positions.totals(rows, PRICES)
    place = {int(row): at for at, row in enumerate(rows)}
    touched = set()
    for portfolio, (holds, _, decimals) in oracle.portfolios.items():
        row = positions.row(portfolio)
        assert row is not None
        held = held_of(holds)
        at = held.instrument
        worths = Worths.of(held.quantity, held.cost, PRICES.price[at], PRICES.previous[at], decimals)
        found = tuple(int(column[place[row]]) for column in totals)
        assert found == (worths.value.sum(), worths.cost.sum(), worths.day_change.sum())
        if changed & holds.keys():
            touched.add(row)
    holders = Holders(*positions.instruments(rows))
    assert holders.of(np.array(sorted(changed), np.uint32)).tolist() == sorted(touched)


def test_room_that_is_left_behind_is_won_back() -> None:
    positions = Positions()
    ids_of = [number.to_bytes(16, "little") for number in range(50)]
    for size in range(1, 400):
        for number, portfolio in enumerate(ids_of):
            instruments = np.arange(size, dtype=np.uint32)
            quantity = np.full(size, number + 1, np.int64)
            positions.put(portfolio, size, 0, 2, Held(instruments, quantity, quantity * size))
    # Every step moved all of them; without compaction they would take 200 times what they hold.
    assert positions.size_bytes < 3 * 20 * 50 * 399
    for number, portfolio in enumerate(ids_of):
        row = positions.row(portfolio)
        assert row is not None
        held = positions.held(row)
        assert held.instrument.tolist() == list(range(399))
        assert set(held.quantity.tolist()) == {number + 1}
        assert set(held.cost.tolist()) == {399 * (number + 1)}


def test_room_that_was_made_is_used() -> None:
    positions = Positions()
    positions.reserve(1000, 3000)
    before = positions.size_bytes
    for number in range(1000):
        held = Held(np.arange(3, dtype=np.uint32), np.ones(3, np.int64), np.ones(3, np.int64))
        positions.put(number.to_bytes(16, "little"), 1, 0, 2, held)
    assert before <= positions.size_bytes <= before + 4 * 4096  # the table of ids grows by itself
    assert len(positions) == 1000


@pytest.mark.parametrize("count", [0, 1, 5000])
def test_ids_that_come_and_go_leave_a_table_of_their_number(count: int) -> None:
    table = IdTable()
    for number in range(count):
        key = number.to_bytes(16, "little")
        table.add(key)
        table.remove(key)
        assert table.find(key) is None
    assert len(table) == 0
    assert table.size_bytes < 2048


def test_the_prices_of_some_instruments_are_picked() -> None:
    picked = PRICES.take(np.array([2, 1]))
    assert picked.price.tolist() == PRICES.price[[2, 1]].tolist()
    assert Prices.unknown(3).price.tolist() == [0, 0, 0]


def test_one_that_is_the_last_grows_in_place() -> None:
    positions, one = Positions(), np.ones(1, np.int64)
    portfolio = (1).to_bytes(16, "little")
    positions.reserve(1, 64)
    for instrument in range(60):
        positions.change(portfolio, 1, 0, 2, Held(np.array([instrument], np.uint32), one, one * instrument))
    before = positions.size_bytes
    row = positions.row(portfolio)
    assert row is not None
    assert positions.held(row).cost.tolist() == list(range(60))
    moves = positions.change(portfolio, 2, 7, 2, Held(np.array([5], np.uint32), one * 0, one * 0))
    assert moves == ([], [5])
    # The last takes its place.
    assert positions.held(row).instrument.tolist() == [*range(5), 59, *range(6, 59)]
    assert (positions.cash(row), positions.revision(row), positions.size_bytes) == (7, 2, before)
