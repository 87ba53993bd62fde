from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from market.candles.candles import Candles
from market.candles.sessions import DAY_NS
from market.candles.timeframe import Session, Timeframe
from market.codes import CandleFlag
from mesh.candles.store import ALL, CandleStore
from mesh.candles.writer import CandleWriter
from workers.calendars import segments_of

MINUTE_NS = 60 * 10**9
OPEN_NS = 1_780_320_600 * 10**9  # 2026-06-01 13:30 UTC, a Monday
STORED = [
    field.name
    for field in dataclasses.fields(Candles)
    if field.name not in {"end_ns", "sequence", "ts_event", "ts_recv"}
]


def minutes(count: int, *, number: int = 7, first_ns: int = OPEN_NS, **columns: object) -> Candles:
    """Candles of one instrument, one a minute, each with prices of its own."""
    place = np.arange(count)
    given: dict[str, object] = {
        "instrument": number,
        "timeframe": Timeframe.M1,
        "start_ns": first_ns + place * MINUTE_NS,
        "trades": 5 + place,
        "open": 100.1 + place,
        "high": 101.7 + place,
        "low": 99.3 + place,
        "close": 100.9 + place,
        "volume_whole": 1000 + place,
        "volume_nano": 999_999_999 - place,
        "turnover_whole": 100_000 + place,
        "turnover_nano": place,
        "flags": CandleFlag.CLOSED,
        **columns,
    }
    return Candles.of(count, **given)  # type: ignore[arg-type]  # columns of arrays and numbers


def assert_same(found: Candles, expected: Candles) -> None:
    for name in STORED:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


@pytest.mark.parametrize("timeframe", Timeframe)
async def test_what_is_written_is_read_back_to_the_last_bit(
    writer: CandleWriter, store: CandleStore, timeframe: Timeframe
) -> None:
    candles = minutes(30, timeframe=timeframe)
    assert await writer.write(candles) == 30
    assert_same(await store.between(7, timeframe, OPEN_NS, OPEN_NS + 30 * MINUTE_NS), candles)
    assert len(await store.between(7, timeframe, OPEN_NS + 1, OPEN_NS + 29 * MINUTE_NS)) == 28


async def test_withdrawn_and_priceless_candles_keep_what_they_are(writer: CandleWriter, store: CandleStore) -> None:
    nothing = dict.fromkeys(("open", "high", "low", "close"), np.nan)
    flags = CandleFlag.CLOSED | CandleFlag.EXTENDED
    withdrawn = flags | CandleFlag.AMENDED | CandleFlag.WITHDRAWN
    candles = minutes(2, **nothing, session=Session.EXTENDED, revision=[0, 3], trades=[4, 0], flags=[flags, withdrawn])
    await writer.write(candles)
    assert_same(await store.between(7, Timeframe.M1, 0, 2 * OPEN_NS), candles)


async def test_only_a_higher_revision_or_more_trades_replace_a_candle(writer: CandleWriter, store: CandleStore) -> None:
    def state(revision: int, trades: int) -> Candles:
        return minutes(1, revision=revision, trades=trades, close=revision * 100 + trades)

    for revision, trades, is_taken in (
        (0, 5, True),
        (0, 5, False),
        (0, 4, False),
        (0, 6, True),
        (1, 2, True),
        (0, 99, False),
        (1, 1, False),
        (2, 0, True),
    ):
        assert await writer.write(state(revision, trades)) == is_taken, (revision, trades)
    (close,) = (await store.between(7, Timeframe.M1, 0, 2 * OPEN_NS)).close
    assert close == 200


async def test_newest_before_an_instant_come_oldest_first_from_any_age(
    writer: CandleWriter, store: CandleStore
) -> None:
    decades_ns = 26 * 365 * 86_400 * 10**9
    old, new = minutes(3, first_ns=OPEN_NS - decades_ns), minutes(50)
    await writer.write(Candles.concat([old, new]))
    newest = await store.before(7, Timeframe.M1, OPEN_NS + 40 * MINUTE_NS, ALL, 10)
    assert_same(newest, new.take(np.arange(30, 40)))
    assert_same(
        await store.before(7, Timeframe.M1, OPEN_NS + 2 * MINUTE_NS, ALL, 10),
        Candles.concat([old, new.take(np.arange(2))]),
    )
    assert len(await store.before(7, Timeframe.M1, OPEN_NS - 2 * decades_ns, ALL, 10)) == 0


