"""Candles as they change, on `candle.<tf>.<exch>.<symbol>`: conflated, best effort, and never faster than we can.

Where showing takes a large share of the time, each candle is shown less often, and more often again when there is room.
"""

import time

import numpy as np

from market.candles.candles import Candles, to_rows
from market.candles.timeframe import Timeframe
from market.row_type import as_bytes
from mesh.bulk_client import BulkClient
from mesh.frames import SubjectTable
from workers.candle.core import Showing

_BUSY, _QUIET = 0.30, 0.10
_LONGEST_NS = 1_000_000_000
_SHORTEST_NS = 1_000_000
_KEPT_ROWS = 200_000
_PER_INSTRUMENT = len(Timeframe) + 1  # numbers of subjects, the first of which no timeframe has


class LivePace:
    """How long the window is in which a candle is shown at most once, by what showing costs."""

    def __init__(self, window_ns: int, now_ns: int) -> None:
        self._least_ns = window_ns
        self._since_ns = now_ns
        self._spent_ns = 0
        self.window_ns = window_ns

    def spend(self, spent_ns: int, now_ns: int) -> None:
        """Count what showing took; each second decides about the next."""
        self._spent_ns += spent_ns
        passed_ns = now_ns - self._since_ns
        if passed_ns < _LONGEST_NS:
            return
        share = self._spent_ns / passed_ns
        if share > _BUSY:
            self.window_ns = min(max(2 * self.window_ns, _SHORTEST_NS), max(_LONGEST_NS, self._least_ns))
        elif share < _QUIET:
            self.window_ns = max(self.window_ns // 2, self._least_ns)
        self._since_ns, self._spent_ns = now_ns, 0


class LiveCandles:
    """Publishes for all partitions of the process, and keeps open candles for the cache to take."""

    def __init__(self, client: BulkClient, pace: LivePace, keeps: bool) -> None:
        self._client = client
        self._pace = pace
        self._keeps = keeps
        self._subjects = SubjectTable("candle")
        self._kept: list[Candles] = []
        self._kept_rows = 0
        self.sent = 0
        self.dropped = 0

    def add(self, tokens: dict[int, str]) -> None:
        """Learn the subjects of instruments: number -> token."""
        self._subjects.add(
            {
                number * _PER_INSTRUMENT + timeframe: f"{timeframe.text}.{token}"
                for timeframe in Timeframe
                for number, token in tokens.items()
            }
        )

    def show(self, showing: Showing) -> None:
        """Publish what is due; closed candles after the open ones, as they are the newer."""
        began_ns = time.perf_counter_ns()
        parts = [source.fold.live(places) for source, places in showing.due]
        opened = Candles.concat([Candles.of(0), *parts])
        if self._keeps and self._kept_rows < _KEPT_ROWS:
            self._kept.append(opened)
            self._kept_rows += len(opened)
        self._publish(Candles.concat([opened, *showing.closed]))
        self._pace.spend(time.perf_counter_ns() - began_ns, time.monotonic_ns())

    def take_open(self) -> Candles:
        """Take the open candles shown since the last time, the newest state of each."""
        taken, self._kept, self._kept_rows = Candles.concat([Candles.of(0), *self._kept]), [], 0
        return taken.sorted_newest()

    def _publish(self, candles: Candles) -> None:
        subjects = candles.instrument.astype(np.intp) * _PER_INSTRUMENT + candles.timeframe
        if len(candles) and self._client.write_frames(self._subjects.frames(subjects, as_bytes(to_rows(candles)))):
            self.sent += len(candles)
        else:
            self.dropped += len(candles)
