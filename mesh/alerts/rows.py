"""Rows of the tables of alerts, as Postgres gives them."""

from typing import Any, TypeAlias

from market.alerts.alert import Alert, Firing, Outcome
from market.alerts.rule import Condition, Reference, Repeat, State

Found: TypeAlias = Any  # an asyncpg record, or a tuple of the same values
Row = tuple[object, ...]

# Looked up in a dict: 100,000 rows that one price touches pass here within a second.
_CONDITIONS = {each.value: each for each in Condition}
_REFERENCES = {each.value: each for each in Reference}
REPEATS = {each.value: each for each in Repeat}
STATES = {each.value: each for each in State}
_OUTCOMES = {each.value: each for each in Outcome}

ALERTS = {
    "id": "uuid",
    "number": "bigint",
    "user_id": "uuid",
    "partition": "smallint",
    "instrument": "bigint",
    "symbol": "text",
    "condition": "text",
    "threshold": "float8",
    "reference": "text",
    "reference_price": "float8",
    "repeat": "text",
    "state": "text",
    "waiting_side": "smallint",
    "since": "bigint",
    "fired_day": "integer",
    "cooldown_s": "integer",
    "expires_at": "timestamptz",
    "note": "text",
    "channels": "uuid[]",
    "created_at": "timestamptz",
    "updated_at": "timestamptz",
    "last_fired_at": "timestamptz",
    "fired_count": "integer",
}
"""The columns of `alerts` that an Alert has, in the order of its fields, with their types."""

FIRINGS = {
    "id": "uuid",
    "alert_id": "uuid",
    "user_id": "uuid",
    "symbol": "text",
    "condition": "text",
    "threshold": "float8",
    "price": "float8",
    "fired_at": "timestamptz",
    "side": "smallint",
    "tape_sequence": "bigint",
    '"row"': "integer",
    "outcome": "text",
    "note": "text",
    "recorded_at": "timestamptz",
    "seen_at": "timestamptz",
}
"""The columns of `alert_firings` that a Firing has, in the order of its fields."""

ALERT_COLUMNS, FIRING_COLUMNS = ", ".join(ALERTS), ", ".join(FIRINGS)


def alert_of(found: Found) -> Alert:
    """Read a row of ALERT_COLUMNS."""
    values: list[Any] = list(found)
    values[6] = _CONDITIONS[values[6]]
    values[8] = _REFERENCES[values[8]]
    values[10] = REPEATS[values[10]]
    values[11] = STATES[values[11]]
    values[18] = tuple(values[18])
    return Alert._make(values)


def firing_of(found: Found) -> Firing:
    """Read a row of FIRING_COLUMNS."""
    values: list[Any] = list(found)
    values[4] = _CONDITIONS[values[4]]
    values[11] = _OUTCOMES[values[11]]
    return Firing._make(values)


def alert_row(each: Alert) -> Row:
    """Give the values of ALERTS; the channels as the text of an array."""
    return (
        *(each.id, each.number, each.user, each.partition, each.instrument, each.symbol, each.condition),
        *(each.threshold, each.reference, each.reference_price, each.repeat, each.state, each.waiting_side),
        *(each.since, each.fired_day, each.cooldown_s, each.expires_at, each.note),
        "{" + ",".join(map(str, each.channels)) + "}",
        *(each.created_at, each.updated_at, each.last_fired_at, each.fired_count),
    )


def firing_row(each: Firing) -> Row:
    """Give the values of FIRINGS."""
    return (
        *(each.id, each.alert_id, each.user, each.symbol, each.condition, each.threshold, each.price),
        *(each.fired_at, each.side, each.tape_sequence, each.row, each.outcome, each.note),
        *(each.recorded_at, each.seen_at),
    )
