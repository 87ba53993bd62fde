"""Mid prices: random walks in continuous time, seen only when an instrument has an event.

The logarithm of a price is its anchor, plus beta times the common factors (market and sector), plus a deviation of
its own. Factors and deviations are Ornstein-Uhlenbeck processes: they wander by their volatility and are drawn back to
zero over two days, so that prices stay believable for as long as the market runs. A step depends on the time since the
last one, not on the number of events, so volatility is the same at every rate.
"""

import math

import numpy as np
import numpy.typing as npt

from market.grouping import Groups
from workers.feed.sim.draws import SliceDraws
from workers.feed.sim.universe import SECTORS, Floats, Universe

DAY_NS = 86_400 * 1_000_000_000

_PULL_PER_DAY = 0.5
_MARKET_VOLATILITY = 0.010  # per day
_SECTOR_VOLATILITY = 0.006
_FARTHEST = 0.45  # of a log price from its anchor: 0.64 to 1.57 times
_MARKET_GAP, _NAME_GAP, _FARTHEST_GAP = 0.004, 0.4, 0.05  # overnight: of the market; in days' volatility; at most
_CENTS_LOWEST = 1.05  # an instrument keeps its tick size, whatever its price does: room for the spread beside $1
_HIGHEST = 1_000_000.0
_SUB_PENNY_LOWEST, _SUB_PENNY_HIGHEST = 0.05, 0.98


class Prices:
    """The mid price of every instrument.

    `mids`: where each starts, in USD. A start beyond the band around the universe's own price moves the anchor there.
    """

    def __init__(self, universe: Universe, mids: Floats, start_ns: int) -> None:
        self._beta, self._sector = universe.beta, universe.sector
        self._day_volatility = universe.volatility
        self._volatility = universe.volatility / math.sqrt(DAY_NS)  # per square root of a nanosecond
        inside = np.abs(np.log(mids / universe.price)) < _FARTHEST
        self._anchor = np.log(np.where(inside, universe.price, mids))
        cents = universe.ticks_per_dollar == 100
        self._lowest = np.maximum(self._anchor - _FARTHEST, np.where(cents, math.log(_CENTS_LOWEST), -np.inf))
        self._highest = np.minimum(self._anchor + _FARTHEST, np.where(cents, np.inf, math.log(_SUB_PENNY_HIGHEST)))
        self._deviation = np.clip(np.log(mids), self._lowest, self._highest) - self._anchor
        self._seen_ns = np.full(len(mids), start_ns, np.int64)
        self._factors, self._factors_ns = np.zeros(1 + len(SECTORS)), start_ns
        self._factor_volatility = np.array([_MARKET_VOLATILITY, 0.0, *[_SECTOR_VOLATILITY] * (len(SECTORS) - 1)])
        self._common = np.zeros(len(SECTORS))

    def gap(self, at: npt.NDArray[np.integer], draws: SliceDraws) -> None:
        """Move instruments `at` by what happened overnight."""
        market = draws.normals(1) * _MARKET_GAP * self._beta
        names = draws.normals(len(self._beta)) * _NAME_GAP * self._day_volatility
        self._deviation[at] += np.clip(market + names, -_FARTHEST_GAP, _FARTHEST_GAP)[at]

    def mids(self) -> Floats:
        """Return every mid where it was last seen, in USD."""
        mids: Floats = np.exp(self._anchor + self._deviation)
        return mids

    def advance(self, now_ns: int, draws: SliceDraws) -> None:
        """Move the common factors on to `now_ns`."""
        days = (now_ns - self._factors_ns) / DAY_NS
        spread = math.sqrt(-math.expm1(-2 * _PULL_PER_DAY * days) / (2 * _PULL_PER_DAY))
        self._factors *= math.exp(-_PULL_PER_DAY * days)
        self._factors += spread * self._factor_volatility * draws.normals(len(self._factors))
        self._factors_ns = now_ns
        self._common = self._factors[0] + self._factors[1:]

    def walk(self, groups: Groups, ts_event: npt.NDArray[np.int64], normals: Floats) -> Floats:
        """Move instruments to their events and return the mid at each, in USD.

        All arrays are in the order of `groups`, each instrument's events together and in time order.
        """
        at, starts, sizes = groups.keys, groups.starts, groups.sizes
        quiet_ns = ts_event[starts] - self._seen_ns[at]
        elapsed = np.empty(len(ts_event))
        elapsed[1:] = ts_event[1:] - ts_event[:-1]
        elapsed[starts] = quiet_ns
        steps = np.sqrt(elapsed)
        steps *= np.repeat(self._volatility[at], sizes)
        steps *= normals
        still = self._anchor[at] + self._beta[at] * self._common[self._sector[at]]
        first = still + steps[starts] + self._deviation[at] * np.exp(-_PULL_PER_DAY / DAY_NS * quiet_ns)
        first = np.minimum(np.maximum(first, self._lowest[at]), self._highest[at])
        # A sum within each group, at the price of one sum over all: every group is shifted to begin at its own first.
        steps[starts] = 0
        logs = np.cumsum(steps)
        logs += np.repeat(first - logs[starts], sizes)
        ends = starts + sizes - 1
        self._deviation[at] = logs[ends] - still
        self._seen_ns[at] = ts_event[ends]
        np.exp(logs, out=logs)
        return logs


def plausible(universe: Universe, mids: Floats) -> npt.NDArray[np.bool_]:
    """Say which mids an instrument can go on from: on its own side of $1, where its tick size holds; not NaN."""
    cents = (mids >= _CENTS_LOWEST) & (mids <= _HIGHEST)
    below = (mids >= _SUB_PENNY_LOWEST) & (mids <= _SUB_PENNY_HIGHEST)
    return np.where(universe.ticks_per_dollar == 100, cents, below)
