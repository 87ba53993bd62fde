"""Commands to portfolios as they are on LEDGER."""

from dataclasses import fields
from datetime import datetime
from decimal import Decimal

from market.ledger.commands import Action, Command, Correct, Create, Delete, Fields, Import, Record, Rename
from market.ledger.decimals import parse
from market.refusal import Refused
from mesh.commands import seal, unseal

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


def encode_command(command: Command) -> bytes:
    """Give the bytes of a command; raises UnicodeEncodeError for a text that is none."""
    return seal(command, _NAMES[type(command.action)])


def decode_command(data: bytes) -> Command:
    """Read a command; raises UnreadableError for anything that `decide` or the tables could not bear."""
    read, action = unseal(data, _ACTIONS, _check)
    return Command(read.id, read.user, read.received_at, action, read.digest, read.reply)


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
                _check_number(value)


def _check_number(value: Decimal) -> None:
    try:
        parse(value, "a number")
    except Refused as error:
        raise ValueError(str(error)) from error
