from hypothesis import given
from hypothesis import strategies as st

from workers.notify.backoff import MAX_ATTEMPTS, MAX_DELAY_S, delay_s


def test_pauses_double_and_all_attempts_take_about_an_hour() -> None:
    bounds = [delay_s(attempts, 30.0, lambda: 1.0) for attempts in range(1, MAX_ATTEMPTS)]
    assert bounds == [30, 60, 120, 240, 480, 960, 1920]
    assert 0.9 < sum(bounds) / 3600 < 1.1


@given(st.integers(1, 2000), st.floats(0.001, 600), st.floats(0, 1))
def test_a_pause_is_anywhere_below_its_bound(attempts: int, first_s: float, random: float) -> None:
    pause_s = delay_s(min(attempts, 1000), first_s, lambda: random)
    assert 0 <= pause_s <= MAX_DELAY_S
    assert pause_s <= first_s * 2.0 ** (min(attempts, 1000) - 1)
