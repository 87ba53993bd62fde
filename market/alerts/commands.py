"""Commands: what a user asks of alerts, as it is kept on ALERTS for good."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from uuid import UUID

from market.alerts.rule import Condition, Reference, Repeat

MAX_ALERTS = 1_000  # of a user that are active, unless a setting says otherwise
MAX_THRESHOLD = 1e8
MAX_PERCENT = 1_000.0
MAX_COOLDOWN_S = 604_800
MAX_YEARS = 5
MAX_NOTE_CHARACTERS = 500
MAX_CHANNELS = 10


class IfTrue(StrEnum):
    """What becomes of a rule that is true when it is armed: it fires, is refused, or waits for the price to go back."""

    FIRE = "fire"
    REFUSE = "refuse"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Create:
    """Make a rule for an instrument, `symbol` being its `VENUE:SYMBOL`, as the gateway found both in the directory."""

    symbol: str
    instrument: int
    condition: Condition
    threshold: float
    reference: Reference = Reference.PREV_CLOSE
    repeat: Repeat = Repeat.ONCE
    cooldown_s: int = 0
    expires_at: datetime | None = None
    note: str = ""
    channels: tuple[UUID, ...] = ()
    if_true: IfTrue = IfTrue.REFUSE


class Never(IntEnum):
    """What an edit says instead of a time to take the expiry away; a number, which no reader takes for a time."""

    NEVER = 0


@dataclass(frozen=True, slots=True)
class Edit:
    """Change some of a rule's fields, those that are not None; another threshold arms it anew."""

    alert: UUID
    threshold: float | None = None
    repeat: Repeat | None = None
    cooldown_s: int | None = None
    expires_at: datetime | Never | None = None
    note: str | None = None
    channels: tuple[UUID, ...] | None = None
    if_true: IfTrue = IfTrue.REFUSE


@dataclass(frozen=True, slots=True)
class Pause:
    """Let a rule see no ticks until it is resumed."""

    alert: UUID


@dataclass(frozen=True, slots=True)
class Resume:
    """Arm a paused rule; one that is true waits for the price to come back."""

    alert: UUID


@dataclass(frozen=True, slots=True)
class Rearm:
    """Arm a rule anew, also one that has fired."""

    alert: UUID
    if_true: IfTrue = IfTrue.REFUSE


@dataclass(frozen=True, slots=True)
class Delete:
    """Forget a rule; what it fired stays."""

    alert: UUID


Action = Create | Edit | Pause | Resume | Rearm | Delete


@dataclass(frozen=True, slots=True)
class Command:
    """An action with who asked for it, when, and under which key.

    `digest` is blake2b of the request as it was sent, 32 bytes: another one under the same id is refused. `reply` is
    the NATS subject that waits for the answer, "" where nobody does.
    """

    id: UUID
    user: UUID
    received_at: datetime
    action: Action
    digest: bytes = field(default=bytes(32), repr=False)
    reply: str = ""
