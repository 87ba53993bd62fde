"""Messages of the streams NOTIFY and DEAD: which notification, and why it was given up. Pure."""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec

from mesh.notify.kinds import Kind


class MessageError(ValueError):
    """Bytes that are no message of this kind."""


class Order(msgspec.Struct, frozen=True):
    """NOTIFY: a notification is to be sent. What it says stands in its row, so that a message never is out of date."""

    id: UUID
    kind: Kind
    channel_id: UUID
    user: UUID


class Letter(msgspec.Struct, frozen=True):
    """DEAD: a notification was given up."""

    id: UUID
    kind: Kind
    reason: str
    attempts: int
    at: datetime


Message = TypeVar("Message", Order, Letter)


def encode(message: Order | Letter) -> bytes:
    """Give a message's bytes."""
    return msgspec.msgpack.encode(message)


def decode(payload: bytes, kind: type[Message]) -> Message:
    """Read a message; raises MessageError."""
    try:
        return msgspec.msgpack.decode(payload, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise MessageError(str(error)) from None
