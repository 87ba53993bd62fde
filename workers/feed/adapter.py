"""What a feed adapter is: it declares how its source differs and yields normalised rows.

Adapters are plain iterators: they read or compute, and say when each batch is due. Waiting, numbering, publishing and
everything else that feeds have in common is the runner's.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from market import rows
from market.instrument import Listing
from market.row_type import Rows

NowNs = Callable[[], int]


def no_levels() -> Rows:
    """Return the empty array of LEVEL rows."""
    return np.zeros(0, rows.LEVEL.dtype)


@dataclass(frozen=True, slots=True)
class Batch:
    """Events in the order of the source, and the depth levels that changed with them.

    `events`: rows of `EVENT_DTYPE`, writable, `ts_event` set, perhaps none; all of one trading day, since a new day
    begins between batches. `levels`: LEVEL rows, a level of size 0 is empty.
    In both, `instrument` is the adapter's own index: the position of the listing among all it ever listed, or
    `NO_INSTRUMENT`. `sequence` and `ts_recv` are the runner's to fill. `listed` continues that list, and comes before
    the first event that names it. `due_ns` is the wall clock time to publish at, ns since 1970 UTC; 0 is at once.
    """

    events: Rows
    levels: Rows = field(default_factory=no_levels)
    listed: tuple[Listing, ...] = ()
    due_ns: int = 0


@dataclass(slots=True)
class SourceFaults:
    """What a source delivered that could not be read: counted by reason, the last one named."""

    counts: dict[str, int] = field(default_factory=dict)
    last: str = ""

    def add(self, reason: str, where: str, count: int = 1) -> None:
        """Count faults; `where` names the last, for instance by its offset in the file."""
        self.counts[reason] = self.counts.get(reason, 0) + count
        self.last = f"{reason}: {where}"


class Adapter(Protocol):
    """One source of market data."""

    name: str  # the feed's name: what `ops`, metrics and checkpoints call it
    venues: tuple[str, ...]  # the market identifier codes it lists instruments of; their heartbeats start with the feed
    time_zone: str  # IANA name of the zone whose midnight begins the source's trading day
    continues: bool  # whether a restart goes on from the last state (a live market), or starts anew (a replay)
    faults: SourceFaults

    def resume(self, states: Mapping[str, np.void]) -> None:
        """Take over the last STATE row by "VENUE:SYMBOL"; called before `batches`, only if `continues`."""

    def batches(self, now_ns: NowNs) -> Iterator[Batch]:
        """Yield the source's batches; ends where the source does."""
        ...


class SpecError(ValueError):
    """A feed specification cannot be used; the message names the option and its bounds."""


@dataclass(frozen=True, slots=True)
class FeedSpec:
    """A feed as it is asked for: `NAME[:[PATH][,option=value…]]`, e.g. `sim:rate=2000` or `iex:FILE,speed=10`."""

    name: str
    path: str
    options: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> "FeedSpec":
        """Read a specification; raises SpecError for a malformed or repeated option."""
        name, _, rest = text.partition(":")
        path, options = "", {}
        for position, part in enumerate(rest.split(",") if rest else []):
            option, equals, value = part.partition("=")
            if not equals and position == 0:
                path = part
            elif not equals or not option or not value:
                raise SpecError(f"feed {text!r}: {part!r} is not of the form option=value")
            elif option in options:
                raise SpecError(f"feed {text!r}: option {option!r} is given twice")
            else:
                options[option] = value
        return cls(name, path, options)

    def only(self, *known: str) -> None:
        """Raise SpecError where an option is not one of `known`."""
        for option in self.options:
            if option not in known:
                raise SpecError(f"feed {self.name!r} has no option {option!r}; it knows {', '.join(known)}")

    def number(self, option: str, default: float, low: float, high: float) -> float:
        """Read a numeric option within `low` to `high`; raises SpecError."""
        text = self.options.get(option)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise SpecError(f"feed {self.name!r}: {option}={text} must be a number from {low:,.10g} to {high:,.10g}")
        return value
