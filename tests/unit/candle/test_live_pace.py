"""How often candles are shown follows what showing costs."""

from workers.candle.live import LivePace

MS, S = 1_000_000, 1_000_000_000


def test_showing_that_takes_long_is_done_less_often_and_more_often_again() -> None:
    pace = LivePace(50 * MS, 0)
    seen = []
    for second in range(1, 8):
        pace.spend(400 * MS, second * S)
        seen.append(pace.window_ns // MS)
    assert seen == [100, 200, 400, 800, 1000, 1000, 1000]
    pace.spend(200 * MS, 8 * S)
    assert pace.window_ns == 1000 * MS
    for second in range(9, 15):
        pace.spend(1 * MS, second * S)
    assert pace.window_ns == 50 * MS


def test_a_second_is_looked_at_as_a_whole() -> None:
    pace = LivePace(50 * MS, 0)
    for at in range(1, 100):
        pace.spend(9 * MS, at * 10 * MS)
    assert pace.window_ns == 50 * MS
    pace.spend(0, 1 * S)
    assert pace.window_ns == 100 * MS


def test_without_a_window_one_begins_where_it_is_needed() -> None:
    pace = LivePace(0, 0)
    pace.spend(900 * MS, 1 * S)
    assert pace.window_ns == 1 * MS
    pace.spend(0, 2 * S)
    pace.spend(0, 3 * S)
    for second in range(4, 30):
        pace.spend(0, second * S)
    assert pace.window_ns == 0
