"""Commands on streams and their answers as bytes: msgpack, strict both ways, so that a stream can be read for good.

A command is a msgpack array: its id, its user, when it was received, the name of the action, the action as a map by
field, the digest, the subject of the reply. Decimals are text, times msgpack's timestamps, ids text.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Protocol, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from market.answer import Answer

MISMATCH = Answer(
    422,
    {
        "code": "idempotency_mismatch",
        "detail": "another request was sent with this Idempotency-Key; a new request needs a new key",
    },
)
UNWRITABLE = Answer(500, {"code": "unwritable_command", "detail": "the tables cannot hold what this command comes to"})

Action = TypeVar("Action")


class UnreadableError(ValueError):
    """Bytes that are no command, or no answer; the message says what is wrong with them.

    `envelope` is there where all but the action can be read: whoever asked can be told.
    """

    def __init__(self, why: str, envelope: "Envelope | None" = None) -> None:
        super().__init__(why)
        self.envelope = envelope


class Envelope(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A command whose action is not read yet."""

    id: UUID
    user: UUID
    received_at: Annotated[datetime, Meta(tz=True)]
    name: str
    action: msgspec.Raw
    digest: Annotated[bytes, Meta(min_length=32, max_length=32)]
    reply: str


class Asked(Protocol):
    """A command of any kind; its parts are those of an `Envelope`."""

    @property
    def id(self) -> UUID:
        """See `Envelope`."""
        ...

    @property
    def user(self) -> UUID:
        """See `Envelope`."""
        ...

    @property
    def received_at(self) -> datetime:
        """See `Envelope`."""
        ...

    @property
    def action(self) -> object:
        """See `Envelope`."""
        ...

    @property
    def digest(self) -> bytes:
        """See `Envelope`."""
        ...

    @property
    def reply(self) -> str:
        """See `Envelope`."""
        ...


class _Answer(msgspec.Struct, frozen=True):
    status: int
    body: dict[str, object]


def seal(command: Asked, name: str) -> bytes:
    """Give the bytes of a command whose action has a name; raises UnicodeEncodeError for a text that is none."""
    action = msgspec.Raw(msgspec.msgpack.encode(command.action))
    return msgspec.msgpack.encode(
        Envelope(command.id, command.user, command.received_at, name, action, command.digest, command.reply)
    )


def unseal(
    data: bytes, actions: Mapping[str, type[Action]], check: Callable[[Action], None]
) -> tuple[Envelope, Action]:
    """Read a command and its action, one of `actions` by name; `check` raises ValueError for what none may hold.

    Raises UnreadableError for anything else.
    """
    read = None
    try:
        read = msgspec.msgpack.decode(data, type=Envelope)
        action = msgspec.msgpack.decode(read.action, type=actions[read.name])
        check(action)
    except (msgspec.DecodeError, KeyError, ValueError) as error:
        raise UnreadableError(f"{type(error).__name__}: {error}", read) from error
    return read, action


def encode_answer(answer: Answer) -> bytes:
    """Give the bytes of an answer."""
    return msgspec.msgpack.encode(_Answer(answer.status, answer.body))


def decode_answer(data: bytes) -> Answer:
    """Read an answer; raises UnreadableError."""
    try:
        read = msgspec.msgpack.decode(data, type=_Answer)
    except msgspec.DecodeError as error:
        raise UnreadableError(str(error)) from error
    return Answer(read.status, read.body)


def answer_of(found: Mapping[str, Any]) -> Answer:
    """Read the answer that a row of commands in a table holds, in `status` and, as JSON, `answer`."""
    return Answer(found["status"], msgspec.json.decode(found["answer"], type=dict[str, object]))
