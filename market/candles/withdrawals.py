"""Which trades of a minute stand, after those of its rows that withdraw some and replace others."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from market import rows
from market.codes import CorrectionFlag, Kind, TradeFlag
from market.row_type import Rows

Bools = npt.NDArray[np.bool_]
I8 = npt.NDArray[np.int64]


def are_corrections(events: Rows) -> Bools:
    """Tell which rows withdraw a trade."""
    found: Bools = events["kind"] == Kind.CORRECTION
    return found


def are_replacements(events: Rows) -> Bools:
    """Tell which rows are trades that replace a withdrawn one."""
    found: Bools = (events["kind"] == Kind.TRADE) & (events["flags"] & TradeFlag.CORRECTED > 0)
    return found


@dataclass(slots=True)
class Turn:
    """A trade's turn in a minute: the row that was there first, its time, and the row that stands there, None: none."""

    first: int
    ts: int
    row: int | None


class Withdrawals:
    """The trades of a minute of one instrument, in the tape's order: `turns`.

    A correction withdraws the first standing trade that has the id and the time it names or, where it names no id, the
    time, price and size. The next replacing trade takes the turn of the trade that was withdrawn to be replaced.
    `corrections` counts those that found their trade; `is_amended` says whether the last row withdrew or replaced one.
    """

    def __init__(self, events: Rows, times: I8, is_own: Bools) -> None:
        """Go through rows of the instrument; `times` are those of the trades that they are about.

        `is_own` are trades of the minute and corrections of such. Replacements, and what awaits one, may be anywhere.
        """
        self.turns: list[Turn] = []
        self.corrections = 0
        self.is_amended = False
        trades = events.view(rows.TRADE.dtype)
        self._id, self._deal = trades["trade_id"], trades[["price", "size"]]
        self._of_instant: dict[int, list[Turn]] = defaultdict(list)
        self._replaced: Turn | None = None
        is_correction, is_replacement = are_corrections(events), are_replacements(events)
        awaits = is_correction & (events["flags"] & CorrectionFlag.REPLACED > 0)
        for at in np.flatnonzero(is_own | is_replacement | awaits).tolist():
            if is_replacement[at]:
                self._replace(at)
            elif is_correction[at]:
                self._withdraw(at, int(times[at]), is_own=bool(is_own[at]), awaits=bool(awaits[at]))
            else:
                self._add(at, int(times[at]))

    @property
    def standing(self) -> list[Turn]:
        """The turns at which a trade stands."""
        return [turn for turn in self.turns if turn.row is not None]

    def _add(self, at: int, ts: int) -> None:
        turn = Turn(at, ts, at)
        self.turns.append(turn)
        self._of_instant[ts].append(turn)
        self.is_amended = False

    def _withdraw(self, at: int, ts: int, *, is_own: bool, awaits: bool) -> None:
        named = [
            each for each in self._of_instant[ts] if is_own and each.row is not None and self._is_meant(each.row, at)
        ]
        self.is_amended = bool(named)
        if named:
            named[0].row = None
            self.corrections += 1
        if awaits:
            self._replaced = named[0] if named else None

    def _replace(self, at: int) -> None:
        self.is_amended = self._replaced is not None
        if self._replaced is not None:
            self._replaced.row, self._replaced = at, None

    def _is_meant(self, trade: int | None, correction: int) -> bool:
        columns = self._id if self._id[correction] else self._deal
        return bool(columns[trade] == columns[correction])
