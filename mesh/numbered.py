"""Commands at their places on a stream, as the worker that decides them takes them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID, uuid5

from market.answer import Answer
from mesh.actor.reader import Delivery
from mesh.commands import Asked, UnreadableError

_logger = logging.getLogger(__name__)

_NS_PER_S = 1e9

CommandKind = TypeVar("CommandKind", bound=Asked)


class Decided(NamedTuple):
    """A command and what it was answered with: a row of a table of commands."""

    id: UUID
    user: UUID | None
    sequence: int
    digest: bytes
    answer: Answer
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Numbered(Generic[CommandKind]):
    """A command and its place on the stream; `refusal` is what it gets without being decided."""

    sequence: int
    id: UUID
    user: UUID | None
    digest: bytes
    received_at: datetime
    reply: str
    command: CommandKind | None
    refusal: Answer | None = None

    def decided(self, answer: Answer) -> Decided:
        """Give the row that says how it was answered."""
        return Decided(self.id, self.user, self.sequence, self.digest, answer, self.received_at)


def read_numbered(delivery: Delivery, decode: Callable[[bytes], CommandKind], space: UUID) -> Numbered[CommandKind]:
    """Read one message; what cannot be read is refused, under an id of `space` and its place if it has none."""
    try:
        command = decode(delivery.payload)
    except UnreadableError as error:
        _logger.exception("command %d cannot be read", delivery.sequence)
        refusal = Answer(400, {"code": "unreadable_command", "detail": str(error)[:500]})
        if (asked := error.envelope) is not None:
            known = (asked.id, asked.user, asked.digest, asked.received_at, asked.reply)
            return Numbered(delivery.sequence, *known, None, refusal)
        received_at = datetime.fromtimestamp(delivery.time_ns / _NS_PER_S, UTC)
        digest = blake2b(delivery.payload, digest_size=32).digest()
        own_id = uuid5(space, str(delivery.sequence))
        return Numbered(delivery.sequence, own_id, None, digest, received_at, "", None, refusal)
    return Numbered(
        delivery.sequence, command.id, command.user, command.digest, command.received_at, command.reply, command
    )
