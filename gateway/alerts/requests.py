"""What requests about alerts hold, read into the commands of alerts. Pure."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.commanding.answers import refusing
from gateway.problems import Problem, invalid_field
from gateway.upstream import UnknownSymbolError
from market.alerts.commands import (
    MAX_CHANNELS,
    MAX_COOLDOWN_S,
    MAX_NOTE_CHARACTERS,
    Create,
    Edit,
    IfTrue,
    Never,
    Rearm,
)
from market.alerts.fields import check_cooldown, check_note, check_threshold
from market.alerts.rule import Condition, Reference, Repeat
from market.instrument import Instrument
from market.ledger.times import parse_time
from market.symbols import SymbolError

MAX_PREVIEW_DAYS = 30
MAX_SEEN = 1000
SHOWN_STATES = ("armed", "waiting", "fired", "paused", "expired")

Find = Callable[[str], Instrument]
"""Finds an instrument by its name; raises SymbolError and UnknownSymbolError."""

Choice = TypeVar("Choice", bound=StrEnum)


def _one_of(kind: type[StrEnum]) -> Meta:
    return Meta(description=f"One of {', '.join(kind)}.")


_Threshold = Annotated[float, Meta(description="A price; of `CHANGE_PCT` per cent.", examples=[230.0])]
_Channels = Annotated[list[str], Meta(description=f"Ids of verified channels, at most {MAX_CHANNELS}.")]
_Cooldown = Annotated[int, Meta(description=f"Seconds after it fired in which it does not, 0 to {MAX_COOLDOWN_S}.")]
_Expiry = Annotated[str | None, Meta(description="ISO 8601; it does not fire from then on.")]
_Note = Annotated[str, Meta(description=f"At most {MAX_NOTE_CHARACTERS} characters.")]
_IfTrue = Annotated[str, Meta(description="What to do if it is true by now: fire, refuse (409) or wait for a return.")]


class NewAlert(msgspec.Struct, forbid_unknown_fields=True):
    """An alert to make."""

    symbol: Annotated[str, Meta(examples=["AAPL"])]
    condition: Annotated[str, _one_of(Condition)]
    threshold: _Threshold
    notificationChannels: _Channels = []  # noqa: N815  # the API's name of it
    reference: Annotated[str, Meta(description="What `CHANGE_PCT` is measured from."), _one_of(Reference)] = (
        "prev_close"
    )
    repeat: Annotated[str, _one_of(Repeat)] = "once"
    cooldown: _Cooldown = 0
    expires_at: _Expiry = None
    note: _Note = ""
    if_true: _IfTrue = "refuse"


class AlertChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be otherwise of an alert; what is left out stays."""

    threshold: _Threshold | UnsetType = UNSET
    notificationChannels: _Channels | UnsetType = UNSET  # noqa: N815  # the API's name of it
    repeat: Annotated[str, _one_of(Repeat)] | UnsetType = UNSET
    cooldown: _Cooldown | UnsetType = UNSET
    expires_at: _Expiry | UnsetType = UNSET
    note: _Note | UnsetType = UNSET
    if_true: _IfTrue = "refuse"


class Rearming(msgspec.Struct, forbid_unknown_fields=True):
    """How an alert is to be armed again."""

    if_true: _IfTrue = "refuse"


class PreviewRequest(NewAlert, forbid_unknown_fields=True):
    """An alert that may be made, and how far to look back."""

    days: Annotated[int, Meta(description=f"1 to {MAX_PREVIEW_DAYS}.")] = 7


class SeenRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What the user has seen."""

    ids: Annotated[list[str], Meta(description="Ids of firings, at most 1000.")] = []
    all: Annotated[bool, Meta(description="All there are.")] = False


def creation(asked: NewAlert, find: Find) -> Create:
    """Read an alert that is to be made; raises Problem."""
    instrument = named(asked.symbol, find)
    condition = _choice(Condition, asked.condition, "condition")
    with refusing():
        check_threshold(condition, asked.threshold)
        check_cooldown(asked.cooldown)
        check_note(asked.note)
    return Create(
        str(instrument.key),
        int(instrument.number),
        condition,
        asked.threshold,
        _choice(Reference, asked.reference, "reference"),
        _choice(Repeat, asked.repeat, "repeat"),
        asked.cooldown,
        None if asked.expires_at is None else _time(asked.expires_at),
        asked.note,
        _channels(asked.notificationChannels),
        _choice(IfTrue, asked.if_true, "if_true"),
    )


def change(alert: UUID, asked: AlertChange) -> Edit:
    """Read what is to be otherwise of an alert, whose condition its keeper knows; raises Problem."""
    with refusing():
        if asked.threshold is not UNSET:
            check_threshold(Condition.ABOVE, asked.threshold)  # the wider bound
        if asked.cooldown is not UNSET:
            check_cooldown(asked.cooldown)
        if asked.note is not UNSET:
            check_note(asked.note)
    given = {
        "threshold": asked.threshold,
        "repeat": asked.repeat if asked.repeat is UNSET else _choice(Repeat, asked.repeat, "repeat"),
        "cooldown_s": asked.cooldown,
        "expires_at": asked.expires_at if asked.expires_at is UNSET else _expiry(asked.expires_at),
        "note": asked.note,
        "channels": UNSET if asked.notificationChannels is UNSET else _channels(asked.notificationChannels),
    }
    wanted: dict[str, Any] = {name: value for name, value in given.items() if value is not UNSET}
    if not wanted:
        raise invalid_field(
            "body", "at least one of threshold, repeat, cooldown, expires_at, note, notificationChannels"
        )
    return Edit(alert, **wanted, if_true=_choice(IfTrue, asked.if_true, "if_true"))


def rearming(alert: UUID, asked: Rearming) -> Rearm:
    """Read how an alert is to be armed again; raises Problem."""
    return Rearm(alert, _choice(IfTrue, asked.if_true, "if_true"))


def read_days(asked: PreviewRequest) -> int:
    """Read how many days a preview looks back; raises Problem."""
    if not 1 <= asked.days <= MAX_PREVIEW_DAYS:
        raise invalid_field("days", f"1 to {MAX_PREVIEW_DAYS}")
    return asked.days


def seen(asked: SeenRequest) -> tuple[UUID, ...] | None:
    """Read which firings were seen, None for all; raises Problem."""
    if asked.all == bool(asked.ids):
        raise invalid_field("ids", "ids of firings, or none and `all` true")
    return None if asked.all else read_ids(asked.ids, "ids", MAX_SEEN)


def named(symbol: str, find: Find) -> Instrument:
    """Find the instrument that a symbol names; raises Problem."""
    try:
        return find(symbol)
    except SymbolError as error:
        raise invalid_field("symbol", str(error)) from None
    except UnknownSymbolError as error:
        raise Problem(422, "unknown_symbol", str(error), field="symbol") from None


def read_state(text: str | None) -> str | None:
    """Read a state that alerts are shown in; raises Problem."""
    if text is not None and text not in SHOWN_STATES:
        raise invalid_field("state", f"one of {', '.join(SHOWN_STATES)}")
    return text


def read_ids(texts: Sequence[str], field: str, most: int) -> tuple[UUID, ...]:
    """Read ids, each once; raises Problem."""
    if len(texts) > most:
        raise invalid_field(field, f"at most {most}")
    try:
        return tuple(dict.fromkeys(map(UUID, texts)))
    except ValueError:
        raise invalid_field(field, "ids such as 6f9619ff-8b86-d011-b42d-00cf4fc964ff") from None


def unknown_alert() -> Problem:
    """Say that there is no such alert, in the same words whether it is another user's or nobody's."""
    return Problem(404, "unknown_alert", "there is no such alert")


def _choice(kind: type[Choice], text: str, field: str) -> Choice:
    try:
        return kind(text)
    except ValueError:
        raise invalid_field(field, f"one of {', '.join(kind)}") from None


def _expiry(text: str | None) -> datetime | Never:
    return Never.NEVER if text is None else _time(text)


def _time(text: str) -> datetime:
    with refusing():
        return parse_time(text, "expires_at")


def _channels(texts: Sequence[str]) -> tuple[UUID, ...]:
    return read_ids(texts, "notificationChannels", MAX_CHANNELS)
