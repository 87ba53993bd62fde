"""Symbols and subjects: the names of instruments, and how a NATS subject carries them.

A symbol may hold characters that a subject token cannot (`BRK.B`, `BF/B`, `BTC*`, `日経`). One reversible escape covers
them all: letters, digits, `-` and `_` stand for themselves, every other byte of the UTF-8 text is written `=XX` in
upper-case hexadecimal. `BRK.B` travels as `BRK=2EB`. The alphabet is also that of NATS key-value keys.
"""

import re
from dataclasses import dataclass

MAX_SYMBOL_BYTES = 32

_VENUE = re.compile(r"[A-Z0-9]{4}")
_TOKEN = re.compile(r"(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+")
_ESCAPED = re.compile(rb"[^A-Za-z0-9_-]")
_ESCAPE = re.compile(rb"=([0-9A-F]{2})")


class SymbolError(ValueError):
    """A symbol, venue or token breaks the grammar; the message names which, and the bound."""


@dataclass(frozen=True, slots=True, order=True)
class SymbolKey:
    """The name of an instrument: a venue's market identifier code (ISO 10383) and the symbol used there."""

    venue: str
    symbol: str

    def __post_init__(self) -> None:
        """Refuse what no subject or page could carry."""
        check_venue(self.venue)
        check_symbol(self.symbol)

    def __str__(self) -> str:
        return f"{self.venue}:{self.symbol}"

    @property
    def token(self) -> str:
        """The two subject tokens, `<exch>.<symbol>`, as they follow `quote.` and its like."""
        return f"{self.venue}.{to_token(self.symbol)}"

    @classmethod
    def parse(cls, text: str) -> "SymbolKey":
        """Read `VENUE:SYMBOL`; raises SymbolError."""
        venue, separator, symbol = text.partition(":")
        if not separator:
            raise SymbolError(f"symbol {text!r:.80} has no venue; the form is VENUE:SYMBOL")
        return cls(venue, symbol)

    @classmethod
    def from_token(cls, token: str) -> "SymbolKey":
        """Read the two subject tokens back; raises SymbolError."""
        venue, separator, symbol = token.partition(".")
        if not separator:
            raise SymbolError(f"subject {token!r:.120} has no symbol token")
        return cls(venue, from_token(symbol))


def split(text: str) -> tuple[str | None, str]:
    """Read what a user typed, `AAPL` or `XNAS:AAPL`, as (venue or None, symbol).

    A colon separates a venue only behind a valid code, so a symbol may contain one. Raises SymbolError.
    """
    venue, separator, symbol = text.partition(":")
    if separator and _VENUE.fullmatch(venue):
        check_symbol(symbol)
        return venue, symbol
    check_symbol(text)
    return None, text


def check_venue(venue: str) -> None:
    """Raise SymbolError where `venue` is not four upper-case letters or digits."""
    if not _VENUE.fullmatch(venue):
        raise SymbolError(f"venue {venue!r:.40} is not a market identifier code: four of A-Z and 0-9")


def check_symbol(symbol: str) -> None:
    """Raise SymbolError where `symbol` is empty, too long, or holds white space, control or broken characters."""
    if not symbol:
        raise SymbolError("symbol is empty; it has 1 character or more")
    try:
        encoded = symbol.encode()
    except UnicodeEncodeError as error:
        raise SymbolError(f"symbol {symbol!r:.80} is not valid Unicode at character {error.start}") from None
    if len(encoded) > MAX_SYMBOL_BYTES:
        raise SymbolError(f"symbol has {len(encoded)} bytes in UTF-8; the limit is {MAX_SYMBOL_BYTES}")
    if not symbol.isprintable() or " " in symbol:
        raise SymbolError(f"symbol {symbol!r:.80} holds white space or a control character")


def to_token(symbol: str) -> str:
    """Escape a valid symbol into one subject token."""
    return _ESCAPED.sub(lambda match: b"=%02X" % match[0][0], symbol.encode()).decode()


def from_token(token: str) -> str:
    """Undo `to_token`.

    Raises SymbolError for what `to_token` never writes, so that every symbol has exactly one token.
    """
    if not _TOKEN.fullmatch(token):
        raise SymbolError(f"subject token {token!r:.120} is not an escaped symbol")
    try:
        symbol = _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), token.encode()).decode()
    except UnicodeDecodeError:
        raise SymbolError(f"subject token {token!r:.120} does not decode to UTF-8") from None
    check_symbol(symbol)
    if to_token(symbol) != token:
        raise SymbolError(f"subject token {token!r:.120} escapes a character that stands for itself")
    return symbol
