"""Interest: how many watchers each instrument has, and which have had none for long enough to let go. Pure."""

from collections import Counter
from collections.abc import Iterable


class Interest:
    """Counts watchers by instrument number; times are seconds of any one clock."""

    def __init__(self, linger_s: float) -> None:
        self._linger_s = linger_s
        self._watchers: Counter[int] = Counter()
        self._leaving_at_s: dict[int, float] = {}  # in the order they were left, so the first is due first

    def __len__(self) -> int:
        return len(self._watchers) + len(self._leaving_at_s)

    def add(self, numbers: Iterable[int]) -> list[int]:
        """Add a watcher to each; return those that were neither watched nor lingering, to be subscribed."""
        added = []
        for number in numbers:
            if self._watchers[number] == 0 and self._leaving_at_s.pop(number, None) is None:
                added.append(number)
            self._watchers[number] += 1
        return added

    def remove(self, numbers: Iterable[int], now_s: float) -> None:
        """Take a watcher from each; those left alone begin to linger."""
        for number in numbers:
            self._watchers[number] -= 1
            if self._watchers[number] == 0:
                del self._watchers[number]
                self._leaving_at_s[number] = now_s + self._linger_s

    def expired(self, now_s: float) -> list[int]:
        """Take those that have lingered long enough, to be unsubscribed."""
        expired = []
        for number, leaving_at_s in self._leaving_at_s.items():
            if leaving_at_s > now_s:
                break
            expired.append(number)
        for number in expired:
            del self._leaving_at_s[number]
        return expired
