"""Instruments: what a feed lists, and the number that the directory gives it."""

from dataclasses import dataclass
from typing import NewType

from market.symbols import SymbolKey

InstrumentId = NewType("InstrumentId", int)


@dataclass(frozen=True, slots=True)
class Listing:
    """An instrument as its venue lists it: the name it trades under and how it is quoted.

    `currency` is ISO 4217; `tick_size` the smallest price step in that currency, 0 where the venue does not say;
    `sector` what its company does, by name, empty where that is not known.
    """

    key: SymbolKey
    name: str
    currency: str = "USD"
    tick_size: float = 0.01
    sector: str = ""


@dataclass(frozen=True, slots=True)
class Instrument:
    """A listing with its number: an index into every array, given once and never reused."""

    number: InstrumentId
    listing: Listing

    @property
    def key(self) -> SymbolKey:
        """The instrument's name."""
        return self.listing.key
