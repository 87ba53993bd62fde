"""How instruments trade: spreads, sizes, which events are trades and on which side; as tables that random bytes index.

A table of 256 quantiles turns one random byte into a draw of any distribution with one gather.
"""

import numpy as np

from market.codes import Condition
from workers.feed.sim.universe import Floats, Universe

ROUND_LOT = 100
TRADES_OF_256 = 64  # one event in four is a trade

_QUANTILES = (np.arange(256) + 0.5) / 256
_EXPONENTIAL = -np.log1p(-_QUANTILES)

# The width of a quote as a multiple of the instrument's usual spread.
WIDTHS = 0.6 + 0.45 * _EXPONENTIAL
# The lots of a quote as a multiple of the instrument's usual depth.
LOTS = 0.1 + 0.9 * _EXPONENTIAL
# Where between bid (0) and ask (1) a trade prints: at either nine times in ten, else inside, where the spread has room.
PLACES = np.concatenate([np.zeros(115), np.linspace(0.2, 0.8, 26), np.ones(115)])


def _trade_sizes() -> Floats:
    odd = 1.0 + np.arange(28) * 3.6 // 1  # one trade in nine is of less than a round lot
    mixed = np.arange(12) * 35.0 + 110
    lots = np.ceil(1.6 * -np.log1p(-(np.arange(216) + 0.5) / 216))
    return np.concatenate([odd, mixed, lots * ROUND_LOT])


TRADE_SIZES = _trade_sizes()
CONDITIONS = np.where(TRADE_SIZES < ROUND_LOT, Condition.ODD_LOT, 0).astype(np.uint64)


def usual_spread_ticks(universe: Universe) -> Floats:
    """Give each instrument's usual spread in ticks, 1 or more.

    A sixth of a basis point (a hundredth of a percent) of the price for the busiest names, 12 for the quietest.
    """
    basis_points = np.clip(30 / (1 + universe.activity) ** 0.75, 0.1, 12)
    ticks: Floats = np.maximum(1.0, universe.price * basis_points / 10_000 * universe.ticks_per_dollar)
    return ticks


def usual_lots(universe: Universe) -> Floats:
    """Give each instrument's usual size at the touch in round lots: more where a share is cheap or much traded."""
    lots: Floats = np.clip((1 + universe.activity) ** 0.35 * 12 / np.sqrt(universe.price), 0.5, 60)
    return lots
