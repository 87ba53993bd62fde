import sys
from uuid import UUID

import pytest

from gateway.live.admission import Admission, Admitted, Refusal, retry_after_ms
from gateway.live.close_codes import CloseCode
from gateway.live.token_bucket import TokenBucket

NOW_S = 5_000.0
ANN, BOB = UUID(int=1), UUID(int=2)


def admission(
    *,
    accepts_per_s: float = 1000,
    connections_per_address: int = 1000,
    connections_per_user: int = 50,
    connections_unproven: int = 1000,
    symbols_per_user: int = 100,
    random: float = 0.5,
) -> Admission:
    return Admission(
        accepts_per_s=accepts_per_s,
        connections_per_address=connections_per_address,
        connections_per_user=connections_per_user,
        connections_unproven=connections_unproven,
        symbols_per_user=symbols_per_user,
        random=lambda: random,
    )


def arrived(doors: Admission, address: str = "a", now_s: float = NOW_S) -> Admitted:
    admitted = doors.arrive(address, now_s)
    assert isinstance(admitted, Admitted)
    return admitted


def proven(doors: Admission, user: UUID, address: str = "a", now_s: float = NOW_S) -> Admitted:
    admitted = arrived(doors, address, now_s)
    assert doors.prove(admitted, user) is None
    return admitted


def refused(doors: Admission, address: str = "a", now_s: float = NOW_S) -> Refusal:
    refusal = doors.arrive(address, now_s)
    assert isinstance(refusal, Refusal)
    return refusal


class TestTokenBucket:
    def test_a_burst_then_the_rate(self) -> None:
        bucket = TokenBucket(rate=10, burst=3)
        assert [bucket.take(NOW_S) for _ in range(3)] == [0, 0, 0]
        assert bucket.take(NOW_S) == pytest.approx(0.1)
        assert bucket.take(NOW_S + 0.04) == pytest.approx(0.06)
        assert bucket.take(NOW_S + 0.1) == 0
        assert bucket.take(NOW_S + 0.1) == pytest.approx(0.1)

    def test_waiting_exactly_as_told_is_enough(self) -> None:
        bucket = TokenBucket(rate=7, burst=1)
        now_s = NOW_S
        for _ in range(1000):
            assert bucket.take(now_s) == 0
            now_s += bucket.take(now_s)

    def test_a_refused_take_costs_nothing(self) -> None:
        bucket = TokenBucket(rate=10, burst=1)
        bucket.take(NOW_S)
        for _ in range(100):
            bucket.take(NOW_S + 0.05)
        assert bucket.take(NOW_S + 0.1) == 0

    def test_patience_takes_what_is_due_later_and_no_more(self) -> None:
        bucket = TokenBucket(rate=10, burst=1)
        waits_s = [bucket.take(NOW_S, patience_s=0.3) for _ in range(5)]
        assert waits_s == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
        assert waits_s[3] <= 0.3, "what was granted must be told from what was not"
        assert bucket.take(NOW_S, patience_s=0.3) == pytest.approx(0.4)
        assert bucket.take(NOW_S) == pytest.approx(0.4)

    def test_a_long_rest_fills_no_more_than_the_burst(self) -> None:
        bucket = TokenBucket(rate=10, burst=2)
        bucket.take(NOW_S)
        assert [bucket.take(NOW_S + 3600) > 0 for _ in range(3)] == [False, False, True]

    @pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0.9)])
    def test_senseless_bounds(self, rate: float, burst: float) -> None:
        with pytest.raises(ValueError, match=f"rate {rate} must be above 0, burst {burst} at least 1"):
            TokenBucket(rate, burst)

    def test_it_is_small(self) -> None:
        assert not hasattr(TokenBucket(1, 1), "__dict__")
        assert sys.getsizeof(TokenBucket(1, 1)) <= 64


class TestRetryAfter:
    @pytest.mark.parametrize(("random", "expected"), [(0.0, 2000), (0.25, 2250), (0.999999, 2999)])
    def test_the_base_and_up_to_the_spread(self, random: float, expected: int) -> None:
        assert retry_after_ms(2000, 1000, lambda: random) == expected


