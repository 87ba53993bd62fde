"""Prices that no tick on the tape told of, asked of the feeds."""

import math
from collections.abc import Iterable

import numpy as np

from market.alerts.index import AlertIndex
from mesh.directory import Directory
from mesh.snapshots import Snapshots
from workers.alert.core import AlertCore
from workers.alert.days import InstrumentDays


class Prices:
    """Asks for present states; only for partitions whose tape is read to its end, as a state is ahead of it."""

    def __init__(self, directory: Directory, snapshots: Snapshots, days: InstrumentDays) -> None:
        self._directory = directory
        self._snapshots = snapshots
        self._days = days

    async def learn(self, core: AlertCore, instruments: Iterable[int]) -> None:
        """Let a partition's index know what the feeds know of instruments and it does not; they may not answer."""
        lacking = [each for each in set(instruments) if _lacks(core.index, each)]
        listed = [found for each in lacking if (found := self._directory.numbered(each)) is not None]
        if not listed:
            return
        if unknown := self._days.unknown(np.array([each.number for each in listed], np.uint32)):
            await self._days.learn(unknown)
        states = await self._snapshots.of(listed)
        days = self._days.of(states["instrument"].astype(np.uint32), states["ts_event"].astype(np.int64))
        async with core.lock:
            for state, day in zip(states, days.tolist(), strict=True):
                known = int(state["instrument"]), float(state["last"]), float(state["prev_close"]), day
                _take(core.index, *known)


def _lacks(index: AlertIndex, instrument: int) -> bool:
    return index.price_of(instrument) is None or index.prev_close_of(instrument) is None


def _take(index: AlertIndex, instrument: int, last: float, prev_close: float, day: int) -> None:
    """Complete what the tape told, which goes first; a previous close of another day is none."""
    told = index.price_of(instrument)
    if told is None and not math.isnan(last):
        index.learn(instrument, last, prev_close, day)
    elif told is not None and index.instrument_day(instrument) == day and index.prev_close_of(instrument) is None:
        index.learn(instrument, told, prev_close, day)
