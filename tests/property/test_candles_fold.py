"""The fold against the slow oracle, however the tape is cut, disordered, repeated and spoilt."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market import rows
from market.candles.calendar import build_segments
from market.candles.candles import DTYPES, Candles
from market.candles.checks import FoldRules
from market.candles.fold import CandleFold
from market.candles.sessions import DAY_NS, MINUTE_NS, Segments, continuous
from market.candles.timeframe import Timeframe
from market.codes import Kind, TradeFlag
from market.row_type import Rows
from tests.candle_oracle import Key, Oracle, Values, by_key
from tests.candle_reports import Report, correct
from tests.candle_tables import Tables, fold_in

S = 1_000_000_000
NUMBERS = 6
VENUES = ["V24", "XNYS", "XTKS"]
seeds = st.integers(0, 2**32)


def exchange(zone: str, opens_h: float, closes_h: float, lunch: tuple[float, float] | None) -> Segments:
    """Sessions of every weekday from 2026-03-02 for three weeks, their times in UTC."""
    days = np.array([day for day in range(20514, 20535) if (day + 3) % 7 < 5], np.int32)
    nat = np.full(len(days), np.iinfo(np.int64).min)

    def at(hours: float) -> np.ndarray:
        return days.astype(np.int64) * DAY_NS + int(hours * 3600) * S

    breaks = (nat, nat) if lunch is None else (at(lunch[0]), at(lunch[1]))
    return build_segments(at(opens_h), at(closes_h), *breaks, days, zone)


SEGMENTS = {
    "V24": continuous(),
    "XNYS": exchange("America/New_York", 14.5, 21, None),
    "XTKS": exchange("Asia/Tokyo", 0, 6, (2.5, 3.5)),
}
OF_NUMBER = {number: SEGMENTS[VENUES[number % 3]] for number in range(NUMBERS)}


def tape(random_: random.Random, count: int, amending: float = 0.1) -> Rows:
    """Rows of every kind, in disorder up to 75 s, some bad, some repeated, and corrections of what came before.

    The last one is a quote 70 days on.
    """
    made = rows.TRADE.blank(count + 1)
    reported: list[Report] = []
    high = 20520 * DAY_NS + random_.choice([0, 2.4, 5.9, 14.4, 20.9]) * 3600 * S
    sequence = dict.fromkeys(range(NUMBERS), 0)
    for at in range(count):
        high += int(random_.expovariate(1) * random_.choice([0.01, 0.2, 3, 20]) * S)
        if random_.random() < 0.01:
            high += random_.choice([1, 4, 30, 200, 1500]) * MINUTE_NS
        if at and random_.random() < 0.01:
            made[at] = made[random_.randrange(at)]
            continue
        row, number, wrong = made[at : at + 1], random_.randrange(NUMBERS), None
        if reported and random_.random() < amending:
            wrong = random_.choice(reported[random_.choice([0, -5, -20]) :])
            number = wrong.number
        back = random_.randrange(75 * S) if random_.random() < 0.2 else random_.randrange(3 * S)
        ts = int(high) - back
        if random_.random() < 0.05:
            ts -= ts % MINUTE_NS
        sequence[number] += random_.choice([2, 5, 1 << 32]) if random_.random() < 0.02 else 1
        row["instrument"], row["sequence"] = number, sequence[number]
        row["ts_event"], row["ts_recv"] = ts, int(high)
        row["price"] = random_.choice([random_.randrange(1, 5000) / 100, random_.random() * 100])
        row["size"] = random_.choice([random_.randrange(1, 900), random_.random() * 3, 1e10])
        row["conditions"] = random_.choice([0, 0, 0, 1, 2, 3, 4, 31])
        row["trade_id"] = random_.choice([0, at + 1])
        awaited = [each for each in reported if each.number == number and each.awaits]
        if wrong is not None:
            correct(random_, row, wrong)
        elif awaited and random_.random() < 0.7:
            row["flags"] = TradeFlag.CORRECTED
            awaited[0].replace(row)
        if random_.random() < 0.04:
            spoil(random_, row)
        if row["kind"][0] == Kind.TRADE and not row["flags"][0]:
            reported.append(Report(number, ts, row))
    made["kind"][-1], made["instrument"][-1], made["sequence"][-1] = 2, 0, 1 << 50
    made["ts_event"][-1] = made["ts_recv"][-1] = int(high) + 70 * DAY_NS
    return np.frombuffer(made.tobytes(), rows.EVENT_DTYPE)


def spoil(random_: random.Random, row: Rows) -> None:
    name, value = random_.choice(
        [
            ("price", np.nan), ("price", np.inf), ("price", 0.0), ("price", -1.0), ("price", 2e8), ("size", np.nan),
            ("size", -np.inf), ("size", 0.0), ("size", 2e10), ("ts_event", 5), ("ts_event", 2**62), ("ts_recv", 5),
            ("instrument", 99), ("instrument", 0xFFFF_FFFF), ("flags", 1), ("kind", 2), ("kind", 4),
        ]
    )  # fmt: skip
    row[name] = value


def new_fold(rules: FoldRules | None = None) -> CandleFold:
    fold = CandleFold(rules or FoldRules(), {name: SEGMENTS[name] for name in VENUES[1:]})
    fold.enlist(np.arange(NUMBERS, dtype=np.uint32), [VENUES[number % 3] for number in range(NUMBERS)])
    return fold


def apply(fold: CandleFold, events: Rows, sizes: list[int]) -> Candles:
    """Apply in batches of the sizes given, over and over."""
    tables, at, start, turn = Tables(), np.arange(len(events)), 0, 0
    while start < len(events):
        part = slice(start, start + sizes[turn % len(sizes)])
        fold_in(fold, events[part], at[part], tables, events, at)
        start, turn = part.stop, turn + 1
    tables.flush()
    return tables.candles


few = settings(max_examples=15)  # each of them is a few hundred rows, several times
batch_sizes = st.lists(st.integers(1, 97), min_size=1, max_size=5)


@few
@given(seeds, batch_sizes)
def test_any_batching_of_any_tape_gives_the_oracles_candles(seed: int, sizes: list[int]) -> None:
    events = tape(random.Random(seed), 200)
    expected = Oracle(OF_NUMBER).apply(events).candles()
    assert by_key(apply(new_fold(), events, [len(events)])) == expected
    assert by_key(apply(new_fold(), events, sizes)) == expected


@few
@given(seeds, batch_sizes)
def test_a_fold_frozen_anywhere_goes_on_as_if_it_had_not_been(seed: int, sizes: list[int]) -> None:
    events = tape(random.Random(seed), 150)
    whole, fold, tables, at, start = new_fold(), new_fold(), Tables(), np.arange(len(events)), 0
    for size in [*sizes, len(events)]:
        part = slice(start, start + size)
        fold_in(fold, events[part], at[part], tables, events, at)
        data = fold.freeze().encode()
        fold = CandleFold.restore(FoldRules(), {name: SEGMENTS[name] for name in VENUES[1:]}, data)
        assert fold.freeze().encode() == data
        start += size
    tables.flush()
    assert by_key(tables.candles) == by_key(apply(whole, events, [len(events)]))


@few
@given(seeds)
def test_minutes_add_up_to_every_longer_candle_to_the_last_digit(seed: int) -> None:
    events = tape(random.Random(seed), 200)
    found = by_key(apply(new_fold(), events, [50]))
    sums: dict[Key, list[int]] = {}
    for key, candle in found.items():
        if key.timeframe is Timeframe.M1:
            for timeframe in Timeframe:
                window = OF_NUMBER[key.instrument].window(timeframe, key.start_ns // MINUTE_NS)
                into = sums.setdefault(Key(key.instrument, timeframe, window.session, window.start_ns), [0] * 4)
                figures = (candle.revision, candle.trades, candle.volume, candle.turnover)
                into[:] = [have + more for have, more in zip(into, figures, strict=True)]
    assert sums == {key: [c.revision, c.trades, c.volume, c.turnover] for key, c in found.items()}


@few
@given(seeds)
def test_the_order_of_arrival_within_the_tolerance_changes_only_revisions(seed: int) -> None:
    random_ = random.Random(seed)
    ts = 20520 * DAY_NS + np.arange(200) * S
    delay = np.array([random_.randrange(60) for _ in ts])
    in_order, shuffled = (without_revisions(arriving(ts, order)) for order in (ts, ts + delay * S))
    assert shuffled == in_order
    assert len(in_order) == 4 + 6


def arriving(ts: np.ndarray, arrival: np.ndarray) -> dict[Key, Values]:
    """The candles of trades with prices 1, 2, 3 ... that arrive in the order of `arrival`."""
    order = np.argsort(arrival, kind="stable")
    made = rows.TRADE.blank(len(ts) + 1)
    made["instrument"], made["sequence"], made["size"] = 3, np.arange(len(made)) + 1, 1.5
    made["ts_event"], made["price"] = np.append(ts[order], ts[-1] + 70 * DAY_NS), np.append(order + 1, 1)
    made["ts_recv"], made["kind"][-1] = made["ts_event"], Kind.QUOTE
    events = np.frombuffer(made.tobytes(), rows.EVENT_DTYPE)
    return by_key(apply(new_fold(), events, [17]))


def without_revisions(candles: dict[Key, Values]) -> dict[Key, Values]:
    return {key: values._replace(revision=0) for key, values in candles.items()}


@pytest.mark.no_cover  # others cover the same lines, and counting them takes most of the time
@few
@given(seeds)
def test_tables_end_up_the_same_wherever_the_fold_is_killed(seed: int) -> None:
    """What was handed over and not kept is lost, the fold goes back to its last checkpoint, the tables do not."""
    random_ = random.Random(seed)
    events = tape(random_, 250, amending=random_.choice([0.1, 0.4]))
    at = np.arange(len(events)) // random_.randrange(1, 6)  # rows of one message are one batch, at least
    tables, fold, position, kept = Tables(), new_fold(), 0, (0, new_fold().freeze().encode())
    while position <= at[-1]:
        end = position + random_.randrange(1, 12)
        part = slice(*np.searchsorted(at, (position, end)).tolist())
        fold_in(fold, events[part], at[part], tables, events, at)
        position, chance = end, random_.random()
        if chance < 0.5:
            tables.flush()
        if chance < 0.1:
            kept = position, fold.freeze().encode()
        elif chance > 0.85 and position <= at[-1]:
            tables.lose()
            position, fold = kept[0], CandleFold.restore(FoldRules(), SEGMENTS, kept[1])
    tables.flush()
    whole = apply(new_fold(), events, [len(events)])
    for name in DTYPES:
        if name not in {"sequence", "ts_event", "ts_recv"}:  # of the last trade when it was made
            assert getattr(tables.candles, name).tobytes() == getattr(whole, name).tobytes(), name
    assert by_key(whole) == Oracle(OF_NUMBER).apply(events).candles()
