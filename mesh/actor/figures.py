"""What an actor did, in numbers."""

from dataclasses import dataclass


@dataclass(slots=True)
class ActorFigures:
    """What an actor did since it began."""

    messages: int = 0
    checkpoints: int = 0
    checkpoint_bytes: int = 0
    checkpoint_pause_ms: float = 0.0
    checkpoint_ms: float = 0.0
    tape_time_ns: int = 0
    redelivered: int = 0
    lost_to_retention: int = 0
    pending: int = 0
    position: int = 0
