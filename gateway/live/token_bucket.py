"""A rate with a burst, in one number: for the commands of a client, and for the connections of a process. Pure."""

_ROUNDING_S = 1e-6  # a caller who waited exactly as told must not be refused for the last bit of a float


class TokenBucket:
    """`burst` at once, then `rate` a second (GCRA). Times are seconds of one clock that never goes back.

    There is one for every client, so it holds a single number of its own: when its whole burst is back.
    """

    __slots__ = ("_burst", "_full_at_s", "_rate")

    def __init__(self, rate: float, burst: float) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError(f"rate {rate} must be above 0, burst {burst} at least 1")
        self._rate = rate
        self._burst = burst
        self._full_at_s = float("-inf")

    def take(self, now_s: float, patience_s: float = 0.0) -> float:
        """Take a token that is due within `patience_s`; return the seconds until it is due, 0 for now.

        More than `patience_s` means refused: nothing was taken, and the number says how long until something would be.
        """
        full_at_s = max(self._full_at_s, now_s) + 1 / self._rate
        wait_s = full_at_s - self._burst / self._rate - now_s
        if wait_s > patience_s + _ROUNDING_S:
            return wait_s
        self._full_at_s = full_at_s
        return 0.0 if wait_s <= _ROUNDING_S else min(wait_s, patience_s)
