"""Corrections: in the place of what they correct, once, and back again."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from market.ledger.book import Book
from market.ledger.commands import Fields
from market.ledger.transaction import Kind
from tests.ledger_desk import START, A, B, Desk, made


def test_a_correction_stands_in_the_place_of_what_it_corrects(desk: Desk) -> None:
    desk.load(made(Kind.BUY, "2", "10", 0), made(Kind.SELL, "2", "11", 0))
    bought = uuid5(UUID(int=2), "2")
    body = desk.correct(bought, Fields(price=Decimal(9)))
    assert (body["price"], body["corrects"], body["revision"]) == ("9", str(bought), 3)
    again = desk.correct(UUID(body["id"]), Fields(price=Decimal(8)))
    assert desk.held[A].realized == 6
    assert desk.totals.transactions == 4
    refused = desk.correct(bought, None, 409)
    assert (refused["code"], refused["correction"]) == ("already_corrected", body["id"])
    assert desk.correct(UUID(again["id"]), Fields(quantity=Decimal(1)), 409)["code"] == "not_enough"


def test_what_is_void_leaves_nothing_and_can_be_put_back(desk: Desk) -> None:
    bought = desk.enter(Kind.BUY, "2", "10")
    void = desk.correct(bought, None)
    assert void["void"]
    assert (desk.held, desk.totals.cash, desk.totals.symbols) == ({}, 0, 0)
    assert Book.of(desk.tables.transactions[desk.main].values()) == Book(desk.totals, {})
    assert desk.correct(UUID(void["id"]), None, 409)["code"] == "already_void"
    back = desk.correct(UUID(void["id"]), Fields())
    assert not back["void"]
    assert (desk.held[A].quantity, desk.totals.cash, desk.totals.symbols) == (2, -20, 1)
    assert desk.correct(UUID(back["id"]), Fields(price=Decimal(10)), 422)["code"] == "no_change"


def test_what_is_void_can_be_put_back_elsewhere(desk: Desk) -> None:
    void = desk.correct(desk.enter(Kind.BUY, "2", "10"), None)
    desk.correct(UUID(void["id"]), Fields(symbol=B, currency="USD"))
    assert (list(desk.held), desk.totals.symbols) == ([B], 1)


def test_a_purchase_that_was_sold_from_cannot_be_void(desk: Desk) -> None:
    bought = desk.enter(Kind.BUY, "2", "10")
    sold = desk.enter(Kind.SELL, "1", "10")
    assert desk.correct(bought, None, 409)["transaction"] == str(sold)


def test_a_correction_may_change_the_symbol_the_kind_and_the_time(desk: Desk) -> None:
    bought = desk.enter(Kind.BUY, "2", "10")
    body = desk.correct(bought, Fields(symbol=B, currency="USD", executed_at=START))
    assert (list(desk.held), body["executed_at"]) == ([B], "2026-03-02T15:00:00.000000Z")
    body = desk.correct(UUID(body["id"]), Fields(Kind.DEPOSIT, price=Decimal(7)))
    assert (desk.held, desk.totals.cash, body["symbol"]) == ({}, 7, None)
    body = desk.correct(UUID(body["id"]), made(Kind.BUY, "1", "2"))
    assert (desk.held[A].cost, desk.totals.deposited) == (2, 0)
    assert desk.correct(UUID(body["id"]), Fields(symbol=B, currency="EUR"), 422)["code"] == "wrong_currency"
    later = Fields(executed_at=START + timedelta(seconds=70))
    assert desk.correct(UUID(body["id"]), later, 422)["field"] == "executed_at"
    assert desk.correct(UUID(body["id"]), Fields(Kind.FEE), 422)["field"] == "price"
