"""The overload ladder: what a gateway leaves out while it cannot keep up, from a lower rate to nothing at all. Pure.

**The signal** is the lag of the event loop against its limit. A full core alone is no overload while frames still leave
on time: that is what a core is for. But on a full core there is nothing left to absorb the next burst, so lag counts
double there: half the limit is then enough to go up.

**The rule** is one number, the height: over the limit it rises by a level a second, four times as fast at four times
the limit; under half the limit it falls by a level in five seconds; in between it returns to the present level. The
level goes up when the height reaches the next one and down when it reaches the one before. So a level that was just
taken is kept for five seconds however good things look, one stall alone changes nothing, and a higher load never leads
to a lower level.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

POLL_AFTER_MS, POLL_SPREAD_MS = 2000, 1000
"""How long a client should leave between two polls at level POLL: for `retry_after_ms`."""

_SLOWER_RATE = 10.0
_RISE_PER_S, _FAR_RISE_PER_S = 1.0, 4.0
_FAR = 4.0  # times the limit
_FALL_PER_S = 0.2
_LONGEST_S = 0.2  # that one sample stands for: less than a level's worth, so that no single stall changes the level
_ROUNDING = 1e-9


class Level(IntEnum):
    """How much is left out; each level leaves out what those before it do."""

    FULL = 0
    SLOWER = 1  # fewer frames for each client
    QUOTES_ONLY = 2  # no depth and no trades
    MOST_WATCHED = 3  # only the symbols that most watch; the rest on demand
    POLL = 4  # nothing but what is asked for


@dataclass(frozen=True, slots=True)
class Terms:
    """What a client gets at a level."""

    level: Level
    mode: str
    rate: float
    """Frames a second at most."""
    channels: tuple[str, ...]
    """Those that stream."""


class Ladder:
    """Turns measured load into a level. `lag_limit_s` is of the loop, `cpu_limit` a share of one core."""

    def __init__(self, lag_limit_s: float, cpu_limit: float) -> None:
        if lag_limit_s <= 0 or cpu_limit <= 0:
            raise ValueError(f"lag_limit_s {lag_limit_s} and cpu_limit {cpu_limit} must be above 0")
        self._lag_limit_s = lag_limit_s
        self._cpu_limit = cpu_limit
        self._height = 0.0  # never further than one level from the level
        self._observed_at_s: float | None = None
        self.level = Level.FULL

    def observe(self, now_s: float, lag_s: float, cpu: float) -> Level:
        """Take the worst lag and the CPU share since the last call, about ten times a second; return the level."""
        before_s = now_s if self._observed_at_s is None else self._observed_at_s
        self._observed_at_s = now_s
        passed_s = min(max(0.0, now_s - before_s), _LONGEST_S)
        load = lag_s / self._lag_limit_s * (2 if cpu >= self._cpu_limit else 1)
        self._height = self._moved(load, passed_s)
        if self._height >= self.level + 1 - _ROUNDING:
            self.level = Level(self.level + 1)
        elif self._height <= self.level - 1 + _ROUNDING:
            self.level = Level(self.level - 1)
        return self.level

    def _moved(self, load: float, passed_s: float) -> float:
        """Return the height after a load, 1 at the limit, of `passed_s`."""
        height, level = self._height, self.level
        if load >= 1:
            rise_per_s = _FAR_RISE_PER_S if load >= _FAR else _RISE_PER_S
            return min(float(Level.POLL), height + rise_per_s * passed_s)
        if height > level:  # what was on its way up, and is not any more
            return max(float(level), height - (_FALL_PER_S if load >= 0.5 else _RISE_PER_S) * passed_s)
        if load >= 0.5:
            return min(float(level), height + _FALL_PER_S * passed_s)
        return max(float(Level.FULL), height - _FALL_PER_S * passed_s)


def mode_of(level: Level, frames_per_s: float, channels: Sequence[str], kept: Sequence[str]) -> Terms:
    """Say what a client gets at a level, of all `channels` at `frames_per_s`; `kept` are those that go last."""
    rate = frames_per_s if level == Level.FULL else min(frames_per_s, _SLOWER_RATE)
    streamed = channels if level < Level.QUOTES_ONLY else [each for each in channels if each in kept]
    return Terms(level, level.name.lower(), rate, () if level == Level.POLL else tuple(streamed))
