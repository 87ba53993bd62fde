"""Limits on attempts per key (an email, a client's address), in bounded memory and without a clock of its own."""

from __future__ import annotations

from collections import OrderedDict


class AttemptLimiter:
    """Allow `burst` attempts per key at once, and one more every `refill_s` seconds (GCRA: one number per key).

    A key that has been quiet for `burst * refill_s` seconds is as good as new and is forgotten. At `max_keys` the key
    that tried longest ago makes room; `evicted` counts those that still owed time, so that a flood of made-up keys
    shows. Times are seconds of any one clock.
    """

    def __init__(self, burst: int, refill_s: float, max_keys: int) -> None:
        if burst < 1 or refill_s <= 0 or max_keys < 1:
            raise ValueError(f"burst {burst} and max_keys {max_keys} must be at least 1, refill_s {refill_s} above 0")
        self._window_s = burst * refill_s
        self._refill_s = refill_s
        self._max_keys = max_keys
        # By key, the time at which its whole burst is back; in order of the last attempt allowed.
        self._full_at_s: OrderedDict[str, float] = OrderedDict()
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._full_at_s)

    def take(self, key: str, now_s: float) -> float:
        """Count one attempt and return 0, or return the seconds until the next one is allowed, counting nothing."""
        # The upper bound only matters when the clock was set back: nobody then waits longer than one window.
        full_at_s = min(max(self._full_at_s.get(key, now_s), now_s), now_s + self._window_s)
        wait_s = full_at_s + self._refill_s - self._window_s - now_s
        if wait_s > 1e-6:
            return wait_s
        self._full_at_s[key] = full_at_s + self._refill_s
        self._full_at_s.move_to_end(key)
        self._make_room(now_s)
        return 0.0

    def give_back(self, key: str) -> None:
        """Take back an attempt that was allowed and came to nothing."""
        if key in self._full_at_s:
            self._full_at_s[key] -= self._refill_s

    def forget(self, key: str) -> None:
        """Give the key its whole burst back."""
        self._full_at_s.pop(key, None)

    def _make_room(self, now_s: float) -> None:
        # Two per attempt: the table shrinks faster than it grows, and no attempt pays for a long clean-up. The key just
        # added is the last and owes time, so there is always a first one.
        for _ in range(2):
            key, full_at_s = next(iter(self._full_at_s.items()))
            if full_at_s > now_s and len(self._full_at_s) <= self._max_keys:
                return
            self.evicted += full_at_s > now_s
            del self._full_at_s[key]
