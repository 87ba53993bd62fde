"""The ledger against plain integers: any commands, in any order of time, in any batches."""

import re
from collections.abc import Callable, Collection
from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from random import Random
from uuid import UUID, uuid5

from hypothesis import given, settings
from hypothesis import strategies as st

from market.ledger.book import Book
from market.ledger.commands import Action, Command, Create, Fields, Import, Record, Row
from market.ledger.csv_file import read_file, write_file
from market.ledger.decimals import ZERO, parse, product, share, text
from market.ledger.holding import Holding
from market.ledger.transaction import ORDERED_KINDS, Kind, effective
from tests.ledger_oracle import Offline, half_even, recompute
from tests.ledger_stream import START, SYMBOLS, USERS, Stream
from tests.ledger_tables import Tables

randoms = st.randoms(use_true_random=False)
seeds = st.integers(0, 2**32)


def applied(commands: list[Command], random: Random, largest_batch: int) -> Tables:
    """Apply commands in batches of any size."""
    tables, numbered = Tables(), list(enumerate(commands, start=1))
    while numbered:
        size = random.randint(1, largest_batch)
        tables.apply(numbered[:size])
        numbered = numbered[size:]
    return tables


def written(tables: Tables) -> list[str]:
    """All rows and answers to the byte, though equal decimals could be written in more than one way."""
    return [
        *sorted(map(repr, tables.portfolios.items())),
        *sorted(repr((key, each)) for key, rows in tables.transactions.items() for each in rows.values()),
        *sorted(repr((key, each)) for key, rows in tables.holdings.items() for each in rows.items()),
        *map(repr, tables.answers),
    ]


def held_of(tables: Tables, portfolio: UUID) -> Collection[Holding]:
    return tables.holdings[portfolio].values()


def check_against_the_oracle(commands: list[Command], tables: Tables) -> None:
    offline = Offline()
    for sequence, (command, answer) in enumerate(zip(commands, tables.answers, strict=True), start=1):
        assert offline.apply(command, sequence) == (answer.status < 300), (command, answer)
    assert {key for key, each in tables.portfolios.items() if not each.deleted_at} == offline.names.keys()
    for key, portfolio in tables.portfolios.items():
        totals, holdings = recompute(offline.rows[key])
        assert asdict(portfolio.totals) == totals
        assert {symbol: asdict(held) for symbol, held in tables.holdings[key].items()} == holdings
        assert all(
            held.cost == held.bought - held.sold + held.commissions + held.realized for held in held_of(tables, key)
        )
        cost, sums = sum((held.cost for held in held_of(tables, key)), ZERO), portfolio.totals
        assert sums.cash + cost == sums.deposited - sums.fees + sums.realized + sums.dividends
        assert recompute(map(asdict, tables.transactions[key].values())) == (totals, holdings)
        assert Book.of(tables.transactions[key].values()) == Book(portfolio.totals, tables.holdings[key])


@given(randoms, st.integers(1, 12))
@settings(max_examples=100)
def test_what_is_accepted_and_what_it_comes_to_is_what_plain_integers_say(random: Random, count: int) -> None:
    commands = Stream(random).commands(count)
    check_against_the_oracle(commands, applied(commands, random, 4))


@given(seeds)
@settings(max_examples=10)
def test_long_streams_are_what_plain_integers_say(seed: int) -> None:
    random = Random(seed)
    commands = Stream(random).commands(150)
    check_against_the_oracle(commands, applied(commands, random, 30))


@given(seeds)
@settings(max_examples=10)
def test_any_batches_leave_the_same_tables_and_answers(seed: int) -> None:
    random = Random(seed)
    commands = Stream(random).commands(100)
    one_by_one = applied(commands, random, 1)
    assert written(applied(commands, random, 9)) == written(one_by_one)
    assert written(applied(commands, random, 256)) == written(one_by_one)


def times_apart(random: Random, count: int) -> list[Fields]:
    """Transactions at times of their own, in order; the first leave enough to sell, whatever else comes when."""
    stream = Stream(random)
    first = [Fields(Kind.BUY, symbol, Decimal(900), Decimal(7), currency="USD") for symbol in SYMBOLS]
    drawn = [stream.fields() for _ in range(count)]
    small = [replace(each, quantity=Decimal(3)) if each.kind in ORDERED_KINDS else each for each in drawn]
    return [replace(each, executed_at=START + timedelta(seconds=at)) for at, each in enumerate([*first, *small])]


def to_one_portfolio(*actions: Callable[[UUID], Action]) -> list[Command]:
    """Commands to one new portfolio, all of an hour later."""
    made = [Create("first", "USD"), *(make(uuid5(UUID(int=0), "portfolio")) for make in actions)]
    return [Command(UUID(int=at), USERS[0], START + timedelta(hours=1), each) for at, each in enumerate(made)]


def one_book(tables: Tables) -> Book:
    """The only portfolio's holdings and totals, all commands accepted; how many entries and of when is left out."""
    assert {each.status for each in tables.answers} == {201}
    ((key, portfolio),) = tables.portfolios.items()
    return Book(replace(portfolio.totals, transactions=0, latest_at=START), tables.holdings[key])


@given(seeds)
@settings(max_examples=10)
def test_transactions_come_to_the_same_in_any_order_of_arrival_and_from_a_file(seed: int) -> None:
    random = Random(seed)
    fields = times_apart(random, 40)
    expected = one_book(applied(to_one_portfolio(*(partial(Record, fields=each) for each in fields)), random, 9))
    shuffled = [*fields[:2], *random.sample(fields[2:], 40)]
    assert one_book(applied(to_one_portfolio(*(partial(Record, fields=e) for e in shuffled)), random, 9)) == expected
    rows = tuple(Row(line, each) for line, each in enumerate(shuffled, start=2))
    some, others = partial(Import, rows=rows[:20]), partial(Import, rows=rows[20:])
    assert one_book(applied(to_one_portfolio(some, others), random, 9)) == expected


@given(seeds)
@settings(max_examples=10)
def test_what_is_exported_is_imported_as_it_was(seed: int) -> None:
    random = Random(seed)
    tables = applied(Stream(random).commands(60), random, 9)
    for key, portfolio in tables.portfolios.items():
        file = write_file(effective(tables.transactions[key].values()))
        rows, problems = read_file(file.encode())
        assert bool(rows) != bool(problems)
        if not rows:
            continue
        known = tuple(replace(row, fields=replace(row.fields, currency="USD")) for row in rows)
        again = applied(to_one_portfolio(partial(Import, rows=known)), random, 1)
        assert one_book(again) == Book(replace(portfolio.totals, transactions=0, latest_at=START), tables.holdings[key])
        ((_, imported),) = again.transactions.items()
        assert write_file(effective(imported.values())) == file


@given(st.decimals(-90_000_000_000, 90_000_000_000, places=8))
def test_a_decimal_is_read_as_it_is_written(value: Decimal) -> None:
    literal = text(value)
    assert parse(literal, "price") == value
    assert re.fullmatch(r"0|-?(0|[1-9]\d*)(\.\d*[1-9])?", literal)


units = st.integers(1, 90_000_000_000 * 10**8)


@given(units, units, units)
def test_products_and_shares_are_rounded_once_half_to_even(left: int, right: int, of: int) -> None:
    whole, part, all_of_it = (Decimal(each).scaleb(-8) for each in (left, right, of))
    assert Fraction(product(whole, part)) == Fraction(half_even(left * right, 10**8), 10**8)
    assert Fraction(share(whole, part, all_of_it)) == Fraction(half_even(left * right, of), 10**8)
