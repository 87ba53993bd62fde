"""The sessions of venues since 2000, half days, holidays and lunch included, from the library exchange_calendars."""

import asyncio
import importlib.metadata
import logging
import warnings
from collections.abc import Iterable
from datetime import date

import numpy as np
from numpy.typing import NDArray

from market.candles.calendar import build_segments
from market.candles.sessions import Segments, continuous
from mesh.calendars import Calendars

_logger = logging.getLogger(__name__)

_FIRST_DAY = "2000-01-01"
# Venues that keep New York's hours and that the library does not know by their own code.
_ALIKE = {"IEXG": "XNYS", "XSIM": "XNYS"}


async def times_of(calendars: Calendars, venues: Iterable[str], today: date) -> dict[str, Segments]:
    """Give the time of each venue: as it is published, or made and published where that is missing or old.

    It is made anew once a month, because the library looks a year ahead, and for another version of the library.
    """
    edition = f"exchange_calendars {importlib.metadata.version('exchange_calendars')}, {today:%Y-%m}"
    found = {}
    for venue in venues:
        published = await calendars.published(venue) if await calendars.edition(venue) == edition else None
        if published is None:
            published = await asyncio.to_thread(segments_of, venue)
            if await calendars.publish(venue, published, edition):
                _logger.info("the time of %s is published, to %s stretches", venue, len(published))
        found[venue] = published
    return found


def segments_of(venue: str) -> Segments:
    """Make the time of a venue, from 2000 to a year ahead; one that never closes where the library knows none."""
    # Imported where it is needed, which is seldom: it brings pandas, half a second and 80 MB.
    import exchange_calendars  # type: ignore[import-untyped]  # noqa: PLC0415  # it ships no annotations

    name = _ALIKE.get(venue, venue)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pandas warns of what the library does, not of us
        if name not in exchange_calendars.get_calendar_names():
            _logger.info("no calendar is known for %s: its time has no breaks", venue)
            return continuous()
        try:
            calendar = exchange_calendars.get_calendar(name, start=_FIRST_DAY)
        except ValueError:  # known for fewer years only
            calendar = exchange_calendars.get_calendar(name)
        schedule = calendar.schedule
        return build_segments(
            np.asarray(calendar.opens_nanos, np.int64),
            np.asarray(calendar.closes_nanos, np.int64),
            _nanos(schedule["break_start"]),
            _nanos(schedule["break_end"]),
            schedule.index.to_numpy().astype("M8[D]").astype(np.int64).astype(np.int32),
            str(calendar.tz),
        )


def _nanos(times: object) -> NDArray[np.int64]:
    """Give a column of times as nanoseconds since 1970; the lowest int64 where there is none."""
    return np.asarray(times.dt.tz_convert(None), "M8[ns]").astype(np.int64)  # type: ignore[attr-defined]  # pandas' own
