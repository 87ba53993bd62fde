"""Symbols and their subject tokens: what the grammar takes, and what it says to the rest."""

import pytest

from market.instrument import Instrument, InstrumentId, Listing
from market.symbols import MAX_SYMBOL_BYTES, SymbolError, SymbolKey, check_symbol, from_token, split, to_token

TOKENS = {
    "AAPL": "AAPL",
    "BRK.B": "BRK=2EB",
    "BF/B": "BF=2FB",
    "BTC*": "BTC=2A",
    "A>B": "A=3EB",
    "A=B": "A=3DB",
    "A:B": "A=3AB",
    "brk-b_2": "brk-b_2",
    "日経": "=E6=97=A5=E7=B5=8C",
    "*": "=2A",
    ">": "=3E",
    "$SYS": "=24SYS",
}

BAD_SYMBOLS = {
    "": "symbol is empty; it has 1 character or more",
    "A" * 33: "symbol has 33 bytes in UTF-8; the limit is 32",
    "日" * 11: "symbol has 33 bytes in UTF-8; the limit is 32",
    "A B": "holds white space or a control character",
    " ": "holds white space or a control character",
    "A\tB": "holds white space or a control character",
    "A\r\nPUB x 0": "holds white space or a control character",
    "A\0": "holds white space or a control character",
    "A\x7f": "holds white space or a control character",
    "A\u00a0B": "holds white space or a control character",
    "A\u2028": "holds white space or a control character",
    "AB\ud800": "is not valid Unicode at character 2",
}

BAD_TOKENS = {
    "": "is not an escaped symbol",
    "BRK.B": "is not an escaped symbol",
    "BRK=2e": "is not an escaped symbol",
    "BRK=2": "is not an escaped symbol",
    "BRK=": "is not an escaped symbol",
    "A B": "is not an escaped symbol",
    "*": "is not an escaped symbol",
    "日": "is not an escaped symbol",
    "AAPL\n": "is not an escaped symbol",
    "=41": "escapes a character that stands for itself",
    "=E6=97": "does not decode to UTF-8",
    "=C0=AE": "does not decode to UTF-8",
    "=20": "holds white space",
    "=00": "holds white space",
    "A" * 33: "the limit is 32",
}

BAD_VENUES = ["", "XNA", "XNASD", "xnas", "XNA.", "XN S", "XNAS\n", "ÄNAS"]


@pytest.mark.parametrize(("symbol", "token"), TOKENS.items())
def test_a_symbol_has_this_token_and_comes_back_from_it(symbol: str, token: str) -> None:
    assert to_token(symbol) == token
    assert from_token(token) == symbol


@pytest.mark.parametrize(("symbol", "reason"), BAD_SYMBOLS.items(), ids=lambda text: ascii(text)[:20])
def test_a_symbol_that_no_subject_could_carry_is_refused(symbol: str, reason: str) -> None:
    for refuse in (check_symbol, split, lambda text: SymbolKey("XNAS", text)):
        with pytest.raises(SymbolError, match=reason):
            refuse(symbol)


@pytest.mark.parametrize(("token", "reason"), BAD_TOKENS.items(), ids=lambda text: ascii(text)[:20])
def test_a_token_that_is_never_written_is_refused(token: str, reason: str) -> None:
    with pytest.raises(SymbolError, match=reason):
        from_token(token)


@pytest.mark.parametrize("venue", BAD_VENUES)
def test_a_venue_that_is_no_market_identifier_code_is_refused(venue: str) -> None:
    with pytest.raises(SymbolError, match="is not a market identifier code: four of A-Z and 0-9"):
        SymbolKey(venue, "AAPL")


def test_a_symbol_may_be_as_long_as_the_limit() -> None:
    longest = "日" * 10 + "AB"
    assert len(longest.encode()) == MAX_SYMBOL_BYTES
    assert from_token(to_token(longest)) == longest


def test_a_key_reads_what_it_writes() -> None:
    key = SymbolKey("XNAS", "A:B.C")
    assert str(key) == "XNAS:A:B.C"
    assert SymbolKey.parse(str(key)) == key
    assert key.token == "XNAS.A=3AB=2EC"
    assert SymbolKey.from_token(key.token) == key


@pytest.mark.parametrize("text", ["AAPL", ""])
def test_a_key_without_a_venue_is_refused(text: str) -> None:
    with pytest.raises(SymbolError, match="has no venue; the form is VENUE:SYMBOL"):
        SymbolKey.parse(text)


def test_a_subject_without_a_symbol_token_is_refused() -> None:
    with pytest.raises(SymbolError, match="subject 'XNAS' has no symbol token"):
        SymbolKey.from_token("XNAS")


def test_an_error_does_not_repeat_endless_input() -> None:
    with pytest.raises(SymbolError) as error:
        SymbolKey.parse("A" * 1_000_000)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("AAPL", (None, "AAPL")),
        ("XNAS:AAPL", ("XNAS", "AAPL")),
        ("XNAS:A:B", ("XNAS", "A:B")),
        ("BTC:USD", (None, "BTC:USD")),
        ("xnas:AAPL", (None, "xnas:AAPL")),
        (":AAPL", (None, ":AAPL")),
    ],
)
def test_what_a_user_types_splits_only_behind_a_valid_venue(typed: str, read: tuple[str | None, str]) -> None:
    assert split(typed) == read


def test_a_venue_with_nothing_behind_it_is_an_empty_symbol() -> None:
    with pytest.raises(SymbolError, match="symbol is empty"):
        split("XNAS:")


def test_keys_sort_by_venue_then_symbol() -> None:
    keys = [SymbolKey("XNYS", "A"), SymbolKey("XNAS", "B"), SymbolKey("XNAS", "A")]
    assert [str(key) for key in sorted(keys)] == ["XNAS:A", "XNAS:B", "XNYS:A"]


def test_an_instrument_goes_by_its_listings_name() -> None:
    listing = Listing(SymbolKey("XNAS", "AAPL"), "Apple Inc.")
    assert Instrument(InstrumentId(7), listing).key is listing.key
