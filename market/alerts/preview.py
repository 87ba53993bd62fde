"""How often a rule would have fired: the index itself, over the prices that candles still tell of."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from market.alerts.columns import F8, I4, I8, U4, TouchKind
from market.alerts.index import AlertIndex
from market.alerts.rule import Rule, State
from market.row_type import Rows
from market.rows import EVENT_DTYPE, TRADE

_STEP_NS = 15_000_000_000  # from one to the next of the four prices of a minute
_AT_ONCE = 2048  # rows: few, as each touch looks at what is left of them


class Bars(NamedTuple):
    """Candles of one minute and one instrument, oldest first; `day` is their trading day, an ordinal."""

    start_ns: I8
    open: F8
    high: F8
    low: F8
    close: F8
    day: I4

    def priced(self) -> "Bars":
        """Leave out those without prices."""
        own = ~np.isnan(self.open)
        return Bars(self.start_ns[own], self.open[own], self.high[own], self.low[own], self.close[own], self.day[own])


class Fired(NamedTuple):
    """One firing: about when, at what price, through the upper (+1) or the lower line (-1)."""

    ts_event_ns: int
    price: float
    side: int


def preview(rule: Rule, bars: Bars, prev_close: float, cooldown_s: int = 0) -> list[Fired]:
    """Give all firings of a rule over candles, oldest first, had it been made before them.

    `prev_close` is the last price of the trading day before them, NaN where it is not known. Where the rule is true at
    the first price it waits for the price to come back. A minute is taken for four ticks: open, of low and high the
    nearer to it, the other, close; candles without prices are none. Firings within the cooldown are left out.
    """
    bars = bars.priced()
    if not len(bars.start_ns):
        return []

    def day_of(instruments: U4, ts_ns: I8) -> I4:
        days: I4 = bars.day[np.searchsorted(bars.start_ns, ts_ns, "right") - 1]
        return days

    index = AlertIndex(day_of)
    index.learn(rule.instrument, prev_close, np.nan, 0)
    side = rule.touched_side(float(bars.open[0]), None if np.isnan(prev_close) else prev_close)
    state = State.WAITING if side else State.ARMED
    index.put([replace(rule, state=state, waiting_side=side, since=0, fired_day=0)])
    rows, fired = _rows(rule.instrument, bars), list[Fired]()
    for at in range(0, len(rows), _AT_ONCE):
        part = rows[at : at + _AT_ONCE]
        touches = index.apply(part, np.full(len(part), 1 + at), 0)
        touches = touches.take(touches.kind == TouchKind.FIRE)
        for each in map(Fired, touches.ts_event.tolist(), touches.price.tolist(), touches.side.tolist()):
            if not fired or each.ts_event_ns >= fired[-1].ts_event_ns + cooldown_s * 1_000_000_000:
                fired.append(each)
    return fired


def _rows(instrument: int, bars: Bars) -> Rows:
    """Write four trades a minute."""
    is_low_first = bars.open - bars.low <= bars.high - bars.open
    prices = np.column_stack(
        [
            bars.open,
            np.where(is_low_first, bars.low, bars.high),
            np.where(is_low_first, bars.high, bars.low),
            bars.close,
        ]
    )
    rows = TRADE.blank(prices.size)
    rows["instrument"], rows["sequence"] = instrument, np.arange(1, prices.size + 1)
    rows["price"] = prices.reshape(-1)
    rows["ts_event"] = (bars.start_ns[:, None] + np.arange(4) * _STEP_NS).reshape(-1)
    return rows.view(EVENT_DTYPE)
