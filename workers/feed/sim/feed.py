"""The adapter of the simulated market: its clock, where it goes on from, and what it leaves out when late."""

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from market.rows import EVENT_DTYPE
from workers.feed.adapter import Batch, FeedSpec, NowNs, SourceFaults
from workers.feed.sim.depth import Depth
from workers.feed.sim.exchange import Exchange
from workers.feed.sim.intensity import DayIntensity, FlatIntensity, Intensity
from workers.feed.sim.options import TIME_ZONE, SimOptions, local_ns, read_options
from workers.feed.sim.prices import plausible
from workers.feed.sim.quotes import Positions
from workers.feed.sim.universe import load

LATE_NS = 1_000_000_000  # later than this, slices are left out
SKIPPED = "slices skipped"

_NS, _MS_NS = 1_000_000_000, 1_000_000
_CLOSE = time(16)
_SATURDAY = 5

log = logging.getLogger(__name__)


class SimFeed:
    """A market that never ends, in batches of one slice of time each.

    A market that starts anew first reports the previous trading day's close (a batch of its own: an instrument's day
    rolls between batches), then opens. One that goes on from earlier states only quotes again, where they left off.
    """

    name = "sim"
    time_zone = TIME_ZONE
    continues = True

    def __init__(self, options: SimOptions) -> None:
        self.faults = SourceFaults()
        self._options = options
        self._slice_ns = options.slice_ms * _MS_NS
        self._universe = load(options.symbols)
        self.venues = self._universe.venues()
        self._mids = np.full(len(self._universe), np.nan)
        self._newest_ns = 0

    def resume(self, states: Mapping[str, np.void]) -> None:
        """Take prices and time over from the last STATE rows; instruments without a plausible price start anew."""
        for at, key in enumerate(self._universe.keys):
            state = states.get(str(key))
            if state is not None:
                bid, ask, last = float(state["bid"]), float(state["ask"]), float(state["last"])
                self._mids[at] = (bid + ask) / 2 if bid < ask else last
                self._newest_ns = max(self._newest_ns, int(state["ts_event"]))
        self._mids[~plausible(self._universe, self._mids)] = np.nan

    def batches(self, now_ns: NowNs) -> Iterator[Batch]:
        """Yield the market's slices, each due when it is over; slices in which nothing happens yield nothing."""
        start_ns = self._start_ns(now_ns())
        if start_ns == self._newest_ns:
            log.warning("the simulated clock goes on from %d ns, the newest state's, later than asked for", start_ns)
        exchange = Exchange(self._universe, self._options.seed, self._mids, start_ns)
        yield Batch(exchange.close_before(_previous_close_ns(start_ns)), listed=self._universe.listings())
        # Listing 100,000 instruments takes the runner a while: only then does the clock start.
        began_ns = now_ns()
        yield from self._slices(exchange, self._start_ns(began_ns), began_ns, now_ns)

    def _slices(self, exchange: Exchange, start_ns: int, began_ns: int, now_ns: NowNs) -> Iterator[Batch]:
        index = start_ns // self._slice_ns + 1
        ahead_ns = began_ns - start_ns  # of the wall clock before the simulated one
        options = self._options
        kind = FlatIntensity if options.profile == "flat" else DayIntensity
        intensity: Intensity = kind(options.rate, self._slice_ns)
        depth = Depth(exchange.quotes, options.seed, options.depth_ms, self._slice_ns)
        events = exchange.open(index, self._slice_ns)
        quoted: Positions = np.arange(len(self._universe))
        while True:
            levels = depth.levels(index, quoted)
            if len(events) or len(levels):
                yield Batch(events, levels, due_ns=(index + 1) * self._slice_ns + ahead_ns)
            index = self._next(index, now_ns() - ahead_ns)
            exchange.draws.enter(index)
            count = intensity.count(index, exchange.draws)
            events, quoted = exchange.trade(index, self._slice_ns, count) if count else (_NOTHING, quoted[:0])

    def _next(self, index: int, now_ns: int) -> int:
        """Give the slice after `index`: the next, or one that is due now where that is long past (simulated time)."""
        due_ns = (index + 2) * self._slice_ns
        if now_ns - due_ns <= LATE_NS:
            return index + 1
        missed = (now_ns - due_ns) // self._slice_ns
        self.faults.counts[SKIPPED] = self.faults.counts.get(SKIPPED, 0) + missed
        self.faults.last = f"{SKIPPED}: {missed} of {self._options.slice_ms} ms, from slice {index + 1}"
        return index + 1 + missed

    def _start_ns(self, now_ns: int) -> int:
        """Give the simulated time to start at: as asked, but never before the newest event gone on from."""
        return max(self._options.start.of(now_ns), self._newest_ns)


_NOTHING = np.zeros(0, EVENT_DTYPE)


def from_spec(spec: FeedSpec) -> SimFeed:
    """Build the simulated market that a specification asks for; raises SpecError."""
    return SimFeed(read_options(spec))


def _previous_close_ns(start_ns: int) -> int:
    """Give the close of the last weekday before the start's own date in New York, holidays not considered."""
    day = datetime.fromtimestamp(start_ns // _NS, ZoneInfo(TIME_ZONE)).date() - timedelta(days=1)
    while day.weekday() >= _SATURDAY:
        day -= timedelta(days=1)
    return local_ns(day, _CLOSE)
