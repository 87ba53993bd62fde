"""What a fold holds, seen as candles."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from market.candles.amendments import Amended
from market.candles.bars import PRICES, Bars
from market.candles.candles import Candles
from market.candles.ladder import Ladder
from market.candles.places import PlaceTable
from market.candles.sessions import MINUTE_NS, Window
from market.candles.timeframe import Session, Timeframe
from market.codes import CandleFlag

Places = npt.NDArray[np.intp]
Wanted = Sequence[tuple[Timeframe, Window]]

_PLACES_AT_ONCE = 16_384  # what their candles take on the way stays in the processor's cache


class View:
    """Reads candles out of a ladder; changes nothing."""

    def __init__(self, table: PlaceTable, ladder: Ladder) -> None:
        self._table, self._ladder = table, ladder

    def closings(self, after_ns: int, until_ns: int) -> Candles:
        """Give every candle whose window ends after `after_ns` and not after `until_ns`."""
        if until_ns // MINUTE_NS <= after_ns // MINUTE_NS:
            return Candles.of(0)  # windows end with whole minutes
        ended = [
            (venue, places, each)
            for venue, places in enumerate(self._table.of_venue)
            for each in self._held(venue)
            if after_ns < each[1].end_ns <= until_ns
        ]
        parts = (
            self._candles(venue, [each], places[start : start + _PLACES_AT_ONCE], until_ns)
            for venue, places, each in ended
            for start in range(0, len(places), _PLACES_AT_ONCE)
        )
        return Candles.gather(parts, sum(len(places) for _, places, _ in ended))

    def containing(
        self, minute: int, places: Places, timeframes: Iterable[Timeframe], closed_ns: int, *, is_open: bool
    ) -> Iterator[Candles]:
        """Give the candles of places that a minute is in; those that end by `closed_ns` are closed.

        Those that do not are left out unless `is_open`.
        """
        for venue, own in self._by_venue(places):
            windows = self._ladder.windows(venue, minute)
            wanted = self._shown(venue, [(each, windows[each - 1]) for each in timeframes])
            if not is_open:
                wanted = [each for each in wanted if each[1].end_ns <= closed_ns]
            yield self._candles(venue, wanted, own, closed_ns)

    def newest(self, places: Places, timeframes: Sequence[Timeframe], closed_ns: int) -> Iterator[Candles]:
        """Give the candles that hold each place's newest minute, where that has not settled yet."""
        for minute in reversed(self._ladder.planes.filled):
            is_newest = self._ladder.planes.of(minute).is_held[places]
            yield from self.containing(minute, places[is_newest], timeframes, closed_ns, is_open=True)
            places = places[~is_newest]
            if not len(places):
                break

    def amended(self, place: int, amended: Amended, closed_ns: int) -> Candles:
        """Give the candles of a place that an amended minute is in; those that end by `closed_ns` are closed."""
        venue, bars = int(self._table.venue[place]), amended.bars
        windows = self._ladder.windows(venue, amended.minute)
        shown = self._shown(venue, list(zip(Timeframe, windows, strict=True)))
        bars = bars.take(np.array([timeframe - 1 for timeframe, _ in shown]))
        return self._made(shown, bars, np.array([place]), closed_ns)

    def held(self, places: Places, after_ns: int, closed_ns: int) -> Iterator[Candles]:
        """Give every candle of places whose window ends after `after_ns`; those that end by `closed_ns` are closed."""
        for venue, own in self._by_venue(places):
            wanted = [each for each in self._held(venue) if each[1].end_ns > after_ns]
            yield self._candles(venue, wanted, own, closed_ns)

    def _held(self, venue: int) -> list[tuple[Timeframe, Window]]:
        held = [(timeframe, window) for timeframe in Timeframe for window in self._ladder.held(timeframe, venue)]
        return self._shown(venue, held)

    def _shown(self, venue: int, wanted: Wanted) -> list[tuple[Timeframe, Window]]:
        """Leave out windows of which only a part is known."""
        return [each for each in wanted if not self._ladder.is_hidden(venue, *each)]

    def _by_venue(self, places: Places) -> Iterator[tuple[int, Places]]:
        if len(self._ladder.venues) == 1:
            yield 0, places
            return
        venue = self._table.venue[places]
        for each in np.unique(venue).tolist():
            yield each, places[venue == each]

    def _candles(self, venue: int, wanted: Wanted, places: Places, closed_ns: int) -> Candles:
        """Make the candles of some windows at once: what a call of numpy costs is shared by all of them."""
        if not wanted or not len(places):
            return Candles.of(0)
        return self._made(wanted, self._ladder.value(venue, wanted, places), places, closed_ns)

    def _made(self, wanted: Wanted, bars: Bars, places: Places, closed_ns: int) -> Candles:
        """Make the candles of bars: for each window those of `places`."""
        of_each = np.array([(each, own.session, *own[:2], _flags(own, closed_ns)) for each, own in wanted])
        active = np.flatnonzero(bars.is_held)
        which, at = np.divmod(active, len(places))
        timeframe, session, start_ns, end_minute, flags = of_each.T.take(which, axis=1, mode="clip")
        at, bars = places[at], bars.at(active).carried()
        is_priced = bars.last_ns >= 0
        flags |= np.where(bars.revision > 0, CandleFlag.AMENDED, 0)
        flags |= np.where(bars.trades == 0, CandleFlag.WITHDRAWN, 0)
        return Candles(
            instrument=self._table.numbers[at],
            timeframe=timeframe.astype(np.uint8),
            session=session.astype(np.uint8),
            start_ns=start_ns.copy(),
            end_ns=end_minute * MINUTE_NS,
            revision=bars.revision.astype(np.uint32),
            trades=bars.trades,
            **{name: np.where(is_priced, getattr(bars, name), np.nan) for name in PRICES},
            volume_whole=bars.volume_whole,
            volume_nano=bars.volume_nano.astype(np.int32),
            turnover_whole=bars.turnover_whole,
            turnover_nano=bars.turnover_nano.astype(np.int32),
            sequence=self._table.sequences.last[at].view(np.uint64),
            ts_event=self._table.ts_event[at],
            ts_recv=self._table.ts_recv[at],
            flags=flags.astype(np.uint8),
        )


def _flags(window: Window, closed_ns: int) -> int:
    is_closed, is_extended = window.end_ns <= closed_ns, window.session is Session.EXTENDED
    return CandleFlag.CLOSED * is_closed | CandleFlag.EXTENDED * is_extended
