"""Rules out of Postgres in bulk: COPY in binary, whose rows have one width here, read by numpy in place.

A row is its count of fields i16 and for each field its length i32 and value, big-endian: as in
mesh/candles/copy_format.py.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from market.alerts.columns import RuleColumns
from market.alerts.rule import LIVE_STATES, Condition, Reference, Repeat, State
from mesh.pool import Connection

_HEAD_BYTES = 19
_TAIL = b"\xff\xff"
_PART_BYTES = 8 << 20


def _code(column: str, kind: type[StrEnum]) -> str:
    whens = " ".join(f"WHEN '{each.value}' THEN {place}" for place, each in enumerate(kind))
    return f'(CASE {column} {whens} END)::"char"'


# A rule has seen what is recorded of it, though the progress of its partition may be behind.
_COLUMNS = {
    "number": ("number", ">i8"),
    "instrument": ("instrument", ">i8"),
    "condition": (_code("condition", Condition), ">u1"),
    "threshold": ("threshold", ">f8"),
    "reference": (_code("reference", Reference), ">u1"),
    "reference_price": ("reference_price", ">f8"),
    "repeat": (_code("repeat", Repeat), ">u1"),
    "state": (_code("state", State), ">u1"),
    "waiting_side": ("waiting_side", ">i2"),
    "since": ("greatest(since, seen)", ">i8"),
    "fired_day": ("fired_day", ">i4"),
}
_TYPES = {
    "number": np.int64,
    "instrument": np.uint32,
    "condition": np.uint8,
    "threshold": np.float64,
    "reference": np.uint8,
    "reference_price": np.float64,
    "repeat": np.uint8,
    "state": np.uint8,
    "waiting_side": np.int8,
    "since": np.int64,
    "fired_day": np.int32,
}
_LAID_OUT = [field for name, (_, kind) in _COLUMNS.items() for field in ((f"{name}_bytes", ">i4"), (name, kind))]
_ROW = np.dtype([("fields", ">i2"), *_LAID_OUT])
_SELECT = ", ".join(expression for expression, _ in _COLUMNS.values())
_LIVE = ", ".join(f"'{each.value}'" for each in LIVE_STATES)


async def live_rules(connection: Connection, partition: int) -> RuleColumns:
    """Read all rules of a partition that ticks can touch."""
    return await _copied(connection, f"partition = {partition:d} AND state IN ({_LIVE})")


async def changed_rules(connection: Connection, partition: int, after: int, until: int) -> RuleColumns | None:
    """Read the rules of a partition that changed after a revision, in whatever state they are now.

    `until` is the partition's present revision. None: it is not kept any more what changed since.
    """
    changes = f"FROM alert_changes WHERE partition = {partition:d} AND revision > {after:d} AND revision <= {until:d}"
    rules = await _copied(connection, f"number = ANY(ARRAY(SELECT unnest(numbers) {changes}))")
    is_whole = await connection.fetchval(f"SELECT count(*) = {until - after:d} {changes}")
    return rules if is_whole else None


async def _copied(connection: Connection, condition: str) -> RuleColumns:
    reading = _Reading()
    query = f"SELECT {_SELECT} FROM alerts WHERE {condition}"  # noqa: S608  # numbers
    await connection.copy_from_query(query, output=reading.take, format="binary")
    return reading.columns()


class _Reading:
    """Takes the bytes of a COPY as they come, and turns whole rows into columns, some megabytes at a time."""

    def __init__(self) -> None:
        self._parts: list[RuleColumns] = []
        self._waiting = bytearray()
        self._is_begun = False

    async def take(self, data: bytes) -> None:
        self._waiting += data
        if len(self._waiting) >= _PART_BYTES:
            self._read()

    def columns(self) -> RuleColumns:
        self._read()
        if self._waiting != _TAIL:
            raise ValueError(f"a COPY that ends with {bytes(self._waiting[:20])!r}")
        return RuleColumns.concat(self._parts) if len(self._parts) > 1 else self._parts[0]

    def _read(self) -> None:
        start = 0 if self._is_begun else _HEAD_BYTES
        self._is_begun = True
        count = (len(self._waiting) - start) // _ROW.itemsize
        rows = np.frombuffer(self._waiting, _ROW, count, start)
        self._parts.append(_columns_of(rows))
        del rows
        del self._waiting[: start + count * _ROW.itemsize]


def _columns_of(rows: NDArray[np.void]) -> RuleColumns:
    return RuleColumns(**{name: rows[name].astype(kind) for name, kind in _TYPES.items()})
