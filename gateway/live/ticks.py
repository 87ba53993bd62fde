"""The fan-out's grid of time: ticks of 10 ms, and rates as whole numbers of them. Pure."""

import math

TICK_S = 0.01
_ROUNDING = 1e-9  # 1 / 20 / 0.01 is a little more than 5


def interval_ticks(rate_per_s: float) -> int:
    """Give the ticks between two sends so that a client never gets more than it asked for; 1 at least."""
    return max(1, math.ceil(1 / (rate_per_s * TICK_S) - _ROUNDING))


def rate_per_s(ticks: int) -> float:
    """Give the rate that an interval makes: what a client is told it got."""
    return round(1 / (ticks * TICK_S), 3)


def tick_at(now_s: float) -> int:
    """Give the tick that `now_s`, of any one clock, is in."""
    return math.floor(now_s / TICK_S)
