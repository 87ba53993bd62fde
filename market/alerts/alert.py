"""An alert as its owner keeps it, and what it fired."""

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


class Standing(NamedTuple):
    """Where an alert stands: what a touch changes of it; see `Alert`."""

    state: State
    waiting_side: int
    fired_day: int
    last_fired_at: datetime | None
    fired_count: int


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

    @property
    def standing(self) -> Standing:
        """What a touch changes of it."""
        return Standing(self.state, self.waiting_side, self.fired_day, self.last_fired_at, self.fired_count)


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
