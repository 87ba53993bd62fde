"""A fold that begins anywhere with stored children ends with the candles of the whole tape, to the last bit."""

import random

import numpy as np
import pytest
from hypothesis import given, settings

from market.candles.beginning import Children, pasts
from market.candles.candles import Candles
from market.candles.checks import FoldRules
from market.candles.fold import CandleFold
from market.candles.sessions import DAY_NS, MINUTE_NS
from market.candles.timeframe import Timeframe
from market.row_type import Rows, take
from tests.candle_oracle import by_key
from tests.candle_tables import Tables, fold_in
from tests.property.test_candles_fold import NUMBERS, SEGMENTS, VENUES, seeds, tape

MARGIN_NS = 10 * MINUTE_NS


def without_repetitions(events: Rows) -> Rows:
    """Leave out rows that repeat a sequence: who begins in the middle does not know what came before."""
    last: dict[int, int] = {}
    kept = []
    for at, (number, sequence) in enumerate(
        zip(events["instrument"].tolist(), events["sequence"].tolist(), strict=True)
    ):
        if sequence > last.get(number, -1):
            last[number] = sequence
            kept.append(at)
    return take(events, np.array(kept, np.intp))


def fold_of_all() -> CandleFold:
    fold = CandleFold(FoldRules(), SEGMENTS)
    fold.enlist(np.arange(NUMBERS, dtype=np.uint32), [VENUES[number % 3] for number in range(NUMBERS)])
    return fold


def children_of(stored: Candles, first_minute: int) -> dict[str, list[Children]]:
    """What the tables give that hold these candles."""
    found: dict[str, list[Children]] = {}
    for at, venue in enumerate(VENUES):
        times = SEGMENTS[venue]
        for past in pasts(times, first_minute):
            own = stored.take((stored.instrument % 3 == at) & (stored.session == past.session))
            start, end = times.span_of(past.day, past.session)
            minute, day = own.start_ns // MINUTE_NS, own.start_ns // DAY_NS
            is_minute = (own.timeframe == Timeframe.M1) & (minute >= start) & (minute < min(end, first_minute))
            is_day = (own.timeframe == Timeframe.D1) & (day >= past.first_day) & (day <= past.last_day)
            minutes = own.take(is_minute & (not past.is_over))
            found.setdefault(venue, []).append(Children(past, minutes, own.take(is_day)))
    return found


def given_out(fold: CandleFold, events: Rows, stored: Candles) -> Candles:
    """The newest state of each candle that a fold of the rows gives out."""
    tables, at = Tables(stored), np.arange(len(events))
    fold_in(fold, events, at, tables, events, at)
    return Candles.concat(tables.given).sorted_newest()


@pytest.mark.no_cover  # others cover the same lines, and counting them takes most of the time
@settings(max_examples=30)
@given(seeds)
def test_what_begins_in_the_middle_ends_as_the_whole(seed: int) -> None:
    random_ = random.Random(seed)
    events = without_repetitions(tape(random_, 400, amending=0.03))
    whole = given_out(fold_of_all(), events, Candles.of(0))
    ts = events["ts_event"].astype(np.int64)
    possible = (ts > 0) & (ts <= events["ts_recv"].astype(np.int64) + FoldRules().future_ns)
    first_minute = int(random_.choice(ts[possible].tolist())) // MINUTE_NS + random_.randrange(2)
    begins = int(np.argmax(possible & (ts >= first_minute * MINUTE_NS - MARGIN_NS)))
    fold = fold_of_all()
    fold.begin(first_minute, children_of(whole, first_minute), is_known=True)
    rest = take(events, np.arange(begins, len(events)))
    found = given_out(fold, rest, whole)  # the tables are ahead, as they are after a worker died
    assert by_key(found) == by_key(whole.take(whole.end_ns > first_minute * MINUTE_NS))
