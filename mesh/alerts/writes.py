"""What an owner of a partition writes into the tables of alerts: one statement for each transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import msgspec

from market.alerts.alert import Alert, Firing, Outcome, Standing
from market.alerts.firings import Firings, TouchedRules
from market.alerts.rule import State
from mesh.actor.outbox import FencedError
from mesh.alerts.rows import ALERT_COLUMNS, ALERTS, FIRING_COLUMNS, FIRINGS, Row, alert_row, firing_row
from mesh.numbered import Decided
from mesh.pool import Connection

_COMMANDS = {
    "id": "uuid",
    "user_id": "uuid",
    "sequence": "bigint",
    "digest": "bytea",
    "status": "smallint",
    "answer": "json",
    "recorded_at": "timestamptz",
}
_NOTICES = {
    "id": "uuid",
    "user_id": "uuid",
    "firing_id": "uuid",
    "channel_id": "uuid",
    "kind": "text",
    "body": "jsonb",
}
_WRITE_REACHED = "UPDATE alert_progress SET tape_sequence = $3 WHERE partition = $1 AND fence = $2"
_FIXED = ("id", "number", "user_id", "partition", "instrument", "symbol", "condition", "created_at")
# What a tick brings about may be 100,000 rows that differ in little but their ids: what they share is sent once, and
# each row has its place there. States and outcomes are numbers: only in an array of one width is a place found at once.
_MOVED = {"number": "bigint", "move": "integer"}
_MOVES = {
    "state": "smallint",
    **{name: ALERTS[name] for name in ("waiting_side", "fired_day", "last_fired_at", "fired_count")},
}
_TICKED = {"id": "uuid", "number": "bigint", "tick": "integer"}
_TICKS = {
    **{name: FIRINGS[name] for name in ("price", "fired_at", "side", "tape_sequence", '"row"')},
    "outcome": "smallint",
}
_CODED: Mapping[str, type[StrEnum]] = {"state": State, "outcome": Outcome}
# Places of the first array in each statement, behind its mark and, of what ticks touched, the time.
_FIRST_DECIDED, _FIRST_TOUCHED = 6, 7
_CODES = {each: place for kind in _CODED.values() for place, each in enumerate(kind, 1)}


class Notice(NamedTuple):
    """A notification of a firing: what goes through one channel. `body` is JSON."""

    id: UUID
    user: UUID
    firing_id: UUID
    channel_id: UUID
    kind: str
    body: str


@dataclass(slots=True)
class Changes:
    """What a transaction writes: alerts by id as they are now, what they fired, whom to tell, and answers."""

    alerts: dict[UUID, Alert] = field(default_factory=dict)
    firings: list[Firing] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)


class Mark(NamedTuple):
    """Where a transaction brings a partition: to `revision`, which is the one after its last.

    `seen`: what ticks brought about up to there is in the tables, of the alerts that it writes. `reached`: the same of
    all alerts, or, of commands, the last one that is decided.
    """

    partition: int
    fence: int
    revision: int
    seen: int
    reached: int


async def write_touched(
    connection: Connection,
    mark: Mark,
    rules: TouchedRules,
    after: Sequence[Standing],
    firings: Firings,
    notices: Sequence[Notice],
) -> None:
    """Write what ticks brought about: where rules stand after it, and what they fired; raises FencedError."""
    moves: dict[Standing, int] = {}
    await _write(
        connection,
        _WRITE_TOUCHED,
        mark,
        firings.now,
        rules.number,
        [moves.setdefault(each, len(moves)) for each in after],
        *_columns(_MOVES, [(_CODES[state], *others) for state, *others in moves]),
        firings.id,
        [rules.number[each] for each in firings.rule],
        firings.tick,
        *_columns(_TICKS, [(*others, _CODES[outcome]) for *others, outcome in firings.ticks]),
        *_columns(_NOTICES, notices),
    )


async def write_decided(connection: Connection, mark: Mark, changes: Changes) -> None:
    """Write what commands brought about; raises FencedError."""
    await _write(
        connection,
        _WRITE_DECIDED,
        mark,
        *_columns(ALERTS, [alert_row(each) for each in changes.alerts.values()]),
        *_columns(_COMMANDS, [_command_row(each) for each in changes.decided]),
        *_columns(FIRINGS, [firing_row(each) for each in changes.firings]),
        *_columns(_NOTICES, changes.notices),
    )


async def write_reached(connection: Connection, partition: int, fence: int, reached: int) -> None:
    """Write that ticks up to a sequence brought nothing more about; raises FencedError."""
    if await connection.execute(_WRITE_REACHED, partition, fence, reached) != "UPDATE 1":
        raise FencedError(partition)


async def _write(connection: Connection, statement: str, mark: Mark, *values: object) -> None:
    status = await connection.execute(statement, *mark, *values)
    if status != "UPDATE 1":
        raise FencedError(mark.partition)


def _command_row(each: Decided) -> Row:
    answer = msgspec.json.encode(each.answer.body).decode()
    return each.id, each.user, each.sequence, each.digest, each.answer.status, answer, each.recorded_at


def _columns(shape: Mapping[str, str], rows: Collection[Row]) -> list[tuple[object, ...]]:
    return list(zip(*rows, strict=True)) or [()] * len(shape)


def _unnest(shape: Mapping[str, str], first: int) -> str:
    return f"unnest({', '.join(f'${first + place}::{kind}[]' for place, kind in enumerate(shape.values()))})"


def _note_changes(numbers: int, firings: int) -> str:
    return f"INSERT INTO alert_changes SELECT $1::smallint, $3::bigint, ${numbers}::bigint[], ${firings}::uuid[]"


def _insert_notices(first: int) -> str:
    return f"""
        INSERT INTO notifications ({", ".join(_NOTICES)}, created_at) SELECT *, now() FROM {_unnest(_NOTICES, first)}
    """  # noqa: S608  # no value is in it


def _at(shape: Mapping[str, str], first: int, place: str) -> dict[str, str]:
    """Say by column how to read it at a place of arrays, counted from 0, the first of which is `$first`."""
    read = {name: f"(${first + at}::{kind}[])[{place} + 1]" for at, (name, kind) in enumerate(shape.items())}
    coded = {name: [f"'{each.value}'" for each in _CODED[name]] for name in shape if name in _CODED}
    return read | {name: f"(ARRAY[{', '.join(values)}])[{read[name]}]" for name, values in coded.items()}


def _write_touched() -> str:
    moves = _FIRST_TOUCHED + len(_MOVED)
    fired = moves + len(_MOVES)
    ticks = fired + len(_TICKED)
    changed = ", ".join(f"{name} = {value}" for name, value in _at(_MOVES, moves, "c.move").items())
    given = {"id": "f.id", "alert_id": "a.id", "recorded_at": "$6::timestamptz"} | _at(_TICKS, ticks, "f.tick")
    columns = [name for name in FIRINGS if name != "seen_at"]
    return f"""
        WITH changed AS (
            UPDATE alerts a SET {changed}, updated_at = $6, seen = $4::bigint
            FROM {_unnest(_MOVED, _FIRST_TOUCHED)} AS c ({", ".join(_MOVED)}) WHERE a.number = c.number
        ),
        noted AS ({_note_changes(_FIRST_TOUCHED, fired)}),
        fired AS (
            INSERT INTO alert_firings ({", ".join(columns)}, partition, revision)
            SELECT {", ".join(given.get(name, f"a.{name}") for name in columns)}, $1::smallint, $3::bigint
            FROM {_unnest(_TICKED, fired)} AS f ({", ".join(_TICKED)}) JOIN alerts a ON a.number = f.number
        ),
        noticed AS ({_insert_notices(ticks + len(_TICKS))})
        UPDATE alert_progress SET revision = $3, tape_sequence = $5::bigint
        WHERE partition = $1 AND fence = $2::bigint AND revision = $3 - 1
    """  # noqa: S608  # no value is in it


def _write_decided() -> str:
    # An array of arrays would lose its rows: channels come as text.
    shape = {name: "text" if name == "channels" else kind for name, kind in ALERTS.items()}
    read = ", ".join(f"{name}::uuid[]" if name == "channels" else name for name in ALERTS)
    changed = ", ".join(f"{name} = excluded.{name}" for name in ALERTS if name not in _FIXED)
    active = ", ".join(f"'{each.value}'" for each in State if each.is_active)
    commands = _FIRST_DECIDED + len(ALERTS)
    firings = commands + len(_COMMANDS)
    return f"""
        WITH kept AS (
            INSERT INTO alerts ({ALERT_COLUMNS}, counted)
            SELECT {read}, state IN ({active}) FROM {_unnest(shape, _FIRST_DECIDED)} AS given ({ALERT_COLUMNS})
            ON CONFLICT (id) DO UPDATE SET {changed}, counted = excluded.counted
        ),
        noted AS ({_note_changes(_FIRST_DECIDED + list(ALERTS).index("number"), firings)}),
        decided AS (
            INSERT INTO alert_commands ({", ".join(_COMMANDS)}, partition, tape_sequence)
            SELECT *, $1::smallint, $4::bigint FROM {_unnest(_COMMANDS, commands)}
        ),
        fired AS (
            INSERT INTO alert_firings ({FIRING_COLUMNS}, partition, revision)
            SELECT *, $1::smallint, $3::bigint FROM {_unnest(FIRINGS, firings)}
        ),
        noticed AS ({_insert_notices(firings + len(FIRINGS))})
        UPDATE alert_progress SET revision = $3, tape_sequence = $4, command_sequence = $5::bigint
        WHERE partition = $1 AND fence = $2::bigint AND revision = $3 - 1
    """  # noqa: S608  # no value is in it


_WRITE_TOUCHED, _WRITE_DECIDED = _write_touched(), _write_decided()
