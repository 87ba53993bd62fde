"""Commands to alerts as they are on ALERTS."""

import math
from dataclasses import fields
from datetime import datetime

from market.alerts.commands import Action, Command, Create, Delete, Edit, Pause, Rearm, Resume
from market.alerts.instruments import MAX_INSTRUMENT
from mesh.commands import seal, unseal

_ACTIONS: dict[str, type[Action]] = {
    "create": Create,
    "edit": Edit,
    "pause": Pause,
    "resume": Resume,
    "rearm": Rearm,
    "delete": Delete,
}
_NAMES = {kind: name for name, kind in _ACTIONS.items()}
_MAX_TEXT = 4096
_MAX_CHANNELS = 1000
_MAX_INT = 2**31  # what the tables hold in an integer


def encode_command(command: Command) -> bytes:
    """Give the bytes of a command; raises UnicodeEncodeError for a text that is none."""
    return seal(command, _NAMES[type(command.action)])


def decode_command(data: bytes) -> Command:
    """Read a command; raises UnreadableError for anything that `decide` or the tables could not bear."""
    read, action = unseal(data, _ACTIONS, _check)
    return Command(read.id, read.user, read.received_at, action, read.digest, read.reply)


def _check(action: Action) -> None:
    """Refuse what is of the right type and still nothing that an alert can hold."""
    if isinstance(action, Create) and action.instrument > MAX_INSTRUMENT:
        raise ValueError(f"no directory gives the number {action.instrument}")
    for each in fields(action):
        match getattr(action, each.name):
            case str() as text if "\0" in text or len(text) > _MAX_TEXT:
                raise ValueError(f"{each.name}: a text with NUL or with {len(text)} characters")
            case datetime() as time if time.tzinfo is None:
                raise ValueError(f"{each.name}: a time without a zone")
            case float() as number if not math.isfinite(number):
                raise ValueError(f"{each.name}: {number} is no number")
            case int() as number if not 0 <= number < _MAX_INT:
                raise ValueError(f"{each.name}: {number} is out of bounds")
            case tuple() as ids if len(ids) > _MAX_CHANNELS:
                raise ValueError(f"{each.name}: {len(ids)} of them")
