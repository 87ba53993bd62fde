"""How tables of candles differ from what the tape says. Pure, column by column.

Of two states of one candle the one with the higher (revision, trades) is the newer.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from market.candles.candles import Candles

Bools = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

_COMPARED = (
    *("open", "high", "low", "close", "volume_whole", "volume_nano", "turnover_whole", "turnover_nano"),
    *("revision", "trades"),
)


@dataclass(frozen=True, slots=True)
class Tally:
    """Candles that are equal to the last bit, missing in the tables, different, or more than the tape has.

    Different are those with other values and those that are older in the tables. More are those that are newer there,
    and those that the tape does not have at all.
    """

    equal: int = 0
    missing: int = 0
    different: int = 0
    more: int = 0

    @property
    def is_same(self) -> bool:
        """Whether the tables hold what the tape says, and nothing else."""
        return not (self.missing or self.different or self.more)

    def __add__(self, other: "Tally") -> "Tally":
        """Add up two parts'."""
        return Tally(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


def compare(stored: Candles, expected: Candles, before_ns: int) -> tuple[Tally, Candles]:
    """Compare candles of one timeframe, one venue and one feed, each at most once on either side.

    Counted are those whose window ended before `before_ns`, and of the others in the tables only those of a window that
    is among the expected. Also gives all expected candles that the tables do not have, or have in an older state.
    """
    have_at, want_at = _pairs(stored, expected)
    have, want = stored.take(have_at), expected.take(want_at)
    is_newer, is_older = _is_newer(want, have), _is_newer(have, want)
    is_same = _is_same(want, have)
    is_missing = np.ones(len(expected), bool)
    is_missing[want_at] = False
    is_extra = _is_from_tape(stored) & _in_windows(stored, expected.take(expected.end_ns < before_ns))
    is_extra[have_at] = False
    is_past = want.end_ns < before_ns
    tally = Tally(
        equal=_count(is_same & is_past),
        missing=_count(is_missing & (expected.end_ns < before_ns)),
        different=_count(~is_same & ~is_older & is_past),
        more=_count(is_older & is_past) + _count(is_extra),
    )
    return tally, Candles.concat([expected.take(is_missing), want.take(is_newer)])


def _pairs(stored: Candles, expected: Candles) -> tuple[Places, Places]:
    """Find the candles that are on both sides: their places on each."""
    both = [
        np.concatenate([getattr(stored, name), getattr(expected, name)])
        for name in ("session", "start_ns", "instrument")
    ]
    order = np.lexsort(both)  # stable: of two that are the same the stored one comes first
    is_pair = np.logical_and.reduce([key[order][1:] == key[order][:-1] for key in both])
    first = np.flatnonzero(is_pair)
    return order[first], order[first + 1] - len(stored)


def _is_newer(one: Candles, other: Candles) -> Bools:
    newer: Bools = (one.revision > other.revision) | ((one.revision == other.revision) & (one.trades > other.trades))
    return newer


def _is_same(one: Candles, other: Candles) -> Bools:
    same = np.ones(len(one), bool)
    for name in _COMPARED:
        first, second = getattr(one, name), getattr(other, name)
        same &= (first == second) | ((first != first) & (second != second))  # noqa: PLR0124  # NaN is no price
    return same


def _is_from_tape(candles: Candles) -> Bools:
    """Tell which are not from files: those have no trades and no amendments."""
    from_tape: Bools = (candles.trades > 0) | (candles.revision > 0)
    return from_tape


def _in_windows(candles: Candles, of: Candles) -> Bools:
    return np.isin(2 * candles.start_ns + candles.session, 2 * of.start_ns + of.session)


def _count(mask: Bools) -> int:
    return int(np.count_nonzero(mask))
