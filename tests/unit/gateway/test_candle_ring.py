import math

from hypothesis import given
from hypothesis import strategies as st

from gateway.live.channels.candle_ring import HELD_CANDLES, CandleRing, HeldCandle, held_candles
from market import rows

OPEN, CLOSED, EXTENDED, WITHDRAWN = 0, 1, 2, 8


def held(
    start_s: int, trades: int = 1, revision: int = 0, flags: int = OPEN, sequence: int = 0, price: float = 10.0
) -> HeldCandle:
    return HeldCandle(
        start_s, flags, sequence, revision, trades, price, price + 1, price - 1, price, 10.0 * trades, price
    )


def ring(*candles: HeldCandle) -> CandleRing:
    made = CandleRing()
    for each in candles:
        made.take(each)
    return made


def starts(of: CandleRing, position: int = 0) -> list[int]:
    return [each.t for each in of.since(position)]


def test_rows_are_read() -> None:
    row = rows.CANDLE.blank(1)
    row["start"], row["trades"], row["revision"], row["sequence"], row["vwap"] = 60 * 10**9, 5, 2, 9, 1.5
    row["open"], row["high"], row["low"], row["close"], row["volume"], row["flags"] = 1, 2, 0.5, 1.25, 7, 3
    assert list(held_candles(row)) == [HeldCandle(60, 3, 9, 2, 5, 1.0, 2.0, 0.5, 1.25, 7.0, 1.5)]


def test_changes_are_told_once_oldest_first() -> None:
    made = ring(held(60), held(120), held(0))
    assert starts(made) == [0, 60, 120]
    position = made.end
    assert starts(made, position) == []
    assert made.take(held(60, trades=2))
    assert starts(made, position) == [60]


def test_only_a_newer_state_changes_anything() -> None:
    made = ring(held(60, trades=5, revision=1, flags=CLOSED))
    for old in (held(60, trades=9), held(60, trades=5, revision=1), held(60, trades=5, revision=1, flags=CLOSED)):
        assert not made.take(old)
    assert made.end == 1
    assert made.take(held(60, trades=4, revision=2))


def test_that_a_window_has_ended_is_news() -> None:
    made = ring(held(60, trades=5))
    assert made.take(held(60, trades=5, flags=CLOSED))
    assert [each.f for each in made.since(0)] == [1]


@given(st.permutations([held(60, trades=n, revision=r, flags=f) for n in (1, 2) for r in (0, 1) for f in (0, 1)]))
def test_the_newest_wins_in_any_order(states: list[HeldCandle]) -> None:
    (found,) = ring(*states).since(0)
    assert (found.n, found.e, found.f) == (2, 1, 1)


def test_both_kinds_of_time_are_one_candle() -> None:
    regular = held(60, trades=2, revision=1, flags=CLOSED, price=10.0)
    extended = held(60, trades=3, flags=EXTENDED, price=20.0)
    (found,) = ring(extended, regular).since(0)
    assert (found.o, found.h, found.l, found.c, found.v, found.n, found.e) == (10, 11, 9, 10, 50, 5, 1)
    assert found.w == (2 * 10 * 10 + 3 * 10 * 20) / 50
    assert (found.x, found.f) == (0, 0)
    (alone,) = ring(extended).since(0)
    assert (alone.x, alone.o, alone.w) == (1, 20, 20)


def test_prices_come_from_where_there_are_any() -> None:
    regular, extended = held(60, price=math.nan), held(60, flags=EXTENDED, price=20.0)
    (found,) = ring(regular, extended).since(0)
    assert (found.o, found.n) == (20, 2)
    assert ring(regular).since(0) == []


def test_a_withdrawn_candle_is_told_without_prices() -> None:
    (found,) = ring(held(60, trades=0, revision=1, flags=CLOSED | WITHDRAWN, price=math.nan)).since(0)
    assert (found.k, found.o, found.w) == (1, None, None)


def test_the_oldest_make_room_and_who_was_behind_is_told() -> None:
    made = ring(*(held(60 * at) for at in range(HELD_CANDLES)))
    made.is_all = True
    assert made.is_full
    assert not made.missed(1)
    made.take(held(60 * HELD_CANDLES))
    made.take(held(60 * (HELD_CANDLES + 1)))
    assert starts(made)[0] == 120
    assert (made.missed(0), made.missed(1), made.missed(2)) == (False, True, False)
    assert not made.is_all
    assert not made.take(held(0)), "older than all that are held"
    assert len(starts(made)) == HELD_CANDLES


def test_a_snapshot_begins_so_many_candles_ago() -> None:
    made = ring(*(held(60 * at) for at in range(50)))
    assert len(made.since(made.position_before(20))) == 20
    assert made.position_before(50) == made.position_before(51) == 0


def test_older_candles_that_come_later_do_not_push_the_newest_out_of_a_snapshot() -> None:
    made = ring(held(6000, trades=7), *(held(60 * at) for at in range(50)))
    assert starts(made, made.position_before(3)) == [47 * 60, 48 * 60, 49 * 60]
    assert made.arrange()
    assert starts(made, made.position_before(3)) == [48 * 60, 49 * 60, 6000]
    assert not made.arrange()


def test_a_client_gets_what_may_have_changed_since_its_sequence() -> None:
    made = ring(held(0, sequence=10, flags=CLOSED), held(60, sequence=20, flags=CLOSED), held(120, sequence=25))
    assert starts(made, made.position_at(25)) == [120], "it may have closed since"
    assert starts(made, made.position_at(26)) == []
    assert starts(made, made.position_at(15)) == [60, 120]
    assert starts(made, made.position_from(60)) == [60, 120]
    assert made.position_from(500) == made.end
    made.take(held(180))
    assert starts(made, made.position_at(26)) == [180], "nobody knows when it changed"
    assert CandleRing().position_at(5) == CandleRing().position_from(5) == 0


def test_a_sequence_is_known_as_soon_as_one_says_it() -> None:
    made = ring(held(0, flags=CLOSED))
    assert not made.take(held(0, flags=CLOSED, sequence=7))
    assert made.position_at(8) == made.end


def test_covered_is_who_saw_a_candle_that_is_held() -> None:
    made = ring(held(0, sequence=10), held(60, sequence=20))
    assert not made.covers(15)
    made.is_whole = True
    assert (made.covers(9), made.covers(10)) == (False, True)
    assert (made.covers_from(-1), made.covers_from(0)) == (False, True)
    made.is_all = True
    assert made.covers(9)
    assert made.covers_from(-1)


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(1, 4), st.integers(0, 2), st.integers(0, 3)), max_size=60),
    st.data(),
)
def test_a_client_that_follows_in_any_steps_holds_what_the_ring_does(
    states: list[tuple[int, int, int, int]], data: st.DataObject
) -> None:
    made, position, client = CandleRing(), 0, {}
    for start, trades, revision, flags in states:
        made.take(held(60 * start, trades, revision, flags))
        if data.draw(st.booleans()):
            client |= {each.t: each for each in made.since(position)}
            position = made.end
    client |= {each.t: each for each in made.since(position)}
    assert client == {each.t: each for each in made.since(0)}
