"""A simulated market held in memory: what the lanes' benchmarks publish is what the feed would."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from market.instrument import Instrument, InstrumentId
from market.row_type import Rows
from market.state import MarketState
from market.trading_day import TradingDays
from workers.feed.adapter import Batch
from workers.feed.adapters import open_adapter

EPOCH = 1
BATCH_ROWS = 5_000  # what a feed of a million rows a second has in each slice of 5 ms


@dataclass(frozen=True, slots=True)
class ListedMarket:
    """Instruments numbered as they are listed, their states after the open, and the batches that follow."""

    instruments: list[Instrument]
    state: MarketState
    batches: Iterator[Batch]

    def events(self) -> Rows:
        """Give the next batch of `BATCH_ROWS` events, numbered as the feed numbers them."""
        events = next(self.batches).events
        self.state.apply(events)
        return events

    def shuffled(self, seed: int) -> npt.NDArray[np.intp]:
        """Give all instrument numbers in a random order."""
        return np.random.default_rng(seed).permutation(len(self.instruments)).astype(np.intp)


def open_market(symbols: int) -> ListedMarket:
    """Open a market of the simulator at a million events a second, its clock held still so that none is left out."""
    adapter = open_adapter(f"sim:rate=1000000,profile=flat,depth_ms=0,symbols={symbols}")
    started_ns = time.time_ns()
    batches = adapter.batches(lambda: started_ns)
    first = next(batches)
    state = MarketState(EPOCH, TradingDays(adapter.time_zone))
    state.reserve(symbols)
    state.apply(first.events)
    state.apply(next(batches).events)  # a quote and a trade for each instrument
    instruments = [Instrument(InstrumentId(number), listing) for number, listing in enumerate(first.listed)]
    return ListedMarket(instruments, state, batches)
