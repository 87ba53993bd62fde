"""Rules: what a user waits for, and what a rule is waiting for at the moment."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Percent = TypeVar("Percent", float, npt.NDArray[np.float64])

HYSTERESIS = 0.001  # of a line: how far a price must come back from it before the line can be touched again
# A line that is a product of floats is drawn this much nearer: 10 % above 100 is 110, where 1.1 * 100 is a little more.
_NEARER = 1e-12


class _Coded(StrEnum):
    """Names with numbers, which columns hold."""

    @property
    def code(self) -> int:
        """Its place among the others."""
        return list(type(self)).index(self)


class Condition(_Coded):
    """What the last price has to do."""

    ABOVE = "ABOVE"
    BELOW = "BELOW"
    CHANGE_PCT = "CHANGE_PCT"


class Reference(_Coded):
    """What a move in per cent is measured from."""

    CREATED = "created"
    PREV_CLOSE = "prev_close"


class Repeat(_Coded):
    """How often a rule fires."""

    ONCE = "once"
    EVERY_CROSS = "every_cross"
    DAILY = "daily"


class State(_Coded):
    """Where a rule stands.

    WAITING: for the price to come back from a line; DORMANT: it has fired on `fired_day`, and is armed again by the
    first tick of a later day.
    """

    ARMED = "armed"
    WAITING = "waiting"
    DORMANT = "dormant"
    FIRED = "fired"
    PAUSED = "paused"
    EXPIRED = "expired"
    DELETED = "deleted"

    @property
    def is_live(self) -> bool:
        """Whether ticks can touch the rule."""
        return self in LIVE_STATES

    @property
    def is_active(self) -> bool:
        """Whether the rule counts towards a user's limit."""
        return self.is_live or self is State.PAUSED


LIVE_STATES = (State.ARMED, State.WAITING, State.DORMANT)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as the index holds it.

    `threshold` is a price, or per cent for CHANGE_PCT; `reference_price` that of a CREATED reference, 0 for none.
    `waiting_side` is +1 for a rule that waits to come back from its upper line, -1 from its lower one, else 0. It sees
    the ticks with a tape sequence above `since`. `fired_day` is the ordinal of the day on which a daily rule fired
    last, 0 for none.
    """

    number: int
    instrument: int
    condition: Condition
    threshold: float
    reference: Reference = Reference.CREATED
    reference_price: float = 0.0
    repeat: Repeat = Repeat.ONCE
    state: State = State.ARMED
    waiting_side: int = 0
    since: int = 0
    fired_day: int = 0

    @property
    def is_relative(self) -> bool:
        """Whether its lines move with the previous close."""
        return self.condition is Condition.CHANGE_PCT and self.reference is Reference.PREV_CLOSE

    def lines(self, prev_close: float | None) -> tuple[float, float]:
        """Give the prices at or above and at or below which it fires; infinite where there is no such line."""
        if self.condition is Condition.ABOVE:
            return self.threshold, -math.inf
        if self.condition is Condition.BELOW:
            return math.inf, self.threshold
        reference = prev_close if self.is_relative else self.reference_price
        if not reference:
            return math.inf, -math.inf
        up, down = factors(self.threshold)
        return up * reference, down * reference if down > 0 else -math.inf

    def touched_side(self, price: float, prev_close: float | None) -> int:
        """Tell which line a price touches, the upper one first: +1, -1, or 0 for none."""
        up, down = self.lines(prev_close)
        return 1 if price >= up else -1 if price <= down else 0


def factors(percent: Percent) -> tuple[Percent, Percent]:
    """Give what a reference is multiplied with for the lines so many per cent above and below it."""
    return (1 + percent / 100) * (1 - _NEARER), (1 - percent / 100) * (1 + _NEARER)
