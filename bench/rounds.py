"""How long a piece of work takes where nothing disturbs it."""

import time
from collections.abc import Callable

_REPEATS = 7
_ROUND_S = 0.1

Piece = Callable[[], int]  # does a portion of work and returns the number of rows in it


def ns_per_row(piece: Piece) -> float:
    """Give the processor time of a row, the best of several rounds."""
    piece()
    return min(_round(piece) for _ in range(_REPEATS))


def _round(piece: Piece) -> float:
    began_s, done = time.process_time(), 0
    while (took_s := time.process_time() - began_s) < _ROUND_S:
        done += piece()
    return took_s / done * 1e9
