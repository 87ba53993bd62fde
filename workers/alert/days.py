"""Trading days of instruments, each in the time zone of its venue, for whole batches of ticks."""

import logging
import time

import numpy as np
import numpy.typing as npt

from market.codes import NO_INSTRUMENT
from market.trading_day import TradingDays
from workers.names import Names

_logger = logging.getLogger(__name__)

_ASK_AGAIN_S = 30.0
_STRANGER = 0


class InstrumentDays:
    """Knows the zones of the instruments that it learned; the day of any other is 0."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._zone_of = np.zeros(0, np.uint8)  # by instrument number, from 1 on
        self._zones: dict[str, int] = {}
        self._days: list[TradingDays] = []
        self._strangers: dict[int, float] = {}  # in no directory, and when that was last asked

    def unknown(self, instruments: npt.NDArray[np.uint32]) -> list[int]:
        """Give those that `learn` should be asked about, each once."""
        zones = self._zones_of(instruments)
        if zones.all():
            return []
        now_s = time.monotonic()
        unknown = np.unique(instruments[(zones == _STRANGER) & (instruments != NO_INSTRUMENT)]).tolist()
        return [each for each in unknown if now_s >= self._strangers.get(each, -_ASK_AGAIN_S) + _ASK_AGAIN_S]

    async def learn(self, instruments: list[int]) -> None:
        """Get to know the zones of instruments, however long the directory and the calendars are out of reach."""
        await self._names.learn(frozenset(instruments))
        for number in instruments:
            if self._names.venue_of(number) is None:
                self._strangers[number] = time.monotonic()
                _logger.warning("no instrument has the number %d", number)
            else:
                self._know(number, self._names.times_of(number).zone)

    def of(self, instruments: npt.NDArray[np.uint32], ts_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Give the ordinals of the days of events; see `market.alerts.columns.DayOf`."""
        zones = self._zones_of(instruments)
        if len(zones) and zones[0] != _STRANGER and (zones == zones[0]).all():
            return self._days[int(zones[0]) - 1].of(ts_ns)
        days = np.zeros(len(zones), np.int32)
        for zone in np.unique(zones).tolist():
            if zone != _STRANGER:
                own = zones == zone
                days[own] = self._days[zone - 1].of(ts_ns[own])
        return days

    def _zones_of(self, instruments: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
        if not len(self._zone_of):
            return np.zeros(len(instruments), np.uint8)
        zones = self._zone_of.take(instruments, mode="clip")
        zones[instruments >= len(self._zone_of)] = _STRANGER
        return zones

    def _know(self, number: int, zone: str) -> None:
        if zone not in self._zones:
            self._days.append(TradingDays(zone))
            self._zones[zone] = len(self._days)
        if number >= len(self._zone_of):
            grown = np.zeros(max(number + 1, 2 * len(self._zone_of)), np.uint8)
            grown[: len(self._zone_of)] = self._zone_of
            self._zone_of = grown
        self._zone_of[number] = self._zones[zone]
