"""Alerts and ticks to measure with: thresholds around prices, and prices that walk as those of shares do."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from market.alerts.columns import RuleColumns
from market.alerts.rule import Condition, Reference, Repeat
from market.row_type import Rows
from market.rows import EVENT_DTYPE, TRADE

OPEN_NS = 1_767_366_000_000_000_000  # a Friday's morning in New York
CENT = 0.01
_MOVES = 0.25  # of all ticks; the others repeat the price before them

F8 = npt.NDArray[np.float64]


def prices_of(generator: np.random.Generator, instruments: int) -> F8:
    """Draw a price for every instrument: half of them below 60."""
    return np.round(generator.lognormal(np.log(60), 0.8, instruments) + 1, 2)


def rules_of(generator: np.random.Generator, prices: F8, count: int) -> RuleColumns:
    """Draw rules: nine in ten for a price, one for a move; most 1 to 20 per cent away, and for once."""
    instrument = generator.integers(0, len(prices), count).astype(np.uint32)
    condition = generator.choice(3, count, p=[0.45, 0.45, 0.1]).astype(np.uint8)
    price, away = prices[instrument], 0.01 + generator.exponential(0.08, count)
    above = np.ceil(price * (1 + away) / CENT) * CENT
    below = np.maximum(np.floor(price / (1 + away) / CENT), 1) * CENT
    is_move = condition == Condition.CHANGE_PCT.code
    threshold = np.where(is_move, 100 * away, np.where(condition == Condition.ABOVE.code, above, below))
    reference = np.where(is_move, generator.integers(0, 2, count), Reference.CREATED.code).astype(np.uint8)
    is_from_now = is_move & (reference == Reference.CREATED.code)
    return RuleColumns(
        number=np.arange(1, count + 1),
        instrument=instrument,
        condition=condition,
        threshold=threshold,
        reference=reference,
        reference_price=np.where(is_from_now, price, 0.0),
        repeat=generator.choice(len(Repeat), count, p=[0.6, 0.2, 0.2]).astype(np.uint8),
        state=np.zeros(count, np.uint8),
        waiting_side=np.zeros(count, np.int8),
        since=np.zeros(count, np.int64),
        fired_day=np.zeros(count, np.int32),
    )


def ticks(generator: np.random.Generator, prices: F8, at_once: int, epoch: int, *, is_even: bool) -> Iterator[Rows]:
    """Make batches of trades for ever: prices move by a cent now and then; `prices` moves along.

    Either all instruments trade alike, or the one that comes n-th does so 1/n as often as the first.
    """
    sequence = np.full(len(prices), epoch << 32, np.int64)
    clock = 0
    while True:
        weight = generator.uniform(0, 1, at_once)
        instrument = (weight * len(prices) if is_even else len(prices) ** weight - 1).astype(np.int64)
        order = np.argsort(instrument, kind="stable")
        own = instrument[order]
        starts = np.flatnonzero(np.diff(own, prepend=-1))
        sizes = np.diff(starts, append=at_once)
        rank = np.arange(at_once) - np.repeat(starts, sizes) + 1
        step = generator.choice([-CENT, 0.0, CENT], at_once, p=[_MOVES / 2, 1 - _MOVES, _MOVES / 2])
        walked = np.cumsum(step)
        walked -= np.repeat(walked[starts] - step[starts], sizes)
        price = np.maximum(np.round(prices[own] + walked, 2), CENT)
        rows = TRADE.blank(at_once)
        rows["instrument"], rows["size"] = instrument, 100.0
        rows["price"][order], rows["sequence"][order] = price, sequence[own] + rank
        rows["ts_event"] = rows["ts_recv"] = OPEN_NS + 1_000 * (clock + np.arange(at_once))
        ends = starts + sizes - 1
        prices[own[ends]] = price[ends]
        sequence[own[ends]] += sizes
        clock += at_once
        yield rows.view(EVENT_DTYPE)