async def test_sessions_are_kept_apart_and_read_as_asked(writer: CandleWriter, store: CandleStore) -> None:
    regular, extended = minutes(4), minutes(4, session=Session.EXTENDED, flags=CandleFlag.CLOSED | CandleFlag.EXTENDED)
    await writer.write(Candles.concat([regular, extended]))
    end_ns = OPEN_NS + 4 * MINUTE_NS
    assert_same(await store.before(7, Timeframe.M1, end_ns, [Session.EXTENDED], 9), extended)
    assert_same(await store.between(7, Timeframe.M1, OPEN_NS, end_ns, [Session.REGULAR]), regular)
    both = await store.before(7, Timeframe.M1, end_ns, ALL, 4)
    assert both.session.tolist() == [0, 1, 0, 1]
    assert (both.start_ns - OPEN_NS).tolist() == [2 * MINUTE_NS, 2 * MINUTE_NS, 3 * MINUTE_NS, 3 * MINUTE_NS]


async def test_many_instruments_are_read_at_once(writer: CandleWriter, store: CandleStore) -> None:
    numbers = np.array([900, 3, 41], np.uint32)
    await writer.write(Candles.concat([minutes(2, number=number, open=number) for number in numbers.tolist()]))
    found = await store.of_many(np.array([41, 900, 5], np.uint32), Timeframe.M1, OPEN_NS, OPEN_NS + MINUTE_NS)
    assert sorted(zip(found.instrument.tolist(), found.open.tolist(), strict=True)) == [(41, 41.0), (900, 900.0)]


async def test_instrument_that_was_never_written_has_no_candles(store: CandleStore) -> None:
    assert len(await store.before(5, Timeframe.M1, OPEN_NS, ALL, 10)) == 0
    assert len(await store.between(5, Timeframe.D1, 0, OPEN_NS)) == 0
    assert len(await store.of_many(np.array([5], np.uint32), Timeframe.D1, 0, OPEN_NS)) == 0
    assert await store.progress() == {}


async def test_a_day_is_read_by_its_own_time_and_kind(writer: CandleWriter, store: CandleStore) -> None:
    times, day = segments_of("XNYS"), OPEN_NS // DAY_NS
    close_ns = OPEN_NS + 390 * MINUTE_NS
    regular = [minutes(1, number=number, first_ns=at) for number in (7, 8) for at in (OPEN_NS, close_ns - MINUTE_NS)]
    others = [
        minutes(1, first_ns=OPEN_NS - 24 * 60 * MINUTE_NS),
        minutes(
            1, first_ns=OPEN_NS - MINUTE_NS, session=Session.EXTENDED, flags=CandleFlag.CLOSED | CandleFlag.EXTENDED
        ),
        minutes(1, first_ns=close_ns, session=Session.EXTENDED, flags=CandleFlag.CLOSED | CandleFlag.EXTENDED),
        minutes(1, number=9),
    ]
    await writer.write(Candles.concat([*regular, *others]))
    numbers = np.array([7, 8, 10], np.uint32)
    found = await store.minutes_of_day(numbers, Session.REGULAR, day, times)
    assert_same(found.sorted_newest(), Candles.concat(regular).sorted_newest())
    assert_same(await store.minutes_of_day(numbers, Session.EXTENDED, day, times), Candles.concat(others[1:3]))
    assert not len(await store.minutes_of_day(numbers, Session.REGULAR, day - 1, times))


async def test_days_are_read_from_one_to_another_by_their_kind(writer: CandleWriter, store: CandleStore) -> None:
    day = OPEN_NS // DAY_NS
    days = minutes(4, timeframe=Timeframe.D1, start_ns=(day + np.arange(4)) * DAY_NS)
    flags = CandleFlag.CLOSED | CandleFlag.EXTENDED
    nights = minutes(1, timeframe=Timeframe.D1, first_ns=day * DAY_NS, session=Session.EXTENDED, flags=flags)
    await writer.write(Candles.concat([days, nights]))
    numbers = np.array([7], np.uint32)
    assert_same(await store.days_between(numbers, Session.REGULAR, day, day + 2), days.take(np.arange(3)))
    assert_same(await store.days_between(numbers, Session.EXTENDED, day, day + 2), nights)
