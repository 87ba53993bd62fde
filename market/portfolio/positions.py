"""The holdings of many portfolios in columns: 20 bytes a holding, some 45 a portfolio.

A portfolio's holdings lie side by side. One that gets more of them moves to the end; the room that is left behind is
won back when it is an eighth of all.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from market.portfolio.columns import enough, sized
from market.portfolio.id_table import IdTable
from market.portfolio.prices import Prices
from market.portfolio.worth import Worths

MAX_HOLDINGS = 65_535
_ONE_BY_ONE = 4  # of changed holdings; more are set at once
_ROWS_AT_ONCE = 2048  # of a revaluation: with ten holdings each, what fits the processor's cache
_LEAST_GARBAGE = 1024

U4 = npt.NDArray[np.uint32]
I8 = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]


class Held(NamedTuple):
    """One portfolio's holdings: instrument u4[n], quantity and cost i8[n] in units of 1e-8."""

    instrument: U4
    quantity: I8
    cost: I8

    def at(self, places: slice | Rows) -> "Held":
        """Pick some: a view where they lie side by side."""
        return Held(self.instrument[places], self.quantity[places], self.cost[places])

    def sized(self, size: int) -> "Held":
        """Copy into columns of `size`, which is not less."""
        return Held(sized(self.instrument, size), sized(self.quantity, size), sized(self.cost, size))

    def joined(self, other: "Held") -> "Held":
        """Copy these and others behind them."""
        return Held(
            np.concatenate((self.instrument, other.instrument)),
            np.concatenate((self.quantity, other.quantity)),
            np.concatenate((self.cost, other.cost)),
        )

    def write(self, start: int, held: "Held") -> None:
        """Overwrite what begins at `start`."""
        places = slice(start, start + len(held.instrument))
        self.instrument[places], self.quantity[places], self.cost[places] = held


class Moves(NamedTuple):
    """The instruments that a portfolio holds and did not hold before, and the other way round."""

    come: list[int]
    gone: list[int]


class Totals(NamedTuple):
    """Sums of what each portfolio's holdings are shown with, i8[portfolios] in its currency's minor units."""

    value: I8
    cost: I8
    day_change: I8


