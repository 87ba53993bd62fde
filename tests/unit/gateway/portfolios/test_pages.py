"""A page of transactions says where the next one begins, and nothing else is a place to go on from."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.portfolios.pages import page, read_cursor
from gateway.problems import Problem
from market.ledger.transaction import Kind, Transaction
from mesh.ledger.store import Cursor

NOW = datetime(2026, 3, 29, 14, 30, tzinfo=UTC)


def transaction(number: int, at: datetime = NOW) -> Transaction:
    one = Decimal(1)
    return Transaction(
        UUID(int=number), Kind.DEPOSIT, "", one, one, Decimal(0), at, at, number, number % 7, number, number % 7
    )


def test_a_page_shows_no_more_than_it_may_and_says_where_to_go_on() -> None:
    found = [transaction(number) for number in range(5)]
    shown = page(found, 4)
    assert [each["id"] for each in shown["transactions"]] == [str(each.id) for each in found[:4]]  # type: ignore[union-attr,attr-defined]
    assert isinstance(shown["next"], str)
    assert read_cursor(shown["next"]) == Cursor.of(found[3])
    assert page(found, 5)["next"] is None
    assert page([], 5) == {"transactions": [], "next": None}


@given(st.integers(0, 2**62), st.integers(0, 2**31 - 1), st.timedeltas(timedelta(0), timedelta(365_000)))
def test_any_place_comes_back(sequence: int, line: int, after: timedelta) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + after
    last = Transaction(
        UUID(int=1), Kind.DEPOSIT, "", Decimal(1), Decimal(1), Decimal(0), at, at, sequence, line, sequence, line
    )
    following = page([last, last], 1)["next"]
    assert isinstance(following, str)
    assert read_cursor(following) == Cursor.of(last)


@pytest.mark.parametrize("text", ["", "x", "AAAA", "!" * 38, "é"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(Problem) as caught:
        read_cursor(text)
    assert (caught.value.status, caught.value.fields["field"]) == (422, "before")
