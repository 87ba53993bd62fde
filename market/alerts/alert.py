"""An alert as its owner keeps it, and what it fired."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from market.alerts.rule import Condition, Reference, Repeat, Rule, State


class Outcome(StrEnum):
    """What became of a firing: told, kept back by the user's limit of an hour, or by the alert's own cooldown."""

    SENT = "sent"
    LIMIT = "limit"
    COOLDOWN = "cooldown"


@dataclass(frozen=True, slots=True)
class Alert:
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
        """Give it as it is after a touch; what is left out stays. A third of the time of `dataclasses.replace`."""
        return Alert(
            self.id,
            self.number,
            self.user,
            self.partition,
            self.instrument,
            self.symbol,
            self.condition,
            self.threshold,
            self.reference,
            self.reference_price,
            self.repeat,
            state,
            waiting_side,
            self.since,
            fired_day,
            self.cooldown_s,
            self.expires_at,
            self.note,
            self.channels,
            self.created_at,
            updated_at,
            self.last_fired_at if last_fired_at is None else last_fired_at,
            self.fired_count if fired_count is None else fired_count,
        )


@dataclass(frozen=True, slots=True)
class Firing:
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
