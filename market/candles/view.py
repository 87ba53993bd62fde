"""What a fold holds, seen as candles."""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from market.candles.bars import Bars, Index
from market.candles.candles import Candles
from market.candles.ladder import Ladder
from market.candles.places import PlaceTable
from market.candles.sessions import MINUTE_NS, Window
from market.candles.timeframe import Session, Timeframe
from market.codes import CandleFlag

Places = npt.NDArray[np.intp]


class View:
    """Reads candles out of a ladder; changes nothing."""

    def __init__(self, table: PlaceTable, ladder: Ladder) -> None:
        self._table, self._ladder = table, ladder

    def closings(self, after_ns: int, until_ns: int) -> Iterator[Candles]:
        """Give every candle whose window ends after `after_ns` and not after `until_ns`."""
        if until_ns // MINUTE_NS <= after_ns // MINUTE_NS:
            return  # windows end with whole minutes
        for venue, places in enumerate(self._table.of_venue):
            at = self._ladder.whole_or(places)
            for timeframe in Timeframe:
                for window in self._ladder.held(timeframe, venue):
                    if after_ns < window.end_ns <= until_ns:
                        yield self._candles(timeframe, venue, window, at, is_closed=True)

    def containing(
        self, minute: int, places: Places, timeframes: Iterable[Timeframe], closed_ns: int
    ) -> Iterator[tuple[Window, Candles]]:
        """Give the windows and candles that a minute of places is in; those that end by `closed_ns` are closed."""
        for venue, own in self._by_venue(places):
            windows = self._ladder.windows(venue, minute)
            for timeframe in timeframes:
                window = windows[timeframe - 1]
                is_closed = window.end_ns <= closed_ns
                yield window, self._candles(timeframe, venue, window, own, is_closed)

    def held(self, places: Places, after_ns: int, closed_ns: int) -> Iterator[Candles]:
        """Give every candle of places whose window ends after `after_ns`; those that end by `closed_ns` are closed."""
        for venue, own in self._by_venue(places):
            for timeframe in Timeframe:
                for window in self._ladder.held(timeframe, venue):
                    if window.end_ns > after_ns:
                        yield self._candles(timeframe, venue, window, own, window.end_ns <= closed_ns)

    def _by_venue(self, places: Places) -> Iterator[tuple[int, Places]]:
        venue = self._table.venue[places]
        for each in np.unique(venue).tolist():
            yield each, places[venue == each]

    def _candles(self, timeframe: Timeframe, venue: int, window: Window, at: Index, is_closed: bool) -> Candles:
        bars = self._ladder.value(timeframe, venue, window, at)
        active = np.flatnonzero(bars.trades)
        places: Places = active if isinstance(at, slice) else np.asarray(at)[active]
        return self._rows(timeframe, window, places, bars.take(active).carried(), is_closed)

    def _rows(self, timeframe: Timeframe, window: Window, places: Places, bars: Bars, is_closed: bool) -> Candles:
        is_priced = bars.last_ns >= 0
        flags = CandleFlag.CLOSED * is_closed | CandleFlag.EXTENDED * (window.session is Session.EXTENDED)
        return Candles.of(
            len(places),
            instrument=self._table.numbers[places],
            timeframe=timeframe,
            session=window.session,
            start_ns=window.start_ns,
            end_ns=window.end_ns,
            **{name: np.where(is_priced, getattr(bars, name), np.nan) for name in ("open", "high", "low", "close")},
            **{name: getattr(bars, name) for name in _SAME},
            sequence=self._table.sequences.last[places].view(np.uint64),
            ts_event=self._table.ts_event[places],
            ts_recv=self._table.ts_recv[places],
            flags=np.where(bars.revision > 0, int(flags | CandleFlag.AMENDED), int(flags)),
        )


_SAME = ("revision", "trades", "volume_whole", "volume_nano", "turnover_whole", "turnover_nano")
