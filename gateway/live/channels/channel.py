"""What a channel is: one kind of data about instruments that clients may subscribe to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gateway.live.channels.encoded import Encoded
from gateway.live.topics import Masks
from gateway.live.wire import Wire
from market.instrument import Instrument

Numbers = npt.NDArray[np.intp]
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Change:
    """What changed in a channel since it was last asked, each instrument once."""

    numbers: Numbers
    masks: Masks
    positions: Positions


class Channel(Protocol):
    """One channel. Its fields are bits of a mask; a position says how far an instrument's data is and only rises."""

    name: str
    full_mask: int
    is_log: bool
    """Whether an entry holds everything since a position; else it holds the present value of the fields asked for."""
    is_dropped_first: bool
    """Whether an overloaded gateway leaves it out first."""

    async def watch(self, instruments: Sequence[Instrument]) -> None:
        """Watch instruments, once more each, and return when what can be known of them is known.

        Raises TooManySubscriptionsError, with the instruments counted as watched all the same: `unwatch` them.
        """

    async def catch_up(self, last_seen: Mapping[int, int]) -> None:
        """Return when this gateway has what a client saw at another, up to those sequences, or cannot get it."""

    def unwatch(self, numbers: Sequence[int]) -> None:
        """Watch instruments once less each."""

    def sweep(self, now_s: float) -> None:
        """Let go of what nobody has watched for a while; called about once a second."""

    async def refresh(self) -> None:
        """Make good what may have been missed while NATS was away."""

    def take_changes(self) -> Change | None:
        """Give what changed since the last call; None if nothing did."""

    def positions(self, numbers: Numbers) -> Positions:
        """Give how far each instrument is, also with what `take_changes` has not given yet; 0: nothing is known."""

    def is_newer(self, number: int, last_seen: int | str) -> bool:
        """Whether there is something newer than the sequence, or the time, that a client saw last.

        Raises ValueError for what is neither.
        """

    def is_covered(self, number: int, last_seen: int | str) -> bool:
        """Whether a client that saw `last_seen` gets, from a snapshot on, everything that this channel promises."""

    def snapshot_since(self, numbers: Numbers) -> Positions:
        """Give the positions that a first snapshot's entries begin from."""

    def earliest(self, numbers: Numbers) -> Positions:
        """Give the positions from which on entries of so many instruments still fit into one answer."""

    def resume_since(self, number: int, last_seen: int | str) -> int:
        """Give the position that the entry for a client that saw `last_seen` begins from; raises ValueError."""

    def entries(self, wire: Wire, numbers: Numbers, masks: Masks, since: Positions) -> Encoded:
        """Encode one entry for each instrument."""
