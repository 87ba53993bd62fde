"""What a candle core asks the world."""

from dataclasses import dataclass

from market.candles.refold import Reading, Refold


@dataclass(frozen=True, slots=True)
class Strangers:
    """The question who these instrument numbers are."""

    numbers: frozenset[int]


@dataclass(frozen=True, slots=True)
class Newcomer:
    """The question what a feed that nobody heard of yet was before; the answer is `CandleCore.begin`."""

    feed: str
    sequence: int
    """The tape's, of its first message."""
    minute: int
    """That of its first row with a possible time, since 1970."""


@dataclass(frozen=True, slots=True, eq=False)
class PastMinute:
    """The question of a feed's fold what a minute is made of; `reading` is what was read of the tape before, if enough.

    Where more has to be read, `CandleCore.reading` gives what takes it; `CandleCore.amend` takes the answer.
    """

    feed: str
    refold: Refold
    reading: Reading | None


Question = Strangers | Newcomer | PastMinute
