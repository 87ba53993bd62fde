"""Imports: a whole file or nothing, and every bad line by its number."""

from market.ledger.commands import Fields, Import, Row
from market.ledger.transaction import Kind
from tests.ledger_desk import A, B, Desk, made


def test_a_file_is_taken_as_a_whole_and_its_rows_in_the_order_of_time(desk: Desk) -> None:
    body = desk.load(made(Kind.SELL, "2", "10", 1), made(Kind.BUY, "2", "10", 0), made(Kind.FEE, price="1"))
    assert body == {"rows": 3, "problems": [], "revision": 2}
    assert (desk.held[A].quantity, desk.totals.cash) == (0, -1)
    assert {each.line for each in desk.tables.transactions[desk.main].values()} == {2, 3, 4}


def test_every_bad_line_of_a_file_is_named_and_nothing_is_entered(desk: Desk) -> None:
    sold = desk.enter(Kind.BUY, "3", "1", 0) and desk.enter(Kind.SELL, "3", "1", 1)
    before = desk.totals
    body = desk.load(
        made(Kind.SELL, "1", "1"),
        made(Kind.DEPOSIT),
        made(Kind.SELL, "1", "1", 0),
        made(Kind.BUY, "1", "1", symbol=B),
        made(Kind.SELL, "2", "1", symbol=B),
        made(Kind.SELL, "1", "1", symbol=B),
        made(Kind.BUY, "1", "1", currency="EUR"),
        status=422,
    )
    assert (body["code"], body["rows"]) == ("bad_lines", 7)
    assert body["detail"] == "4 of 7 transactions cannot be entered; none was"
    assert [(each["line"], each["field"], each["code"]) for each in body["problems"]] == [
        (3, "price", "invalid_field"),
        (4, "quantity", "not_enough"),
        (6, "quantity", "not_enough"),
        (8, "symbol", "wrong_currency"),
    ]
    assert str(sold) in body["problems"][1]["reason"]
    assert desk.totals == before


def test_the_last_line_that_took_something_is_blamed(desk: Desk) -> None:
    desk.enter(Kind.BUY, "3", "1", 0)
    desk.enter(Kind.SELL, "3", "1", 9)
    body = desk.load(
        made(Kind.BUY, "1", "1", 1), made(Kind.SELL, "2", "1", 2), made(Kind.BUY, "0.5", "1", 3), status=422
    )
    assert [each["line"] for each in body["problems"]] == [3]


def test_a_file_that_is_no_file_is_refused(desk: Desk) -> None:
    fee = made(Kind.FEE, price="1")
    for lines in ((), range(1, 5002), (2, 2), (3, 2), (0, 1)):
        rows = tuple(Row(line, fee) for line in lines)
        assert desk.ask(Import(desk.main, rows), 422)["field"] == "rows"


def test_a_thousand_bad_lines_are_named(desk: Desk) -> None:
    body = desk.load(*[Fields()] * 1001, status=422)
    assert len(body["problems"]) == 1000
    assert body["detail"].startswith("1001 of 1001 ")
