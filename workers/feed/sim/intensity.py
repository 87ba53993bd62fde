"""How busy the simulated market is: the number of events in each slice of time."""

from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np

from workers.feed.sim.draws import SliceDraws
from workers.feed.sim.options import TIME_ZONE

_NS = 1_000_000_000

OPEN_S, CLOSE_S = 9.5 * 3600, 16 * 3600
# Hours of the day in New York and how busy the market is then: high at the open and the close, low at lunch. It never
# stands still: a page watched at night moves too. Weekends are days like any other, for the same reason.
_HOURS = np.array([0, 4, 7, 9.499, 9.5, 9.75, 10.5, 12, 13.5, 15, 15.75, 15.999, 16, 18, 20, 24])
_SHAPE = np.array([0.2, 0.2, 0.25, 0.35, 2.6, 2.0, 1.2, 0.7, 0.65, 0.95, 1.6, 2.4, 0.4, 0.25, 0.2, 0.2])


class Intensity(Protocol):
    """Says how many events a slice has."""

    def count(self, index: int, draws: SliceDraws) -> int:
        """Give the number of events of slice `index`; `draws` stands at that slice."""
        ...


class FlatIntensity:
    """The same rate all day, to the event: any whole second has exactly `rate`."""

    def __init__(self, rate: int, slice_ns: int) -> None:
        self._rate, self._slice_ns = rate, slice_ns

    def count(self, index: int, draws: SliceDraws) -> int:
        """Give the events due by the slice's end less those due by its start."""
        return self._due(index + 1) - self._due(index)

    def _due(self, index: int) -> int:
        return index * self._slice_ns * self._rate // _NS


class DayIntensity:
    """A Poisson process whose rate follows the time of day, with `rate` its mean over the regular session."""

    def __init__(self, rate: int, slice_ns: int) -> None:
        self._rate, self._slice_ns = rate, slice_ns
        self._zone = ZoneInfo(TIME_ZONE)
        self._second, self._mean = -1, 0.0

    def count(self, index: int, draws: SliceDraws) -> int:
        """Draw the number from the slice's own stream."""
        second = index * self._slice_ns // _NS
        if second != self._second:
            local = datetime.fromtimestamp(second, self._zone)
            busy = busyness(local.hour * 3600 + local.minute * 60 + local.second)
            self._second, self._mean = second, busy * self._rate * self._slice_ns / _NS
        return int(draws.generator.poisson(self._mean))


def busyness(second_of_day: float) -> float:
    """Give the rate at a time of day in New York as a multiple of the regular session's mean."""
    return float(np.interp(second_of_day / 3600, _HOURS, _SHAPE)) / _SESSION_MEAN


def _session_mean() -> float:
    inside = (_HOURS >= OPEN_S / 3600) & (_HOURS < CLOSE_S / 3600)
    hours, shape = np.append(_HOURS[inside], CLOSE_S / 3600), np.append(_SHAPE[inside], _SHAPE[inside][-1])
    return float(np.sum(np.diff(hours) * (shape[1:] + shape[:-1]) / 2) / (hours[-1] - hours[0]))


_SESSION_MEAN = _session_mean()
