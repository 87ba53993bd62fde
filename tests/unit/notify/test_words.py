from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.notify.bodies import Challenge, Code, Fired, Probe
from workers.notify.words import one_line, price_text, words_of

AT = datetime(2026, 3, 2, 9, 30, 1, tzinfo=timezone(timedelta(hours=-5)))


def fired(condition: str = "ABOVE", side: int = 1, note: str = "", symbol: str = "XNAS:AAPL") -> Fired:
    return Fired(UUID(int=1), UUID(int=2), symbol, condition, 5.0, side, 1230.1, AT, note)


@pytest.mark.parametrize(
    ("condition", "side", "title", "rule"),
    [
        ("ABOVE", 1, "AAPL is at or above 5.00: 1,230.10", "at or above 5.00"),
        ("BELOW", -1, "AAPL is at or below 5.00: 1,230.10", "at or below 5.00"),
        ("CHANGE_PCT", 1, "AAPL is up 5 % or more: 1,230.10", "5 % or more"),
        ("CHANGE_PCT", -1, "AAPL is down 5 % or more: 1,230.10", "5 % or more"),
    ],
)
def test_an_alert_says_what_happened(condition: str, side: int, title: str, rule: str) -> None:
    words = words_of(fired(condition, side))
    assert words.title == title
    assert words.lines == (f"XNAS:AAPL traded at 1,230.10 on 02 March 2026, 14:30:01 UTC. Your alert: {rule}.",)


def test_a_note_is_a_line_of_its_own() -> None:
    words = words_of(fired(note="Sell\n\rhalf \u202e<b>"))
    assert words.lines[1] == "Sell half <b>"
    assert words.summary.endswith("\nSell half <b>")
    assert words.text().startswith(f"{words.title}\n\n{words.lines[0]}\nSell half <b>\n\n-- \nYou are told")
    assert "Sell half &lt;b&gt;" in words.html()


def test_codes_tests_and_challenges() -> None:
    code = words_of(Code("042917", AT))
    assert code.title == "042917 is your Tickmesh code"
    assert "until 14:30 UTC" in code.text()
    assert "-- " not in code.text()
    assert words_of(Probe()).title == "Tickmesh: a test"
    assert "called here" in words_of(Challenge("abc")).title


@pytest.mark.parametrize(
    ("body", "place"),
    [(fired(), "/#alerts/history"), (Code("042917", AT), "/#alerts/channels"), (Probe(), "/#alerts/channels")],
)
def test_a_link_leads_to_the_page_where_its_address_is_known(body: Fired | Code | Probe, place: str) -> None:
    words, url = words_of(body), f"https://tickmesh.test:8443{place}"
    text, html = words.text("https://tickmesh.test:8443"), words.html("https://tickmesh.test:8443")
    assert text.splitlines().count(f"{words.place[1]}: {url}" if words.place else "") == 1
    assert f'<a href="{url}"' in html
    assert "http" not in words.text() + words.html() + words.summary


@pytest.mark.parametrize(
    ("price", "text"),
    [(230.0, "230.00"), (230.125, "230.125"), (0.0375, "0.0375"), (1204.5, "1,204.50"), (1e8, "100,000,000.00")],
)
def test_prices_have_two_decimals_or_as_many_as_they_need(price: float, text: str) -> None:
    assert price_text(price) == text


def test_a_line_is_a_line_and_not_too_long() -> None:
    assert one_line(" a\tb\u2028c\0 ") == "a b c"
    assert one_line("é" * 200) == "é" * 149 + "…"


@given(st.text(max_size=500), st.text(max_size=40))
def test_whatever_users_write_makes_no_markup_and_no_lines(note: str, symbol: str) -> None:
    words = words_of(fired(note=note, symbol=symbol))
    assert len(words.title.splitlines()) == 1
    tags: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append(tag)  # type: ignore[method-assign]
    parser.feed(words.html("https://tickmesh.test"))
    parser.close()
    assert set(tags) <= {"html", "body", "div", "h1", "p", "a"}
    assert AT.astimezone(UTC).strftime("%H:%M") in words.text()
