"""When an attempt is made again: later each time, and never at the same time as others. Pure.

Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from collections.abc import Callable

MAX_ATTEMPTS = 8
MAX_DELAY_S = 3600.0


def delay_s(attempts: int, first_s: float, random: Callable[[], float]) -> float:
    """Give the pause after so many failed attempts, from 1: from 0 to `first_s`, to twice as much after each.

    `random` gives numbers from 0 to 1.
    """
    return random() * min(first_s * 2.0 ** (attempts - 1), MAX_DELAY_S)
