"""The simulated exchange: all quotes and trades of one slice of time in one pass of numpy.

Within a slice, events are worked on in the order of their instruments, each instrument's in time order, and put into
time order as the last step. Random bytes that are independent of an event's instrument need no reordering for that.
"""

import numpy as np
import numpy.typing as npt

from market import rows
from market.grouping import group
from market.row_type import Rows
from workers.feed.sim import liquidity
from workers.feed.sim.draws import Purpose, SliceDraws
from workers.feed.sim.event_rows import event_rows, quote_rows, trade_rows
from workers.feed.sim.prices import Prices
from workers.feed.sim.quotes import Positions, Quotes, RandomBytes
from workers.feed.sim.universe import Floats, Universe

_LOTTERY_TICKETS = 1 << 16  # and 16 or more per instrument: how finely activity is divided
_LOW_32 = np.uint64(0xFFFF_FFFF)


class Exchange:
    """Every instrument's market, moved on slice by slice.

    `mids` [instruments]: mid prices to go on from, in USD, NaN for instruments that start anew from the universe's
    price. The content of a slice is a function of the seed, the slice's index and the state carried into it.
    """

    def __init__(self, universe: Universe, seed: int, mids: Floats, start_ns: int) -> None:
        self.draws = SliceDraws(seed)
        self.quotes = Quotes(universe)
        self._universe = universe
        self._fresh = np.flatnonzero(np.isnan(mids))
        self._prices = Prices(universe, np.where(np.isnan(mids), universe.price, mids), start_ns)
        self._tickets = _lottery(universe.activity)
        # Trade ids count microseconds at first and trades from there: a later start, of whatever seed, is always
        # ahead, since a market has fewer than a million trades a second; and JavaScript numbers can hold them.
        self._next_trade = start_ns // 1000

    def close_before(self, close_ns: int) -> Rows:
        """Build the last trade of an earlier day, at the universe's price, for instruments that start anew."""
        return self._round_lots(self._fresh, close_ns, self._universe.price[self._fresh])

    def open(self, index: int, slice_ns: int) -> Rows:
        """Build, as slice `index`, a first quote for every instrument and a trade for those that start anew."""
        self.draws.enter(index, Purpose.OPENING)
        self._prices.gap(self._fresh, self.draws)
        everyone = np.arange(len(self._universe))
        random = _as_bytes(self.draws.words(len(everyone)))
        quotes = self.quotes.draw(everyone, self._prices.mids(), random)
        self.quotes.last.put(everyone, quotes, everyone)
        values = self.quotes.values(everyone, quotes)
        now_ns = index * slice_ns
        first = quote_rows(everyone, np.full(len(everyone), now_ns), values)
        return rows.join([first, self._round_lots(self._fresh, now_ns + 1, values[0][self._fresh])])

    def trade(self, index: int, slice_ns: int, count: int) -> tuple[Rows, Positions]:
        """Build the `count` events of slice `index`, where `draws` stands; return them and the instruments quoted.

        Instruments that were quoted several times come as often.
        """
        words = self.draws.words(count)
        instrument, ts_event = self._schedule(words, index * slice_ns, slice_ns)
        groups = group(instrument)
        ts_event, at = ts_event[groups.order], np.repeat(groups.keys, groups.sizes)
        self._prices.advance((index + 1) * slice_ns, self.draws)
        mids = self._prices.walk(groups, ts_event, self.draws.normals(count))
        random = _as_bytes(words)
        is_trade = random[:, 4] < liquidity.TRADES_OF_256
        quotes = self.quotes.draw(at, mids, random)
        values = self.quotes.values(at, quotes)
        trades = np.flatnonzero(is_trade)
        met = self.quotes.in_force(trades, groups, at, quotes)
        for column, printed in zip(values, self._print_trades(at[trades], met, random[trades]), strict=True):
            column[trades] = printed
        quoted = np.flatnonzero(~is_trade)
        self.quotes.last.put(at[quoted], quotes, quoted)
        ordered = event_rows(at, ts_event, is_trade, values)
        built = np.empty(count, f"V{rows.EVENT_BYTES}")
        built[groups.order] = ordered.view(built.dtype)
        return built.view(rows.EVENT_DTYPE), at[quoted]

    def _schedule(
        self, words: npt.NDArray[np.uint64], start_ns: int, slice_ns: int
    ) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """Give every event its instrument, by activity, and its time, strictly increasing over the whole slice."""
        drawn = (words & _LOW_32) * np.uint64(len(self._tickets))
        step_ns = slice_ns // len(words)
        jitter_ns = ((drawn & _LOW_32) >> np.uint64(16)) * np.uint64(step_ns) >> np.uint64(16)
        ts_event = np.arange(len(words)) * step_ns + start_ns
        ts_event += jitter_ns.view(np.int64)
        return self._tickets[(drawn >> np.uint64(32)).view(np.int64)], ts_event

    def _print_trades(
        self, at: Positions, met: tuple[Floats, Floats], random: RandomBytes
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Give the values of trades of instruments `at`, at prices within the quotes that they met (bid, spread)."""
        bid, spread = met
        price = (bid + np.rint(spread * liquidity.PLACES.take(random[:, 7]))) / self.quotes.per_dollar[at]
        ids = np.arange(self._next_trade, self._next_trade + len(at), dtype=np.uint64)
        self._next_trade += len(at)
        conditions = liquidity.CONDITIONS.take(random[:, 6])
        return price, liquidity.TRADE_SIZES.take(random[:, 6]), ids.view(np.float64), conditions.view(np.float64)

    def _round_lots(self, at: Positions, ts_event_ns: int, price: Floats) -> Rows:
        """Build one trade of a round lot per instrument."""
        first_id = self._next_trade
        self._next_trade += len(at)
        return trade_rows(at, np.full(len(at), ts_event_ns), price, first_id)


def _as_bytes(words: npt.NDArray[np.uint64]) -> RandomBytes:
    return words.astype("<u8", copy=False).view(np.uint8).reshape(len(words), 8)


def _lottery(activity: Floats) -> npt.NDArray[np.uint32]:
    """Return the tickets that instruments hold, by activity and one at least: drawing one draws an instrument."""
    tickets = max(_LOTTERY_TICKETS, 16 * len(activity))
    held = np.maximum(1, np.rint(activity / activity.sum() * tickets)).astype(np.intp)
    return np.repeat(np.arange(len(activity), dtype=np.uint32), held)
