"""An alert as its owner keeps it, and what it fired.

They are named tuples, as one price may touch 100,000 alerts: a frozen dataclass takes five times as long to make.
"""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from market.alerts.rule import Condition, Reference, Repeat, Rule, State


class Outcome(StrEnum):
    """What became of a firing: told, kept back by the user's limit of an hour, or by the alert's own cooldown."""

    SENT = "sent"
    LIMIT = "limit"
    COOLDOWN = "cooldown"


class Alert(NamedTuple):
    """A user's rule with all that is kept of it; see `Rule` for the fields that it shares with it.

    `symbol` is `VENUE:SYMBOL`, `partition` that of the instrument on the tape. `last_fired_at` is the time of the tick.
    """

    id: UUID
    number: int
    user: UUID
    partition: int
    instrument: int
    symbol: str
    condition: Condition
    threshold: float
    reference: Reference
    reference_price: float
    repeat: Repeat
    state: State
    waiting_side: int
    since: int
    fired_day: int
    cooldown_s: int
    expires_at: datetime | None
    note: str
    channels: tuple[UUID, ...]
    created_at: datetime
    updated_at: datetime
    last_fired_at: datetime | None = None
    fired_count: int = 0

    @property
    def rule(self) -> Rule:
        """What the index has to know of it."""
        return Rule(
            self.number,
            self.instrument,
            self.condition,
            self.threshold,
            self.reference,
            self.reference_price,
            self.repeat,
            self.state,
            self.waiting_side,
            self.since,
            self.fired_day,
        )

    def moved(
        self,
        state: State,
        waiting_side: int,
        fired_day: int,
        updated_at: datetime,
        last_fired_at: datetime | None = None,
        fired_count: int | None = None,
    ) -> "Alert":
        """Give it as it is after a touch; what is left out stays. Half of the time of `_replace`."""
        last = self.last_fired_at if last_fired_at is None else last_fired_at
        count = self.fired_count if fired_count is None else fired_count
        moved = state, waiting_side, self.since, fired_day
        return Alert._make((*self[:_STATE], *moved, *self[_COOLDOWN:_UPDATED_AT], updated_at, last, count))


_STATE, _COOLDOWN, _UPDATED_AT = map(Alert._fields.index, ("state", "cooldown_s", "updated_at"))


class Firing(NamedTuple):
    """One firing of an alert.

    `tape_sequence` and `row` say which tick it was; `row` is -1 where a command made it fire, which saw the ticks up to
    `tape_sequence`. `side` is +1 for an upper line, -1 for a lower one.
    """

    id: UUID
    alert_id: UUID
    user: UUID
    symbol: str
    condition: Condition
    threshold: float
    price: float
    fired_at: datetime
    side: int
    tape_sequence: int
    row: int
    outcome: Outcome
    note: str
    recorded_at: datetime
    seen_at: datetime | None = None