class TestArrive:
    def test_an_address_has_its_bound_and_others_theirs(self) -> None:
        doors = admission(connections_per_address=2)
        first = arrived(doors)
        arrived(doors)
        assert refused(doors) == Refusal(
            "too_many_connections",
            "an address has at most 2 connections to a gateway process; close one first",
            CloseCode.TOO_MANY,
            None,
        )
        arrived(doors, "b")
        doors.leave(first)
        arrived(doors)
        assert doors.connections == 3

    def test_the_unproven_have_a_bound_together(self) -> None:
        doors = admission(connections_unproven=2)
        first = arrived(doors, "a")
        arrived(doors, "b")
        assert refused(doors, "c") == Refusal(
            "busy",
            "the gateway is busy: at most 2 connections may be waiting to authenticate",
            CloseCode.TRY_AGAIN_LATER,
            1500,
        )
        doors.prove(first, ANN)
        arrived(doors, "c")

    def test_a_storm_is_spread_over_the_rate_and_the_rest_is_refused(self) -> None:
        doors = admission(accepts_per_s=100, connections_unproven=10_000)
        outcomes = [doors.arrive(str(number), NOW_S) for number in range(200)]
        waits_s = [each.wait_s for each in outcomes if isinstance(each, Admitted)]
        assert waits_s[:10] == [0] * 10, "a tenth of a second's worth goes through at once"
        assert waits_s[10:] == pytest.approx([number / 100 for number in range(1, 101)])
        assert all(isinstance(each, Refusal) for each in outcomes[110:])
        assert doors.connections == 110
        assert "it takes 100 new connections a second, and 1 s of them wait already" in refused(doors).message

    def test_who_comes_at_the_rate_never_waits_long(self) -> None:
        doors = admission(accepts_per_s=1000, connections_unproven=1)
        for number in range(5000):
            admitted = arrived(doors, now_s=NOW_S + number / 1000)
            assert admitted.wait_s == 0
            doors.leave(admitted)

    def test_a_rate_of_one(self) -> None:
        doors = admission(accepts_per_s=1)
        assert [arrived(doors).wait_s for _ in range(2)] == [0, 1]
        assert refused(doors).code == "busy"

    def test_the_refused_come_back_in_turn_and_not_together(self) -> None:
        doors = admission(accepts_per_s=100, connections_unproven=1, random=0.25)
        arrived(doors)
        advice_ms = [refused(doors).retry_after_ms or 0 for _ in range(1000)]
        assert advice_ms[:10] == [1250] * 10
        assert advice_ms[10:] == [pytest.approx(1250 + 10 * number, abs=1) for number in range(1, 991)]
        assert advice_ms[-1] == pytest.approx(11_150, abs=1)

    def test_advice_is_bounded_however_many_are_refused(self) -> None:
        doors = admission(accepts_per_s=10, connections_unproven=1, random=0.999)
        arrived(doors)
        advice_ms = [refused(doors).retry_after_ms or 0 for _ in range(1000)]
        assert max(advice_ms) <= 32_000
        assert advice_ms[-1] == int(1000 + 30_000 * 0.999), "those beyond are spread by chance"
        assert (refused(doors, now_s=NOW_S + 60).retry_after_ms or 0) < 2000, "it is forgotten when the storm is over"

    def test_one_address_at_its_bound_takes_no_turns_from_others(self) -> None:
        doors = admission(accepts_per_s=10, connections_per_address=1)
        arrived(doors, "a")
        for _ in range(100):
            refused(doors, "a")
        assert arrived(doors, "b").wait_s == pytest.approx(0.1)

    def test_the_busy_refusal_takes_no_turns_either(self) -> None:
        doors = admission(accepts_per_s=10, connections_unproven=1)
        first = arrived(doors)
        for _ in range(100):
            refused(doors)
        doors.leave(first)
        assert arrived(doors).wait_s == pytest.approx(0.1)


