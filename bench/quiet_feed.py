"""A feed of single changes at random times: what latency is measured with on an idle system."""

import itertools
import time
from collections.abc import Iterator, Mapping

import numpy as np

from bench.processes import Line
from market import rows
from market.instrument import Listing
from market.row_type import Rows
from market.symbols import SymbolKey
from workers.feed.adapter import Batch, NowNs, SourceFaults
from workers.feed.service import open_feed
from workers.feed.settings import FeedSettings

VENUE = "XBEN"


def names(symbols: int) -> list[str]:
    """Name the feed's instruments."""
    return [f"{VENUE}:Q{number:03d}" for number in range(symbols)]


class QuietMarket:
    """One quote at a time, a Poisson process of `rate` a second, instrument by instrument in turn.

    In turn, so that each was quiet for much longer than any conflation window when its change comes.
    """

    name = "quiet"
    time_zone = "America/New_York"
    venues: tuple[str, ...] = (VENUE,)
    continues = False

    def __init__(self, symbols: int, rate: float) -> None:
        self.faults = SourceFaults()
        self._names = names(symbols)
        self._rate = rate
        self._random = np.random.default_rng(1)

    def resume(self, states: Mapping[str, np.void]) -> None:
        """Start anew all the same."""

    def batches(self, now_ns: NowNs) -> Iterator[Batch]:
        """Yield a quote for every instrument, then single ones for ever."""
        everyone = np.arange(len(self._names))
        listed = tuple(Listing(SymbolKey.parse(name), name) for name in self._names)
        yield Batch(_quotes(everyone, 100.0, now_ns()), listed=listed)
        due_ns = now_ns()
        for turn in itertools.count():
            number, price = (
                turn % len(everyone),
                100 + turn // len(everyone) % 1000 / 100,
            )
            due_ns += int(self._random.exponential(1e9 / self._rate))
            yield Batch(
                _quotes(everyone[number : number + 1], price, due_ns),
                due_ns=due_ns,
            )


def _quotes(numbers: np.ndarray[tuple[int], np.dtype[np.intp]], bid: float, ts_event_ns: int) -> Rows:
    quotes = rows.QUOTE.blank(len(numbers))
    quotes["instrument"], quotes["ts_event"] = numbers, ts_event_ns
    quotes["bid"], quotes["ask"], quotes["bid_size"], quotes["ask_size"] = (
        bid,
        bid + 0.01,
        100,
        200,
    )
    return rows.join([quotes])


async def feed(line: Line, nats_url: str, cache_url: str, symbols: int, rate: float) -> None:
    """Run the platform's own feed process on this market: directory, tape, cache, snapshot service, both lanes."""
    settings = FeedSettings(nats_url=nats_url, cache_url=cache_url)
    async with open_feed(settings, QuietMarket(symbols, rate)) as service:
        line.say(ready=time.time_ns())
        await service.run()
