"""What a client that was away has missed of one instrument. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gateway.live.channels.channel import Channel
from market.instrument import Instrument


@dataclass(frozen=True, slots=True)
class Gap:
    """What is between a client's last sight of an instrument and now."""

    instrument: Instrument
    is_changed: bool
    is_lost: bool
    """Whether some of it is gone for good, or cannot be said not to be."""
    since: int
    """The position that the client's next entry begins from."""
    floor: int
    """The sequence up to which it must be sent nothing: another gateway was further than this one is."""


def gap_of(
    channel: Channel, instrument: Instrument, seen: Sequence[int | str], is_same_epoch: bool, earliest: int
) -> Gap:
    """Hold what a client has seen, sequences or times, against what there is.

    Sequences of another epoch mean nothing here. `earliest` is the position that the entry may begin from.
    """
    number = int(instrument.number)
    if not is_same_epoch:
        since = int(channel.snapshot_since(np.array([number]))[0])
        return Gap(instrument, is_changed=True, is_lost=True, since=max(since, earliest), floor=0)
    sequences = [each for each in seen if isinstance(each, int)]
    since = min(channel.resume_since(number, each) for each in seen)
    return Gap(
        instrument,
        is_changed=any(channel.is_newer(number, each) for each in seen),
        is_lost=since < earliest or not all(channel.is_covered(number, each) for each in seen),
        since=max(since, earliest),
        floor=0 if channel.is_log else min(sequences, default=0),
    )