class Positions:
    """Portfolios by their 16 bytes of id; a row number stands for one until it is removed."""

    def __init__(self) -> None:
        self._ids = IdTable()
        self._start = np.zeros(0, np.uint32)
        self._count = np.zeros(0, np.uint16)
        self._decimals = np.zeros(0, np.uint8)
        self._cash = np.zeros(0, np.int64)
        self._revision = np.zeros(0, np.int64)
        self._held = Held(np.zeros(0, np.uint32), np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._used = 0
        self._garbage = 0

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def size_bytes(self) -> int:
        """What all columns take, their spare room included."""
        columns = (self._start, self._count, self._decimals, self._cash, self._revision, *self._held)
        return self._ids.size_bytes + sum(column.nbytes for column in columns)

    def reserve(self, portfolios: int, holdings: int) -> None:
        """Make room at once, none to spare, for so many that are about to come to an empty table."""
        self._ids.reserve(portfolios)
        self._size_rows(portfolios)
        self._held = self._held.sized(holdings)

    def row(self, portfolio: bytes) -> int | None:
        """Find a portfolio's row."""
        return self._ids.find(portfolio)

    def rows(self) -> Rows:
        """List the rows of all portfolios."""
        return self._ids.rows()

    def cash(self, row: int) -> int:
        """Give a portfolio's cash, in units of 1e-8."""
        return int(self._cash[row])

    def revision(self, row: int) -> int:
        """Give the ledger's sequence of the command that changed a portfolio last."""
        return int(self._revision[row])

    def held(self, row: int) -> Held:
        """View a portfolio's holdings, until the next `put`."""
        start = int(self._start[row])
        return self._held.at(slice(start, start + int(self._count[row])))

    def put(self, portfolio: bytes, revision: int, cash: int, decimals: int, held: Held) -> int:
        """Set a portfolio whole, its holdings of `MAX_HOLDINGS` instruments at most; return its row."""
        row = self._ids.add(portfolio)
        if row >= len(self._start):
            self._size_rows(enough(row + 1))
        self._revision[row], self._cash[row], self._decimals[row] = revision, cash, decimals
        count, before = len(held.instrument), int(self._count[row])
        if count > before or not before:
            self._garbage += before
            self._start[row], self._count[row] = 0, 0
            self._start[row] = self._room(count)
        else:
            self._garbage += before - count
        self._count[row] = count
        self._held.write(int(self._start[row]), held)
        return row

    def change(self, portfolio: bytes, revision: int, cash: int, decimals: int, changed: Held) -> "Moves":
        """Set some of a portfolio's holdings, a quantity of 0 for one that is gone; tell which came and which went."""
        row = self._ids.find(portfolio)
        if row is None or len(changed.instrument) > _ONE_BY_ONE:
            return self._change_many(row, portfolio, revision, cash, decimals, changed)
        self._revision[row], self._cash[row] = revision, cash
        moves = Moves([], [])
        for instrument, quantity, cost in zip(*(column.tolist() for column in changed), strict=True):
            start, count = int(self._start[row]), int(self._count[row])
            found = np.flatnonzero(self._held.instrument[start : start + count] == instrument)
            if len(found) and quantity:
                place = start + int(found[0])
                self._held.quantity[place], self._held.cost[place] = quantity, cost
            elif len(found):
                last = start + count - 1
                self._held.write(start + int(found[0]), self._held.at(slice(last, last + 1)))
                self._count[row] = count - 1
                self._garbage += 1
                moves.gone.append(instrument)
            elif quantity:
                self._append(row, Held(*(np.array([each]) for each in (instrument, quantity, cost))))
                moves.come.append(instrument)
        return moves

    def _change_many(
        self, row: int | None, portfolio: bytes, revision: int, cash: int, decimals: int, changed: Held
    ) -> "Moves":
        before = self._held.at(slice(0)) if row is None else self.held(row)
        was_held, is_held = np.isin(changed.instrument, before.instrument), changed.quantity > 0
        kept = before.at(np.flatnonzero(~np.isin(before.instrument, changed.instrument)))
        self.put(portfolio, revision, cash, decimals, kept.joined(changed.at(np.flatnonzero(is_held))))
        come, gone = changed.instrument[is_held & ~was_held], changed.instrument[was_held & ~is_held]
        return Moves(come.tolist(), gone.tolist())

    def _append(self, row: int, one: Held) -> None:
        """Add a holding: in place where the portfolio is the last, else all of them move to the end."""
        start, count = int(self._start[row]), int(self._count[row])
        if start + count == self._used < len(self._held.instrument):
            self._used += 1
        else:
            held = self.held(row).at(np.arange(count))
            self._garbage += count
            self._start[row], self._count[row] = 0, 0
            start = self._start[row] = self._room(count + 1)
            self._held.write(int(start), held)
        self._held.write(int(start) + count, one)
        self._count[row] = count + 1

    def remove(self, portfolio: bytes) -> None:
        """Forget a portfolio that is there."""
        row = self._ids.remove(portfolio)
        self._garbage += int(self._count[row])
        self._count[row] = 0

    def totals(self, rows: Rows, prices: Prices) -> Totals:
        """Value the portfolios of `rows` at the prices of all instruments, whose numbers index them."""
        totals = Totals(*np.zeros((3, len(rows)), np.int64))
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            part = rows[first : first + _ROWS_AT_ONCE]
            places, counts = self._places(part), self._count[part].astype(np.int64)
            held = self._held.at(places)
            decimals = self._decimals[part].astype(np.int64)
            shown: I8 | int = np.repeat(decimals, counts)
            if (decimals == decimals[0]).all():
                shown = int(decimals[0])
            price, previous = prices.price[held.instrument], prices.previous[held.instrument]
            worths = Worths.of(held.quantity, held.cost, price, previous, shown)
            ends = np.cumsum(counts)
            for total, column in zip(totals, (worths.value, worths.cost, worths.day_change), strict=True):
                sums = np.append(0, np.cumsum(column))
                total[first : first + len(part)] = sums[ends] - sums[ends - counts]
        return totals

    def instruments(self, rows: Rows) -> tuple[U4, Rows]:
        """Give the instrument of each holding of some portfolios, and beside it the portfolio's row."""
        return self._held.instrument[self._places(rows)], np.repeat(rows, self._count[rows])

    def _places(self, rows: Rows) -> slice | Rows:
        """Say where the holdings of some portfolios are, one portfolio after the other."""
        starts, counts = self._start[rows].astype(np.int64), self._count[rows].astype(np.int64)
        ends = starts + counts
        if (starts[1:] == ends[:-1]).all():
            return slice(int(starts[0]), int(ends[-1])) if len(rows) else slice(0)
        before = np.cumsum(counts) - counts
        return np.repeat(starts - before, counts) + np.arange(int(counts.sum()))

    def _room(self, count: int) -> int:
        """Make room for holdings behind all others; return where it begins."""
        if self._used + count > len(self._held.instrument):
            if self._garbage > max(self._used // 8, _LEAST_GARBAGE):
                self._compact()
            if self._used + count > len(self._held.instrument):
                self._held = self._held.sized(enough(self._used + count))
        start = self._used
        self._used += count
        return start

    def _compact(self) -> None:
        rows = self.rows()
        places, counts = self._places(rows), self._count[rows].astype(np.int64)
        kept = self._held.at(places)
        self._used, self._garbage = len(kept.instrument), 0
        self._held.write(0, kept)
        self._start[rows] = np.cumsum(counts) - counts

    def _size_rows(self, size: int) -> None:
        self._start, self._count = sized(self._start, size), sized(self._count, size)
        self._decimals, self._cash = sized(self._decimals, size), sized(self._cash, size)
        self._revision = sized(self._revision, size)
