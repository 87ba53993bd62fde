"""Pages of what alerts fired, and the text that says where the next one begins."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.alerts.pages import history_page, read_cursor, write_cursor
from gateway.problems import Problem
from market.alerts.alert import Firing, Outcome
from market.alerts.rule import Condition
from mesh.alerts.store import Cursor

AT = datetime(2026, 3, 29, 14, 30, 5, 123456, tzinfo=UTC)


def firing(number: int, seen_at: datetime | None = None) -> Firing:
    at = AT - timedelta(seconds=number)
    return Firing(
        UUID(int=number),
        uuid4(),
        uuid4(),
        "XNAS:AAPL",
        Condition.ABOVE,
        230.0,
        230.5,
        at,
        1,
        9,
        0,
        Outcome.SENT,
        "",
        at,
        seen_at,
    )


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_comes_back_as_it_was(at: datetime, last: UUID) -> None:
    assert read_cursor(write_cursor(at, last)) == Cursor(at, last)


@pytest.mark.parametrize("text", ["", "x", "é", "A" * 31, "A" * 33, "f" * 32])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="before"):
        read_cursor(text)


def test_a_page_says_where_the_next_begins_while_there_is_one() -> None:
    firings = [firing(1), firing(2, AT), firing(3)]
    page = history_page(firings, 2)
    assert [each["id"] for each in page["firings"]] == [str(UUID(int=1)), str(UUID(int=2))]
    assert [each["seen_at"] for each in page["firings"]] == [None, "2026-03-29T14:30:05.123456Z"]
    assert "user" not in page["firings"][0]
    assert read_cursor(page["next"]) == Cursor(firings[1].recorded_at, firings[1].id)
    assert history_page(firings, 3)["next"] is None
    assert history_page([], 3) == {"firings": [], "next": None}
