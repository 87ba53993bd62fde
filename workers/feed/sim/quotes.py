"""The quotes of the simulated market: drawn around a mid price, and kept, the last of each instrument."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from market.grouping import Groups
from workers.feed.sim import liquidity
from workers.feed.sim.universe import Floats, Universe

Positions = npt.NDArray[np.integer]
RandomBytes = npt.NDArray[np.uint8]  # [events, 8]; bytes 4 to 7 are independent of everything that precedes the quote


@dataclass(frozen=True, slots=True)
class Touch:
    """Best bids and asks, an entry per quote: `bid` and `spread` in whole ticks, the sizes in shares."""

    bid: Floats
    spread: Floats
    bid_size: Floats
    ask_size: Floats

    def put(self, at: Positions, other: "Touch", entries: Positions) -> None:
        """Set the entries `at` to those of `other` at `entries`; of several for one place, the last stays."""
        self.bid[at] = other.bid[entries]
        self.spread[at] = other.spread[entries]
        self.bid_size[at] = other.bid_size[entries]
        self.ask_size[at] = other.ask_size[entries]


class Quotes:
    """The quote in force of every instrument, as `last`, and how new ones are drawn."""

    def __init__(self, universe: Universe) -> None:
        self.last = Touch(*(np.zeros(len(universe)) for _ in range(4)))
        self.per_dollar = universe.ticks_per_dollar
        self.spreads, self.lots = liquidity.usual_spread_ticks(universe), liquidity.usual_lots(universe)

    def draw(self, at: Positions, mids: Floats, random: RandomBytes) -> Touch:
        """Quote instruments `at` around their mids, in USD: the bid at or below each mid, the ask above it."""
        spread = np.maximum(np.rint(self.spreads[at] * liquidity.WIDTHS.take(random[:, 5])), 1)
        bid = np.floor(mids * self.per_dollar[at] - (spread - 1) / 2)
        lots = self.lots[at]
        bid_size = np.ceil(lots * liquidity.LOTS.take(random[:, 6])) * liquidity.ROUND_LOT
        ask_size = np.ceil(lots * liquidity.LOTS.take(random[:, 7])) * liquidity.ROUND_LOT
        return Touch(bid, spread, bid_size, ask_size)

    def values(self, at: Positions, quotes: Touch) -> tuple[Floats, Floats, Floats, Floats]:
        """Give quotes of instruments `at` as rows have them: bid, bid size, ask, ask size.

        A whole number of ticks divided by the ticks in a dollar is the float nearest to the decimal price.
        """
        per_dollar = self.per_dollar[at]
        return quotes.bid / per_dollar, quotes.bid_size, (quotes.bid + quotes.spread) / per_dollar, quotes.ask_size

    def in_force(self, trades: Positions, groups: Groups, at: Positions, quotes: Touch) -> tuple[Floats, Floats]:
        """Give bid and spread, in ticks, that each of `trades` meets: of the quote before it in its group, or `last`.

        `trades`: positions in the order of `groups`, as are `at` and `quotes`; all other positions are quotes.
        """
        before = np.arange(len(at))
        before[trades] = -1
        before = np.maximum.accumulate(before)[trades]
        earlier = before < np.repeat(groups.starts, groups.sizes)[trades]
        instruments = at[trades]
        bid = np.where(earlier, self.last.bid[instruments], quotes.bid[before])
        return bid, np.where(earlier, self.last.spread[instruments], quotes.spread[before])
