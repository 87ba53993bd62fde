"""Finding instruments by what people type: a ticker, its beginning, a word of the name, or something close to one.

`SymbolIndex` is pure and lives in one thread. Results come in this order, each stage only as far as the ones before
left room, the fuzzy one only where they found next to nothing:

1. the exact ticker (`brk.b`, also as `brkb` or `brk b`)
2. tickers that begin so, the shortest first
3. names with a word that begins so (of several words typed: each), names that start so first, then the shortest
4. names, then tickers, one slip away (two from six letters on): a letter wrong, missing, extra, or two swapped;
   of several words typed, one may have slips
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from rapidfuzz import process
from rapidfuzz.distance import OSA

from gateway.problems import invalid_field
from market.instrument import Listing
from market.symbols import SymbolKey

MAX_QUERY_CHARACTERS = 64
MAX_LIMIT = 100

_ENOUGH = 10  # with so many good answers no guesses are added
_SCANNED_TERMS = 5_000  # of the terms that begin with the query, so many (in alphabetical order) are ranked
_SCANNED_ENTRIES = 1_000
_WORD = re.compile(r"\w+")
_VENUE = re.compile(r"([a-z0-9]{4}):(.+)")


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """A listing in searchable form: everything folded. `size` is the name's length, `tie` settles equal ranks."""

    listing: Listing
    tickers: tuple[str, ...]
    words: tuple[str, ...]
    size: int
    tie: str


