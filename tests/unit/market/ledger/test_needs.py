"""What has to be known before a command can be decided."""

from datetime import timedelta
from uuid import UUID

import pytest

from market.ledger.account import Account
from market.ledger.commands import Action, Command, Correct, Create, Delete, Fields, Import, Record, Rename, Row
from market.ledger.decide import decide
from market.ledger.needs import Wanted, history_needed, wanted_by
from market.ledger.transaction import Kind
from tests.ledger_desk import START, USER, A, B, Desk, made


def test_a_command_says_what_it_wants_to_know() -> None:
    key, other = UUID(int=8), UUID(int=9)

    def wanted(action: Action) -> Wanted:
        return wanted_by(Command(UUID(int=1), USER, START, action))

    assert wanted(Create("x", "USD")) == wanted(Rename(key, "x")) == Wanted()
    assert wanted(Delete(key)) == Wanted(key)
    assert wanted(Record(key, made(Kind.BUY))) == Wanted(key, frozenset({A}))
    assert wanted(Record(key, made(Kind.BUY, symbol="no\0symbol"))) == Wanted(key)
    assert wanted(Correct(key, other, None)) == Wanted(key, transaction=other)
    assert wanted(Correct(key, other, Fields(symbol=B))) == Wanted(key, frozenset({B}), other)
    rows = (Row(2, made(Kind.BUY)), Row(3, made(Kind.BUY, symbol=B)), Row(4, made(Kind.FEE)), Row(5, made(Kind.BUY)))
    assert wanted(Import(key, rows)) == Wanted(key, frozenset({A, B}))


def test_history_is_needed_before_another_entry_and_for_corrections(desk: Desk) -> None:
    bought = desk.enter(Kind.BUY, "1", "1", 5)
    paid = desk.enter(Kind.DEPOSIT, price="1")
    account = Account(desk.tables.portfolios.values())
    workbook = account.workbooks[desk.main]
    workbook.learn_holdings([A], desk.held)
    workbook.learn_entries(desk.tables.transactions[desk.main].values())

    def needed(action: Action) -> set[str]:
        return set(history_needed(Command(UUID(int=9), USER, START, action), account))

    assert needed(Record(desk.main, made(Kind.SELL, "1", "1", 4))) == {A}
    assert needed(Record(desk.main, made(Kind.SELL, "1", "1", 5))) == set()
    assert needed(Record(desk.main, made(Kind.SELL, "1", "1"))) == set()
    assert needed(Record(desk.main, made(Kind.DIVIDEND, "1", "1", 4))) == set()
    assert needed(Record(desk.main, made(Kind.BUY, "1", "1", 4, symbol=B))) == set()
    assert needed(Record(UUID(int=77), made(Kind.SELL, "1", "1", 4))) == set()
    assert needed(Import(desk.main, (Row(2, made(Kind.FEE)), Row(3, made(Kind.SELL, "1", "1", 4))))) == {A}
    assert needed(Correct(desk.main, bought, None)) == {A}
    assert needed(Correct(desk.main, bought, Fields(symbol=B))) == {A, B}
    assert needed(Correct(desk.main, paid, Fields(note="x"))) == set()
    assert needed(Correct(desk.main, UUID(int=77), Fields(symbol=B))) == set()
    assert needed(Delete(desk.main)) == needed(Create("x", "USD")) == set()


def test_what_was_not_looked_up_is_never_taken_for_what_is_not_there(desk: Desk) -> None:
    desk.enter(Kind.BUY, "1", "1", 5)
    account = Account(desk.tables.portfolios.values())
    sale = Command(UUID(int=9), USER, START + timedelta(hours=1), Record(desk.main, made(Kind.SELL, "1", "1", 4)))
    with pytest.raises(KeyError):
        decide(sale, 9, account)
    workbook = account.workbooks[desk.main]
    assert not workbook.knows(A)
    workbook.learn_holdings([A], desk.held)
    assert workbook.knows(A)
    with pytest.raises(KeyError):
        decide(sale, 9, account)
    assert not workbook.has_history(A)
    workbook.learn_history([A], desk.tables.transactions[desk.main].values())
    assert workbook.has_history(A)
    assert decide(sale, 9, account).answer.body["code"] == "not_enough"
