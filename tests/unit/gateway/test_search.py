import random
import string

import pytest

from gateway.problems import Problem
from gateway.search import SymbolIndex, fold
from market.instrument import Listing
from market.symbols import SymbolKey

NAMES = {
    "AAPL": "Apple Inc.",
    "APLE": "Apple Hospitality REIT Inc.",
    "APP": "AppLovin Corporation",
    "AMAT": "Applied Materials Inc.",
    "GOOG": "Alphabet Inc. Class C",
    "GOOGL": "Alphabet Inc. Class A",
    "MSFT": "Microsoft Corporation",
    "MU": "Micron Technology Inc.",
    "BRK.A": "Berkshire Hathaway Inc. Class A",
    "BRK.B": "Berkshire Hathaway Inc. Class B",
    "BAC": "Bank of America Corporation",
    "BK": "The Bank of New York Mellon Corporation",
    "NSRGY": "Nestlé S.A.",
    "TSLA": "Tesla Inc.",
    "T": "AT&T Inc.",
    "GS": "The Goldman Sachs Group Inc.",
    "GDDY": "GoDaddy Inc.",
    "PINE": "Alpine Income Property Trust",
}
LISTINGS = [Listing(SymbolKey("XNAS", ticker), name) for ticker, name in NAMES.items()]
index = SymbolIndex(LISTINGS)


def tickers(query: str, limit: int = 20) -> list[str]:
    return [listing.key.symbol for listing in index.search(query, limit)]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("goo", ["GOOG", "GOOGL"]),
        ("GOOGL", ["GOOGL"]),
        ("t", ["T", "TSLA"]),
        ("brk", ["BRK.A", "BRK.B"]),
        ("brk.b", ["BRK.B"]),
        ("BRKB", ["BRK.B"]),
        ("brk b", ["BRK.B"]),
        ("brk/b", ["BRK.B"]),
        ("apple", ["AAPL", "APLE"]),
        ("appl", ["AAPL", "APP", "AMAT", "APLE"]),
        ("aple", ["APLE", "AAPL"]),
        ("mic", ["MSFT", "MU"]),
        ("alphabet", ["GOOG", "GOOGL"]),
        ("goldman", ["GS"]),
        ("bank of", ["BAC", "BK"]),
        ("america bank", ["BAC"]),
        ("berk hath", ["BRK.A", "BRK.B"]),
        ("nestle", ["NSRGY"]),
        ("NESTLÉ", ["NSRGY"]),
        ("at&t", ["T"]),
        ("mircosoft", ["MSFT"]),
        ("microsft", ["MSFT"]),
        ("telsa", ["TSLA"]),
        ("berkshrie hathaway", ["BRK.A", "BRK.B"]),
        ("  msft ", ["MSFT"]),
    ],
)
def test_what_people_type_finds_what_they_mean(query: str, first: list[str]) -> None:
    assert tickers(query)[: len(first)] == first


def test_an_exact_ticker_comes_before_longer_ones() -> None:
    assert tickers("app")[0] == "APP"


def test_the_middle_of_a_word_is_not_a_beginning() -> None:
    assert "AAPL" not in tickers("ple inc")


@pytest.mark.parametrize("query", ["zzzzzz", "qq", "%", "*", "日経", ".", "(", "\\", "\x00x"])
def test_nothing_fits(query: str) -> None:
    assert tickers(query) == []


def test_every_word_must_fit() -> None:
    assert tickers("bank zzzzz") == []


def test_no_result_twice_and_never_more_than_the_limit() -> None:
    for query in ("a", "apple", "inc", "corp", "b"):
        found = tickers(query)
        assert len(set(found)) == len(found)
        assert tickers(query, 2) == found[:2]


def test_a_venue_narrows() -> None:
    there = SymbolIndex([*LISTINGS, Listing(SymbolKey("XLON", "AAPL"), "Apple CDI", "GBP")])
    assert {listing.key.venue for listing in there.search("aapl")} == {"XNAS", "XLON"}
    assert [str(listing.key) for listing in there.search("xlon:aapl")] == ["XLON:AAPL"]
    assert [str(listing.key) for listing in there.search("XLON:apple")] == ["XLON:AAPL"]


@pytest.mark.parametrize(
    ("query", "limit", "field"),
    [("", 20, "query"), ("   ", 20, "query"), ("x" * 65, 20, "query"), ("x", 0, "limit"), ("x", 101, "limit")],
)
def test_bounds_are_named(query: str, limit: int, field: str) -> None:
    with pytest.raises(Problem) as caught:
        index.search(query, limit)
    assert (caught.value.status, caught.value.fields["field"]) == (422, field)
    assert "1 to" in str(caught.value.fields["bound"])


def test_the_longest_query_is_taken() -> None:
    assert index.search("x" * 64) == []


def test_added_later_is_found_like_the_rest() -> None:
    growing = SymbolIndex()
    assert growing.search("goo") == []
    for listing in LISTINGS:
        growing.add(listing)
    assert len(growing) == len(LISTINGS)
    for query in ("goo", "appl", "aple", "brk b", "inc", "mircosoft"):
        assert growing.search(query) == index.search(query)


def test_added_again_changes_nothing_and_a_new_name_replaces_the_old() -> None:
    renamed = SymbolIndex(LISTINGS)
    renamed.add(LISTINGS[0])
    assert renamed.search("aapl") == [LISTINGS[0]]
    other = Listing(SymbolKey("XNAS", "AAPL"), "Pomegranate Corp.")
    renamed.add(other)
    assert len(renamed) == len(LISTINGS)
    assert renamed.search("pomegranate") == [other]
    assert renamed.search("aapl") == [other]
    assert other not in renamed.search("apple")


def test_folding() -> None:
    assert fold("Éclair \uff21\uff22\uff23 Straße") == "eclair abc strasse"


def test_of_a_hundred_thousand_instruments_what_is_typed_finds_the_right_one() -> None:
    rng = random.Random(7)
    syllables = ["ab", "ble", "cor", "tech", "ron", "mic", "ro", "soft", "app", "le", "gen", "era", "bio", "ven", "cap"]

    def word() -> str:
        return "".join(rng.choices(syllables, k=rng.randint(2, 4))).capitalize()

    letters = string.ascii_uppercase
    symbols = dict.fromkeys("".join(rng.choices(letters, k=rng.choice([3, 4, 4, 5, 5]))) for _ in range(130_000))
    listings = [Listing(SymbolKey("XNAS", symbol), f"{word()} {word()} Inc.") for symbol in symbols][:100_000]
    assert len(listings) == 100_000
    large = SymbolIndex(listings)
    assert len(large) == len(listings)
    for listing in rng.sample(listings, 40):
        symbol = listing.key.symbol
        assert large.search(symbol)[0] == listing
        beginning = large.search(symbol[:2], 100)
        assert len(beginning) == 100
        assert all(symbol[:2].lower() in fold(f"{each.key.symbol} {each.name}") for each in beginning)
        assert large.search(listing.name)[0].name == listing.name
