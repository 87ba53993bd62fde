"""Interest against an oracle that remembers everything and recounts at every step."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gateway.interest import Interest

LINGER_S = 5
NUMBERS = st.lists(st.integers(0, 5), max_size=6, unique=True)
STEPS = st.lists(st.tuples(st.sampled_from(["add", "remove", "sweep"]), NUMBERS, st.integers(0, 4)), max_size=60)


class Oracle:
    """What each instrument's watchers are, since when it has none, and whether it is subscribed."""

    def __init__(self) -> None:
        self.watchers: Counter[int] = Counter()
        self.left_at_s: dict[int, int] = {}
        self.subscribed: set[int] = set()

    def add(self, numbers: list[int]) -> list[int]:
        added = [number for number in numbers if number not in self.subscribed]
        self.watchers.update(numbers)
        self.subscribed.update(numbers)
        return added

    def remove(self, numbers: list[int], now_s: int) -> list[int]:
        watched = [number for number in numbers if self.watchers[number]]
        for number in watched:
            self.watchers[number] -= 1
            self.left_at_s[number] = now_s
        return watched

    def expired(self, now_s: int) -> set[int]:
        gone = {
            number
            for number in self.subscribed
            if not self.watchers[number] and now_s - self.left_at_s[number] >= LINGER_S
        }
        self.subscribed -= gone
        return gone


@given(STEPS)
def test_what_is_subscribed_is_what_is_watched_or_was_lately(steps: list[tuple[str, list[int], int]]) -> None:
    interest, oracle, now_s = Interest(LINGER_S), Oracle(), 0
    for action, numbers, passed_s in steps:
        now_s += passed_s
        if action == "add":
            assert interest.add(numbers) == oracle.add(numbers)
        elif action == "remove":
            interest.remove(oracle.remove(numbers, now_s), now_s)
        else:
            expired = interest.expired(now_s)
            assert len(expired) == len(set(expired))
            assert set(expired) == oracle.expired(now_s)
        assert len(interest) == len(oracle.subscribed)
