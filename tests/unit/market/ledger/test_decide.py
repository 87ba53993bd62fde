"""Decisions on the ledger, one by one: the answers, and what refusals say."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid5

import pytest

from market.ledger.book import Book
from market.ledger.commands import Correct, Create, Delete, Import, Record, Rename, Row
from market.ledger.holding import Holding
from market.ledger.portfolio import Totals
from market.ledger.transaction import Kind
from tests.ledger_desk import START, STRANGER, USER, A, B, Desk, made


def test_a_portfolio_is_made_named_and_closed(desk: Desk) -> None:
    body = desk.ask(Create("  Retirement ", "JPY"), 201)
    key = uuid5(UUID(int=2), "portfolio")
    expected = {"id": str(key), "name": "Retirement", "currency": "JPY", "created_at": "2026-03-02T15:00:02.000000Z"}
    assert body == {**expected, "revision": 2}
    assert desk.ask(Rename(key, "RETIREMENT"), 200) == {**expected, "name": "RETIREMENT", "revision": 3}
    assert desk.ask(Delete(key), 204) == {}
    assert desk.tables.portfolios[key].deleted_at == START + timedelta(seconds=4)
    desk.ask(Delete(key), 404)
    desk.ask(Create("retirement", "USD"), 201)


@pytest.mark.parametrize("name", ["", " \t", "x" * 81, "a\nb", "a\0", "\ud800"])
def test_a_name_that_cannot_be_shown_is_refused(desk: Desk, name: str) -> None:
    for action in (Create(name, "USD"), Rename(desk.main, name)):
        body = desk.ask(action, 422)
        assert (body["code"], body["field"], body["maximum"]) == ("invalid_field", "name", 80)


def test_a_name_is_taken_whatever_its_case_and_only_among_ones_own(desk: Desk) -> None:
    expected = {"code": "name_taken", "detail": "another portfolio is called 'MAIN'", "field": "name"}
    assert desk.ask(Create("MAIN", "USD"), 409) == expected
    other = UUID(desk.ask(Create("Other", "USD"), 201)["id"])
    assert desk.ask(Rename(other, "MAIN"), 409) == expected
    desk.ask(Create("MAIN", "USD"), 201, STRANGER)


def test_a_currency_is_a_code(desk: Desk) -> None:
    for currency in ("usd", "US", "USDT", "", "ÄÖÜ"):
        assert desk.ask(Create("x", currency), 422)["field"] == "currency"


def test_the_number_of_portfolios_is_bounded(desk: Desk) -> None:
    for number in range(99):
        desk.ask(Create(f"number {number}", "USD"), 201)
    assert desk.ask(Create("one more", "USD"), 409)["code"] == "too_many_portfolios"
    desk.ask(Delete(desk.main), 204)
    desk.ask(Create("one more", "USD"), 201)


def test_what_is_anothers_is_told_like_what_is_not_there(desk: Desk) -> None:
    bought = desk.enter(Kind.BUY, "1", "1")
    for key, user in ((desk.main, STRANGER), (UUID(int=77), USER)):
        for action in (
            Rename(key, "x"),
            Delete(key),
            Record(key, made(Kind.BUY, "1", "1")),
            Correct(key, bought, None),
            Import(key, (Row(2, made(Kind.BUY, "1", "1")),)),
        ):
            expected = {"code": "unknown_portfolio", "detail": "there is no such portfolio"}
            assert desk.ask(action, 404, user) == expected
    mine = UUID(desk.ask(Create("x", "USD"), 201, STRANGER)["id"])
    assert desk.ask(Correct(mine, bought, None), 404, STRANGER)["code"] == "unknown_transaction"


def test_cost_is_a_weighted_average_with_commissions_and_sales_realize(desk: Desk) -> None:
    desk.enter(Kind.BUY, "10", "100", commission=Decimal(5))
    desk.enter(Kind.BUY, "5", "130")
    assert desk.held[A].average_cost == Decimal("110.33333333")
    desk.enter(Kind.SELL, "6", "120", commission=Decimal(1))
    assert desk.held[A] == Holding(
        quantity=Decimal(9),
        cost=Decimal(993),
        realized=Decimal(57),
        bought=Decimal(1650),
        sold=Decimal(720),
        commissions=Decimal(6),
        last_executed_at=START + timedelta(seconds=4),
    )
    desk.enter(Kind.SELL, "9", "110.33333333")
    assert (desk.held[A].quantity, desk.held[A].cost, desk.held[A].average_cost) == (0, 0, 0)
    assert (desk.totals.cash, desk.totals.realized) == (Decimal("56.99999997"), Decimal("56.99999997"))


def test_a_transaction_is_answered_with_all_that_it_is(desk: Desk) -> None:
    body = desk.ask(Record(desk.main, made(Kind.BUY, "0.50", "99.9", 0, commission=Decimal("1.50"), note=" n ")), 201)
    assert body == {
        "id": str(uuid5(UUID(int=2), "0")),
        "type": "BUY",
        "symbol": A,
        "quantity": "0.5",
        "price": "99.9",
        "commission": "1.5",
        "amount": "49.95",
        "cash": "-51.45",
        "executed_at": "2026-03-02T15:00:00.000000Z",
        "recorded_at": "2026-03-02T15:00:02.000000Z",
        "corrects": None,
        "void": False,
        "note": "n",
        "revision": 2,
    }
    split = desk.ask(Record(desk.main, made(Kind.SPLIT, "4")), 201)
    assert [split[name] for name in ("quantity", "price", "commission", "amount", "cash")] == [
        "4",
        None,
        None,
        None,
        "0",
    ]
    fee = desk.ask(Record(desk.main, made(Kind.FEE, price="1000000")), 201)
    assert [fee[name] for name in ("symbol", "quantity", "price", "cash")] == [None, None, "1000000", "-1000000"]


def test_each_kind_moves_cash_its_way(desk: Desk) -> None:
    desk.enter(Kind.DEPOSIT, price="1000")
    desk.enter(Kind.WITHDRAWAL, price="300")
    desk.enter(Kind.FEE, price="10")
    desk.enter(Kind.DIVIDEND, "10", "2", commission=Decimal(5))
    desk.enter(Kind.BUY, "1", "2000")
    totals = desk.totals
    assert (totals.cash, totals.deposited, totals.fees, totals.dividends) == (-1295, 700, 10, 15)
    assert (totals.symbols, totals.transactions) == (1, 5)


def test_no_more_is_sold_than_was_held_then(desk: Desk) -> None:
    desk.enter(Kind.BUY, "5", "10", 1)
    at = "2026-03-02T15:00:01.000000Z"
    detail = f"5.00000001 of {A} cannot be sold at {at}: 5 held then"
    expected = {"code": "not_enough", "detail": detail, "field": "quantity", "held": "5", "at": at}
    assert desk.refuse(Kind.SELL, "5.00000001", "10", 1) == expected
    assert desk.refuse(Kind.SELL, "1", "10", 0)["held"] == "0"
    assert desk.refuse(Kind.SELL, "1", "10", symbol=B)["held"] == "0"
    assert list(desk.held) == [A]


def test_a_backdated_sale_may_not_take_what_was_sold_later(desk: Desk) -> None:
    desk.enter(Kind.BUY, "5", "10", 0)
    sold = desk.enter(Kind.SELL, "4", "10", 5)
    before = desk.held[A]
    body = desk.refuse(Kind.SELL, "2", "10", 3)
    assert (body["code"], body["field"], body["held"], body["transaction"]) == (
        "not_enough",
        "quantity",
        "3",
        str(sold),
    )
    assert body["detail"].endswith(f"3 held then, which transaction {sold} needs")
    assert desk.held[A] == before


def test_a_backdated_purchase_changes_what_later_sales_realized(desk: Desk) -> None:
    desk.enter(Kind.BUY, "1", "10", 0)
    desk.enter(Kind.SELL, "1", "30", 5)
    assert desk.totals.realized == 20
    desk.enter(Kind.BUY, "1", "20", 3)
    assert (desk.totals.realized, desk.held[A].cost) == (15, 15)


def test_a_split_needs_something_to_split(desk: Desk) -> None:
    assert desk.refuse(Kind.SPLIT, "2")["code"] == "nothing_to_split"
    desk.enter(Kind.BUY, "0.00000001", "1")
    body = desk.refuse(Kind.SPLIT, "0.5")
    assert (body["code"], body["held"]) == ("nothing_to_split", "0.00000001")
    desk.enter(Kind.SPLIT, "3")
    assert desk.held[A].quantity == Decimal("0.00000003")


def test_sums_have_a_bound(desk: Desk) -> None:
    desk.enter(Kind.DEPOSIT, price="90000000000")
    body = desk.refuse(Kind.DEPOSIT, price="0.00000001")
    assert (body["code"], body["total"], body["maximum"]) == ("out_of_bounds", "cash", "90000000000")
    desk.enter(Kind.BUY, "900", "100000000")
    assert desk.refuse(Kind.BUY, "1", "1")["total"] == "cost"
    desk.enter(Kind.BUY, "10000000000", "0.00000001", symbol=B)
    assert desk.refuse(Kind.SPLIT, "10", symbol=B)["total"] == "quantity"


def test_what_was_paid_in_has_a_bound_whatever_became_of_it(desk: Desk) -> None:
    desk.enter(Kind.DEPOSIT, price="90000000000")
    desk.enter(Kind.FEE, price="90000000000")
    assert desk.refuse(Kind.DEPOSIT, price="0.00000001")["total"] == "deposited"


def test_what_all_holdings_realized_has_a_bound(desk: Desk) -> None:
    for symbol in (A, B):
        desk.enter(Kind.BUY, "900", "0.00000001", symbol=symbol)
    desk.enter(Kind.SELL, "900", "100000000")
    desk.enter(Kind.WITHDRAWAL, price="90000000000")
    assert desk.refuse(Kind.SELL, "900", "100000000", symbol=B)["total"] == "realized"


def test_one_without_a_time_comes_after_all_others(desk: Desk) -> None:
    desk.enter(Kind.DEPOSIT, price="1", at=50)
    body = desk.ask(Record(desk.main, made(Kind.DEPOSIT, price="1")), 201)
    assert body["executed_at"] == "2026-03-02T15:00:50.000000Z"
    assert body["recorded_at"] == "2026-03-02T15:00:03.000000Z"
    assert desk.refuse(Kind.DEPOSIT, price="1", at=65, status=422)["field"] == "executed_at"


def test_symbols_and_transactions_are_bounded(desk: Desk) -> None:
    main = desk.tables.portfolios[desk.main]
    desk.tables.portfolios[desk.main] = replace(main, totals=replace(main.totals, symbols=9_999, transactions=249_998))
    desk.enter(Kind.BUY, "1", "1")
    body = desk.refuse(Kind.BUY, "1", "1", symbol=B)
    expected = {"code": "too_many_symbols", "detail": "the portfolio would have 10001 symbols; the limit is 10000"}
    assert body == {**expected, "maximum": 10_000}
    desk.enter(Kind.FEE, price="1")
    assert desk.refuse(Kind.FEE, price="1")["code"] == "too_many_transactions"


def test_a_book_of_nothing_is_empty() -> None:
    assert Book.of([]) == Book(Totals(), {})
