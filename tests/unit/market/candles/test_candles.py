"""Candles as columns and as rows."""

import numpy as np
import pytest

from market.candles.candles import DTYPES, Candles, from_rows, to_rows
from market.candles.timeframe import Session, Timeframe
from market.codes import CandleFlag

TWO = Candles.of(
    2,
    instrument=[7, 8],
    timeframe=[Timeframe.M5, Timeframe.MO1],
    session=[Session.REGULAR, Session.EXTENDED],
    start_ns=[60, 120],
    end_ns=[360, 420],
    revision=[0, 3],
    trades=[2, 1 << 40],
    open=[1.5, np.nan],
    high=[2.0, np.nan],
    low=[1.25, np.nan],
    close=[1.75, np.nan],
    volume_whole=[10, 0],
    volume_nano=[500_000_000, 0],
    turnover_whole=[21, 0],
    sequence=[5, 1 << 40],
    ts_event=[61, 0],
    ts_recv=[62, 0],
    flags=[CandleFlag.CLOSED, CandleFlag.EXTENDED | CandleFlag.AMENDED],
)


def columns(candles: Candles) -> dict[str, list[float]]:
    return {name: getattr(candles, name).tolist() for name in DTYPES}


def test_columns_have_the_types_of_the_contract() -> None:
    assert {name: getattr(TWO, name).dtype for name in DTYPES} == {name: np.dtype(d) for name, d in DTYPES.items()}
    assert len(TWO) == 2


def test_volume_and_average_price_are_floats_of_the_exact_sums() -> None:
    np.testing.assert_array_equal(TWO.volume, [10.5, 0.0])
    np.testing.assert_array_equal(TWO.vwap, [2.0, np.nan])


def test_candles_are_joined_in_order() -> None:
    joined = Candles.concat([TWO.take(np.array([1])), TWO.take(np.array([0]))])
    assert joined.instrument.tolist() == [8, 7]
    assert Candles.concat([TWO]) is TWO
    assert columns(Candles.concat([])) == columns(Candles.of(0))


def test_of_several_states_of_a_candle_the_highest_revision_then_the_most_trades_stay() -> None:
    states = Candles.of(
        6,
        instrument=[2, 1, 1, 1, 1, 1],
        timeframe=1,
        session=[0, 0, 0, 0, 1, 0],
        start_ns=[0, 0, 0, 0, 0, 60],
        revision=[0, 1, 0, 1, 0, 0],
        trades=[1, 5, 9, 4, 1, 1],
    )
    newest = states.sorted_newest()
    assert list(
        zip(newest.instrument, newest.start_ns, newest.session, newest.revision, newest.trades, strict=True)
    ) == [
        (1, 0, 0, 1, 5),
        (1, 0, 1, 0, 1),
        (1, 60, 0, 0, 1),
        (2, 0, 0, 0, 1),
    ]
    assert len(Candles.of(0).sorted_newest()) == 0


def test_a_row_holds_what_a_candle_is() -> None:
    first, second = to_rows(TWO).tolist()
    assert first == (7, 1, 2, 7, 5, 61, 62, 60, 360, 0, 2, 1.5, 2.0, 1.25, 1.75, 10.5, 2.0)
    assert second[:11] == (7, 6, 7, 8, 1 << 40, 0, 0, 120, 420, 3, 0xFFFF_FFFF)
    assert np.isnan(second[11])


def test_rows_are_read_back_with_their_sums_as_floats_tell_them() -> None:
    few = TWO.take(np.array([0, 0]))
    assert columns(from_rows(to_rows(few))) == columns(few)


def test_a_sum_that_rounds_up_to_a_whole_is_carried() -> None:
    row = to_rows(TWO.take(np.array([0])))
    row["volume"] = np.nextafter(3.0, 0)
    back = from_rows(row)
    assert (back.volume_whole[0], back.volume_nano[0]) == (3, 0)


@pytest.mark.parametrize("session", Session)
def test_a_row_tells_the_session(session: Session) -> None:
    flags = CandleFlag.EXTENDED if session else 0
    assert from_rows(to_rows(Candles.of(1, session=session, flags=flags))).session.tolist() == [session]
