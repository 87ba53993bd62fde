"""Symbols and tokens: one to one, whatever a venue may call its instruments."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from market.symbols import MAX_SYMBOL_BYTES, SymbolError, SymbolKey, check_symbol, from_token, split, to_token

SAFE = re.compile(r"[A-Za-z0-9_=-]+")


def is_symbol(text: str) -> bool:
    """The grammar as the contract words it."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return False
    return 0 < size <= MAX_SYMBOL_BYTES and text.isprintable() and not any(each.isspace() for each in text)


anything = st.text(max_size=40) | st.text(st.characters(), max_size=40) | st.text("ABC=*>.: \t\n\ud800日", max_size=12)
symbols = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=32).filter(is_symbol)
venues = st.from_regex(r"[A-Z0-9]{4}", fullmatch=True)
tokens = st.text("AZaz09_-=EF.", max_size=12) | st.from_regex(r"(=[0-9A-F]{2}|[A-Za-z0-9_-])+", fullmatch=True)


@given(symbols)
def test_any_symbol_comes_back_from_its_token(symbol: str) -> None:
    assert from_token(to_token(symbol)) == symbol


@given(symbols)
def test_tokens_use_only_what_subjects_and_buckets_carry(symbol: str) -> None:
    assert SAFE.fullmatch(to_token(symbol))


@given(symbols, symbols)
@example("=2E", ".")
@example("A", "a")
def test_distinct_symbols_have_distinct_tokens(one: str, other: str) -> None:
    assert (one == other) == (to_token(one) == to_token(other))


@given(tokens | st.text(max_size=12))
def test_a_token_is_taken_only_if_it_is_the_one_its_symbol_has(token: str) -> None:
    try:
        symbol = from_token(token)
    except SymbolError:
        return
    assert is_symbol(symbol)
    assert to_token(symbol) == token


@given(anything)
def test_what_is_no_symbol_is_refused_everywhere(text: str) -> None:
    if is_symbol(text):
        check_symbol(text)
        assert SymbolKey("XNAS", text).symbol == text
        return
    for refuse in (check_symbol, lambda bad: SymbolKey("XNAS", bad), split):
        with pytest.raises(SymbolError):
            refuse(text)


@given(venues, symbols)
def test_any_key_reads_back_from_its_text_and_its_token(venue: str, symbol: str) -> None:
    key = SymbolKey(venue, symbol)
    assert SymbolKey.parse(str(key)) == key
    assert SymbolKey.from_token(key.token) == key
    assert key.token.count(".") == 1
    assert split(str(key)) == (venue, symbol)


@given(anything)
def test_reading_a_key_ends_in_a_key_or_a_symbol_error(text: str) -> None:
    for read in (SymbolKey.parse, SymbolKey.from_token):
        try:
            key = read(text)
        except SymbolError:
            continue
        assert text in (str(key), key.token)