class SymbolIndex:
    """All known listings, ready to be searched; `add` may be called at any time."""

    def __init__(self, listings: Iterable[Listing] = ()) -> None:
        self._entries: dict[SymbolKey, _Entry] = {}
        self._tickers = _Terms()
        self._words = _Terms()
        for listing in listings:
            self._put(listing)
        self._tickers.sort()
        self._words.sort()

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, listing: Listing) -> None:
        """Take in a listing, or its new name."""
        self._put(listing)
        self._tickers.sort()
        self._words.sort()

    def search(self, query: str, limit: int = 20) -> list[Listing]:
        """Return the listings that fit best, best first; `XNAS:AAPL` looks only at that venue.

        Raises Problem `invalid_field` where the query has not 1 to 64 characters or the limit is not 1 to 100.
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise invalid_field("limit", f"1 to {MAX_LIMIT}")
        text = fold(query[: MAX_QUERY_CHARACTERS + 1]).strip()
        if len(query) > MAX_QUERY_CHARACTERS or not text:
            raise invalid_field("query", f"1 to {MAX_QUERY_CHARACTERS} characters that are not blank")
        venue, text = _split_venue(text)
        found: dict[_Entry, None] = {}
        for entry in chain(self._by_ticker(text), self._by_name(text), self._by_likeness(text, found, limit)):
            if venue is None or entry.listing.key.venue == venue:
                found[entry] = None
            if len(found) == limit:
                break
        return [entry.listing for entry in found]

    def _put(self, listing: Listing) -> None:
        if known := self._entries.get(listing.key):
            if known.listing == listing:
                return
            self._tickers.discard(known.tickers, known)
            self._words.discard(known.words, known)
        ticker, name = fold(listing.key.symbol), fold(listing.name)
        tickers = tuple(dict.fromkeys((ticker, _squash(ticker))))
        words = tuple(dict.fromkeys(_WORD.findall(name)))
        entry = _Entry(listing, tickers, words, len(name), f"{ticker} {listing.key.venue}")
        self._entries[listing.key] = entry
        self._tickers.put(tickers, entry)
        self._words.put(words, entry)

    def _by_ticker(self, text: str) -> Iterator[_Entry]:
        forms = dict.fromkeys((text, _squash(text)))
        for form in forms:
            yield from self._tickers.having(form)
        for form in forms:
            for term in sorted(self._tickers.beginning_with(form), key=lambda term: (len(term), term)):
                yield from self._tickers.having(term)

    def _by_name(self, text: str) -> Iterator[_Entry]:
        typed = _WORD.findall(text)
        if not typed:
            return
        rarest = min(typed, key=self._words.weight)
        terms = self._words.beginning_with(rarest)
        candidates = islice(chain.from_iterable(self._words.having(term) for term in terms), _SCANNED_ENTRIES)
        ranked = ((_name_rank(typed, entry), entry) for entry in candidates)
        yield from _in_order((rank, entry) for rank, entry in ranked if rank)

    def _by_likeness(self, text: str, found: dict[_Entry, None], limit: int) -> Iterator[_Entry]:
        # A generator: it runs, and looks at what was found, only once the stages before it are exhausted.
        if len(found) >= min(limit, _ENOUGH):
            return
        typed = _WORD.findall(text)
        ranked: list[tuple[tuple[int, ...], _Entry]] = []
        if typed:
            # One slip per query: it is in the word that fewest names hold, and the others must fit.
            odd = min(typed, key=self._words.weight)
            others = [word for word in typed if word != odd]
            for term, slips in self._words.near(odd):
                ranked.extend(
                    ((slips, 0, term[0] != odd[0], entry.size), entry)
                    for entry in self._words.having(term)[:_SCANNED_ENTRIES]
                    if not others or _name_rank(others, entry)
                )
        for term, slips in self._tickers.near(_squash(text)):
            ranked.extend(((slips, 1, 0, entry.size), entry) for entry in self._tickers.having(term))
        yield from _in_order(ranked)


class _Terms:
    """A vocabulary in alphabetical order and by length, and which entries hold each term."""

    def __init__(self) -> None:
        self._entries: dict[str, list[_Entry]] = {}
        self._sorted: list[str] = []
        self._by_length: dict[int, list[str]] = {}
        self._unsorted: list[str] = []

    def put(self, terms: Iterable[str], entry: _Entry) -> None:
        """Note that an entry holds these terms; they are found after the next `sort`."""
        for term in terms:
            if term not in self._entries:
                self._entries[term] = []
                self._by_length.setdefault(len(term), []).append(term)
                self._unsorted.append(term)
            self._entries[term].append(entry)

    def sort(self) -> None:
        """Put the new terms in their places: one by one where they are few."""
        if len(self._unsorted) > 100:
            self._sorted = sorted(self._entries)
        else:
            for term in self._unsorted:
                insort(self._sorted, term)
        self._unsorted.clear()

    def discard(self, terms: Iterable[str], entry: _Entry) -> None:
        """Forget that an entry holds these terms; the terms themselves stay."""
        for term in terms:
            self._entries[term].remove(entry)

    def having(self, term: str) -> list[_Entry]:
        """Return the entries that hold the term."""
        return self._entries.get(term, [])

    def beginning_with(self, prefix: str) -> list[str]:
        """Return the terms that begin so, in alphabetical order, at most _SCANNED_TERMS."""
        low = bisect_left(self._sorted, prefix)
        high = bisect_left(self._sorted, prefix + "\U0010ffff", lo=low)
        return self._sorted[low : min(high, low + _SCANNED_TERMS)]

    def weight(self, prefix: str) -> int:
        """Estimate how many entries hold a term that begins so."""
        terms = self.beginning_with(prefix)
        counted = sum(len(self._entries[term]) for term in terms[:100])
        return counted + len(terms[100:])

    def near(self, text: str) -> Iterator[tuple[str, int]]:
        """Return the terms a slip or two away, with the number of slips; none for one or two letters."""
        slips = 0 if len(text) < 3 else 1 if len(text) < 6 else 2
        if not slips:
            return
        for length in range(len(text) - slips, len(text) + slips + 1):
            terms = self._by_length.get(length, [])
            for term, distance, _ in process.extract(text, terms, scorer=OSA.distance, score_cutoff=slips, limit=None):
                yield term, int(distance)


def fold(text: str) -> str:
    """Return the text as it is compared: no capitals, no accents, one form for each character."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _squash(text: str) -> str:
    return "".join(_WORD.findall(text)) or text


def _split_venue(text: str) -> tuple[str | None, str]:
    match = _VENUE.fullmatch(text)
    return (match[1].upper(), match[2].strip()) if match else (None, text)


def _name_rank(typed: list[str], entry: _Entry) -> tuple[int, ...] | None:
    """Rank a name for the words typed: those at its start first, then whole words; None where one begins no word."""
    places = []
    for text in typed:
        place = next((place for place, word in enumerate(entry.words) if word.startswith(text)), None)
        if place is None:
            return None
        places.append(place)
    whole = entry.words[places[0]] == typed[0]
    return (places[0] != 0, not whole, entry.size)


def _in_order(ranked: Iterable[tuple[tuple[int, ...], _Entry]]) -> Iterator[_Entry]:
    for _, entry in sorted(ranked, key=lambda pair: (pair[0], pair[1].tie)):
        yield entry
