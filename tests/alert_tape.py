"""A seeded tape on which rules fire: prices that keep crossing a few lines, spikes of one tick, days that turn.

Rows come twice, times are shuffled, also across midnight, and much between the ticks forms no price.
"""

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from market import rows
from market.codes import Condition, CorrectionFlag, Kind, TradeFlag
from market.row_type import Rows, take
from tests.candle_tape import TapeWriter

STEP = 0.25  # of prices and of the lines of rules, so that many ticks are exactly on one
LOW, HIGH = 90.0, 110.0
_S = 1_000_000_000
# The minutes before midnight in New York, in London and everywhere at sea, and in Tokyo: each begins a stretch.
STARTS = tuple(
    datetime.fromisoformat(each).replace(tzinfo=UTC)
    for each in ("2026-03-05 04:58", "2026-03-05 23:58", "2026-03-06 14:58", "2026-03-07 04:58")
)
STRETCH_S, LATE_S = 240, 45


@dataclass
class MarketClock:
    """What time it is on the tape."""

    now: datetime = STARTS[0]


async def write_ticks(tape: TapeWriter, events: Rows, within_s: float, clock: MarketClock) -> None:
    """Write rows spread over so many seconds, in messages of about ten, and let the clock go with them."""
    parts = np.array_split(np.arange(len(events)), max(1, len(events) // 50))
    for part in parts:
        clock.now = time_of(events[part[-1]])
        await tape.write(take(events, part), within_s / len(parts))


def time_of(row: Rows) -> datetime:
    """Tell when a row was received."""
    return datetime.fromtimestamp(int(row["ts_recv"]) // _S, UTC)


class TickMaker:
    """Make the rows of one tape, in the order in which the feed has them."""

    def __init__(self, seed: int, numbers: list[int]) -> None:
        self._random = random.Random(seed)
        self._numbers = numbers
        self._prices = dict.fromkeys(numbers, 100.0)
        self._counts = dict.fromkeys(numbers, 1 << 32)
        self._rows: list[Rows] = []

    def make(self, count: int) -> Rows:
        """Make some rows more than `count`."""
        share = count // len(STARTS)
        for start in STARTS:
            for at in range(share):
                self._event(int(start.timestamp()) * _S + at * STRETCH_S * _S // share)
        return rows.join(self._rows)

    def _event(self, now_ns: int) -> None:
        dice = self._random
        if self._rows and dice.random() < 0.03:
            self._rows.append(dice.choice(self._rows[-200:]))
        number = dice.choice(self._numbers)
        price = self._next_price(number)
        chance = dice.random()
        if chance < 0.02:  # a spike of one tick
            self._add(rows.TRADE, number, now_ns, price=price * dice.choice((0.5, 0.85, 1.15, 2.0)))
        elif chance < 0.05:
            self._add(rows.TRADE, number, now_ns, price=HIGH * 3, conditions=dice.choice((1, 2, 3, 2 | 4)))
        elif chance < 0.07:
            self._add(rows.TRADE, number, now_ns, price=dice.choice((math.nan, math.inf, 0.0, -5.0, -math.inf)))
        elif chance < 0.09:
            self._add(rows.CORRECTION, number, now_ns, price=price, size=1.0, flags=CorrectionFlag.REPLACED)
            self._add(rows.TRADE, number, now_ns, price=price, flags=TradeFlag.CORRECTED)
        elif chance < 0.25:
            self._add(rows.QUOTE, number, now_ns, bid=1.0, ask=1000.0)
        else:
            conditions = dice.choice((0, 0, 0, Condition.INTERMARKET_SWEEP))
            self._add(rows.TRADE, number, now_ns, price=price, conditions=conditions)

    def _next_price(self, number: int) -> float:
        moved = self._prices[number] + self._random.choice((-4, -2, -1, 0, 0, 1, 2, 4)) * STEP
        self._prices[number] = min(max(moved, LOW), HIGH)
        return self._prices[number]

    def _add(self, row_type: rows.RowType, number: int, now_ns: int, **fields: float) -> None:
        dice = self._random
        self._counts[number] += 1 if dice.random() < 0.995 else 2
        row = row_type.blank(1)
        late_s = dice.choice((0, 0, 0, dice.random(), dice.random() * LATE_S))
        row["instrument"], row["sequence"] = number, self._counts[number]
        row["ts_event"], row["ts_recv"] = now_ns - int(late_s * 1e6) * 1000, now_ns
        for name, value in fields.items():
            row[name] = value
        if row_type.kind == Kind.TRADE:
            row["size"] = 1.0
        self._rows.append(row.view(rows.EVENT_DTYPE))
