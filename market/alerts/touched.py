"""What ticks touched, put into the order of the tape."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from market.alerts.columns import I1, I8, Places, Touches, TouchKind
from market.alerts.lines import Seen
from market.alerts.ticks import Ticks


class Touched(NamedTuple):
    """Rules that saw a tick each, by number, and what they made of it; `ticks.day` is the instrument's day."""

    number: I8
    ticks: Ticks
    seen: Seen


def touches_of(touched: Sequence[Touched]) -> tuple[Places, Touches]:
    """Give what was touched, in order but with nothing of the tape, and where in the batch the ticks are."""
    parts = [
        _touches(each, kind, sides)
        for each in touched
        for kind, sides in ((TouchKind.REARM, each.seen.rearmed), (TouchKind.FIRE, each.seen.fired))
        if sides.any()
    ]
    if not parts:
        return np.zeros(0, np.intp), Touches.none()
    at, found = np.concatenate([at for at, _ in parts]), Touches.concat(each for _, each in parts)
    # A re-arming stands before its firing here already, and stays there.
    order = np.lexsort((found.number, at))
    return at[order], found.take(order)


def _touches(touched: Touched, kind: TouchKind, sides: I1) -> tuple[Places, Touches]:
    """Give those of one kind, and where in the batch their ticks are."""
    own = np.flatnonzero(sides)
    ticks = touched.ticks.take(own)
    nowhere = np.zeros(len(own), np.int64)
    return ticks.at, Touches(
        number=touched.number[own],
        kind=np.full(len(own), kind, np.uint8),
        side=sides[own],
        price=ticks.price,
        ts_event=ticks.ts_event,
        day=ticks.day,
        tape_sequence=nowhere,
        row=nowhere.astype(np.int32),
    )