class TestProve:
    def test_a_user_has_a_bound_across_addresses(self) -> None:
        doors = admission(connections_per_user=2)
        first = proven(doors, ANN, "a")
        proven(doors, ANN, "b")
        third = arrived(doors, "c")
        assert doors.prove(third, ANN) == Refusal(
            "too_many_connections",
            "a user has at most 2 connections to a gateway process; close one first",
            CloseCode.TOO_MANY,
            None,
        )
        assert doors.unproven == 1
        proven(doors, BOB, "c")
        doors.leave(first)
        assert doors.prove(third, ANN) is None

    def test_again_with_the_same_user_changes_nothing(self) -> None:
        doors = admission(connections_per_user=1)
        first = proven(doors, ANN)
        assert doors.prove(first, ANN) is None
        assert (doors.unproven, doors.users) == (0, 1)
        doors.leave(first)
        assert doors.users == 0

    def test_a_connection_does_not_change_hands(self) -> None:
        doors = admission()
        first = proven(doors, ANN)
        refusal = doors.prove(first, BOB)
        assert refusal is not None
        assert (refusal.code, refusal.close_code) == ("other_user", CloseCode.UNAUTHENTICATED)
        assert first.user == ANN
        assert doors.users == 1

    def test_who_left_proves_nothing(self) -> None:
        doors = admission()
        first = arrived(doors)
        doors.leave(first)
        with pytest.raises(ValueError, match="has left"):
            doors.prove(first, ANN)


class TestWatch:
    def test_the_bound_is_the_users_not_the_connections(self) -> None:
        doors = admission(symbols_per_user=10)
        first, second, other = proven(doors, ANN), proven(doors, ANN, "b"), proven(doors, BOB)
        assert doors.watch(first, 6) == 6
        assert doors.watch(second, 6) == 4
        assert doors.watch(second, 1) == 0
        assert doors.watch(other, 100) == 10
        doors.unwatch(first, 2)
        assert doors.watch(second, 6) == 2
        assert (first.symbols, second.symbols, other.symbols) == (4, 6, 10)

    def test_leaving_gives_all_back(self) -> None:
        doors = admission(symbols_per_user=10)
        first, second = proven(doors, ANN), proven(doors, ANN)
        doors.watch(first, 7)
        doors.watch(second, 3)
        doors.leave(first)
        assert doors.watch(second, 10) == 7

    def test_no_more_is_given_back_than_there_is(self) -> None:
        doors = admission(symbols_per_user=10)
        first, second = proven(doors, ANN), proven(doors, ANN)
        doors.watch(first, 3)
        doors.watch(second, 3)
        doors.unwatch(first, 100)
        assert (first.symbols, second.symbols) == (0, 3)
        assert doors.watch(first, 100) == 7

    def test_counts_below_zero_are_none(self) -> None:
        doors = admission(symbols_per_user=10)
        first = proven(doors, ANN)
        doors.watch(first, 3)
        assert doors.watch(first, -5) == 0
        doors.unwatch(first, -5)
        assert first.symbols == 3

    def test_the_unproven_and_those_who_left_watch_nothing(self) -> None:
        doors = admission()
        first, second = arrived(doors), proven(doors, ANN)
        assert doors.watch(first, 1) == 0
        doors.unwatch(first, 1)
        doors.leave(second)
        assert doors.watch(second, 1) == 0, "a subscribe that was still under way when its client left"
        doors.unwatch(second, 1)
        assert doors.watch(proven(doors, ANN), 100) == 100


class TestLeave:
    def test_twice_counts_once(self) -> None:
        doors = admission()
        first = proven(doors, ANN)
        proven(doors, ANN)
        doors.leave(first)
        doors.leave(first)
        assert (doors.connections, doors.users, doors.addresses) == (1, 1, 1)

    def test_nothing_is_held_of_those_who_left(self) -> None:
        doors = admission()
        here = [arrived(doors, str(number % 7)) for number in range(100)]
        for number, each in enumerate(here[:80]):
            doors.prove(each, UUID(int=number % 5))
            doors.watch(each, 3)
        assert (doors.connections, doors.unproven, doors.addresses, doors.users) == (100, 20, 7, 5)
        for each in here:
            doors.leave(each)
        assert (doors.connections, doors.unproven, doors.addresses, doors.users) == (0, 0, 0, 0)
