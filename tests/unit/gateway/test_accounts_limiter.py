import pytest

from gateway.accounts.limiter import AttemptLimiter
from gateway.accounts.service import Attempts
from gateway.accounts.settings import AttemptSettings
from gateway.problems import Problem

NOW_S = 1_800_000_000.0


def test_a_burst_then_one_per_refill() -> None:
    limiter = AttemptLimiter(burst=3, refill_s=10, max_keys=10)
    assert [limiter.take("a", NOW_S) for _ in range(3)] == [0, 0, 0]
    assert limiter.take("a", NOW_S) == pytest.approx(10)
    assert limiter.take("a", NOW_S + 4) == pytest.approx(6)
    assert limiter.take("a", NOW_S + 10) == 0
    assert limiter.take("a", NOW_S + 10) == pytest.approx(10)


def test_waiting_exactly_as_told_is_enough() -> None:
    limiter = AttemptLimiter(burst=1, refill_s=0.1, max_keys=10)
    now_s = NOW_S
    for _ in range(100):
        assert limiter.take("a", now_s) == 0
        now_s += limiter.take("a", now_s)


def test_a_refused_attempt_costs_nothing() -> None:
    limiter = AttemptLimiter(burst=1, refill_s=10, max_keys=10)
    limiter.take("a", NOW_S)
    for _ in range(100):
        limiter.take("a", NOW_S + 5)
    assert limiter.take("a", NOW_S + 10) == 0


def test_keys_do_not_share() -> None:
    limiter = AttemptLimiter(burst=1, refill_s=10, max_keys=10)
    assert limiter.take("a", NOW_S) == 0
    assert limiter.take("b", NOW_S) == 0


def test_forgiven() -> None:
    limiter = AttemptLimiter(burst=1, refill_s=10, max_keys=10)
    limiter.take("a", NOW_S)
    limiter.forget("a")
    limiter.forget("never seen")
    assert limiter.take("a", NOW_S) == 0


def test_memory_is_bounded_and_evictions_are_counted() -> None:
    limiter = AttemptLimiter(burst=2, refill_s=10, max_keys=5)
    for number in range(100):
        limiter.take(str(number), NOW_S)
        assert len(limiter) <= 5
    assert limiter.evicted == 95
    limiter.take("99", NOW_S)
    assert limiter.take("99", NOW_S) > 0  # the newest are kept


def test_quiet_keys_are_forgotten_and_not_counted_as_evicted() -> None:
    limiter = AttemptLimiter(burst=2, refill_s=10, max_keys=100)
    for number in range(50):
        limiter.take(str(number), NOW_S)
    for number in range(50):
        limiter.take(f"later {number}", NOW_S + 100)
    assert len(limiter) == 50
    assert limiter.evicted == 0


def test_a_clock_set_back_blocks_for_one_window_at_most() -> None:
    limiter = AttemptLimiter(burst=3, refill_s=10, max_keys=10)
    limiter.take("a", NOW_S)
    assert limiter.take("a", NOW_S - 86_400) <= 10


def test_an_attempt_given_back_is_there_again_and_no_more_than_that() -> None:
    limiter = AttemptLimiter(2, 60, 10)
    limiter.give_back("a")  # nobody took it
    assert [limiter.take("a", NOW_S) for _ in range(3)] == [0, 0, 60]
    limiter.give_back("a")
    assert [limiter.take("a", NOW_S) for _ in range(2)] == [0, 60]


@pytest.mark.parametrize("wrong", [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_senseless_limits_are_refused(wrong: tuple[int, float, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        AttemptLimiter(*wrong)


def refusal(attempts: Attempts, address: str, email: str | None, now_s: float = NOW_S) -> Problem:
    with pytest.raises(Problem) as caught:
        attempts.count(address, email, now_s)
    assert (caught.value.status, caught.value.code) == (429, "too_many_attempts")
    return caught.value


def test_guesses_at_one_email_are_limited_across_addresses_and_capitals() -> None:
    attempts = Attempts(AttemptSettings(per_email_burst=2, per_email_refill_s=60))
    attempts.count("10.0.0.1", "Ada@Example.com", NOW_S)
    attempts.count("10.0.0.2", "ada@example.com", NOW_S)
    assert refusal(attempts, "10.0.0.3", "ADA@EXAMPLE.COM").headers == {"Retry-After": "60"}
    attempts.count("10.0.0.3", "bob@example.com", NOW_S)
    attempts.succeeded("ada@example.COM")
    attempts.count("10.0.0.3", "ada@example.com", NOW_S)


def test_guesses_from_one_address_are_limited_even_after_a_success() -> None:
    attempts = Attempts(AttemptSettings(per_address_burst=2, per_address_refill_s=1.5))
    attempts.count("10.0.0.1", "a@example.com", NOW_S)
    attempts.count("10.0.0.1", None, NOW_S)
    attempts.succeeded("a@example.com")
    assert refusal(attempts, "10.0.0.1", "b@example.com").headers == {"Retry-After": "2"}
    attempts.count("10.0.0.2", "b@example.com", NOW_S)
