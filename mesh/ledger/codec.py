"""Commands and answers as bytes: msgpack, strict both ways, so that what is on LEDGER can be read for good.

A command is a msgpack array: its id, its user, when it was received, the name of the action, the action as a map by
field, the digest, the subject of the reply. Decimals are text, times msgpack's timestamps, ids text.
"""

from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from market.ledger.commands import Action, Command, Correct, Create, Delete, Fields, Import, Record, Rename
from market.ledger.decide import Answer
from market.ledger.decimals import parse
from market.ledger.refusal import Refused

_ACTIONS: dict[str, type[Action]] = {
    "create": Create,
    "rename": Rename,
    "delete": Delete,
    "record": Record,
    "correct": Correct,
    "import": Import,
}
_NAMES = {kind: name for name, kind in _ACTIONS.items()}
_MAX_TEXT = 4096


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


class _Answer(msgspec.Struct, frozen=True):
    status: int
    body: dict[str, object]


def encode_command(command: Command) -> bytes:
    """Give the bytes of a command; raises UnicodeEncodeError for a text that is none."""
    action = msgspec.Raw(msgspec.msgpack.encode(command.action))
    return msgspec.msgpack.encode(
        Envelope(
            command.id,
            command.user,
            command.received_at,
            _NAMES[type(command.action)],
            action,
            command.digest,
            command.reply,
        )
    )


def decode_command(data: bytes) -> Command:
    """Read a command; raises UnreadableError for anything that `decide` or the tables could not bear."""
    read = None
    try:
        read = msgspec.msgpack.decode(data, type=Envelope)
        action = msgspec.msgpack.decode(read.action, type=_ACTIONS[read.name])
        _check(action)
    except (msgspec.DecodeError, KeyError, ValueError, Refused) as error:
        raise UnreadableError(f"{type(error).__name__}: {error}", read) from error
    return Command(read.id, read.user, read.received_at, action, read.digest, read.reply)


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


def _check(action: Action) -> None:
    """Refuse what is of the right type and still nothing that the ledger can hold."""
    match action:
        case Create() | Rename():
            _check_values(action.name, getattr(action, "currency", ""))
        case Record() | Correct() if action.fields is not None:
            _check_fields(action.fields)
        case Import():
            for row in action.rows:
                _check_fields(row.fields)


def _check_fields(given: Fields) -> None:
    _check_values(*(getattr(given, each.name) for each in fields(given)))


def _check_values(*values: object) -> None:
    for value in values:
        match value:
            case str() if "\0" in value or len(value) > _MAX_TEXT:
                raise ValueError(f"a text with NUL or with {len(value)} characters")
            case datetime() if value.tzinfo is None:
                raise ValueError("a time without a zone")
            case Decimal():
                parse(value, "a number")
