"""Rows of the tape that touch nothing, as nearly all do: seen in one pass of compiled code over their bytes.

Whatever it is not sure of it leaves to the index: a row that is not as it should be, an instrument that was not met, a
time that may be of another trading day, a price that may touch something.
"""

from typing import NamedTuple

import numpy as np

from market.alerts.columns import F8, I4, I8, U1
from market.alerts.instruments import MAX_INSTRUMENT
from market.codes import NOT_PRICE_FORMING, Kind
from market.compiled import compiled, inlined
from market.rows import EVENT_BYTES, EVENT_TYPES, TRADE

QUIET, LOUD, UNSURE = range(3)

_TRADE = int(Kind.TRADE)
_NOT_FORMING = int(NOT_PRICE_FORMING)
_KIND, _INSTRUMENT, _SEQUENCE = (TRADE.offsets[name] for name in ("kind", "instrument", "sequence"))
_TIME, _PRICE, _CONDITIONS = (TRADE.offsets[name] for name in ("ts_event", "price", "conditions"))

# By kind: which bits are the same in all of its rows, and what they are; of a kind that is no event's, never so.
_MASK, _FIXED = np.zeros((256, EVENT_BYTES), np.uint8), np.ones((256, EVENT_BYTES), np.uint8)
for _kind, _type in EVENT_TYPES.items():
    _MASK[_kind, _type.fixed] = 0xFF
    _FIXED[_kind] = np.frombuffer(_type.template, np.uint8) & _MASK[_kind]


class Standing(NamedTuple):
    """What rows are held against, by place; `place_of` is by instrument's number, its last element for all beyond."""

    place_of: I4
    sequence: I8
    sure_from: I8
    sure_until: I8
    above: F8
    below: F8
    last: F8


def pass_by(data: bytes, standing: Standing) -> int:
    """Take in whole rows, where none of them can touch anything: QUIET; else change nothing, and say LOUD.

    UNSURE: an instrument's time may be of another day than is known of it, or nothing is known of it.
    """
    rows = np.frombuffer(data, np.uint8)
    found = _look_at(rows, standing)
    if found == QUIET:
        _take_in(rows, standing)
    return found


@compiled
def _look_at(rows: U1, standing: Standing) -> int:
    for at in range(0, len(rows), EVENT_BYTES):
        kind = rows[at + _KIND]
        for byte in range(EVENT_BYTES):
            if rows[at + byte] & _MASK[kind, byte] != _FIXED[kind, byte]:
                return LOUD
        number = _integer(rows, at + _INSTRUMENT, 4)
        if number > MAX_INSTRUMENT:
            continue
        place = standing.place_of[min(number, len(standing.place_of) - 1)]
        if place < 0:
            return UNSURE
        price = _tick(rows, at)
        if price == 0:
            continue
        time_ns = _integer(rows, at + _TIME, 8)
        if time_ns < standing.sure_from[place] or time_ns >= standing.sure_until[place]:
            return UNSURE
        if price >= standing.above[place] or price <= standing.below[place]:
            return LOUD
    return QUIET


@compiled
def _take_in(rows: U1, standing: Standing) -> None:
    for at in range(0, len(rows), EVENT_BYTES):
        number = _integer(rows, at + _INSTRUMENT, 4)
        if number > MAX_INSTRUMENT:
            continue
        place, sequence = standing.place_of[number], _integer(rows, at + _SEQUENCE, 8)
        if sequence <= standing.sequence[place]:
            continue
        standing.sequence[place] = sequence
        price = _tick(rows, at)
        if price > 0:
            standing.last[place] = price


@inlined
def _tick(rows: U1, at: int) -> float:
    """Read the price of a trade that forms the last one; 0 of anything else."""
    price = _float(rows, at + _PRICE)
    is_tick = rows[at + _KIND] == _TRADE and 0 < price < np.inf
    return price if is_tick and not _integer(rows, at + _CONDITIONS, 8) & _NOT_FORMING else 0.0


@inlined
def _integer(rows: U1, at: int, width: int) -> int:
    value = 0
    for byte in range(width):
        value = value << 8 | int(rows[at + byte])
    return value


@inlined
def _float(rows: U1, at: int) -> float:
    bits = np.uint64(_integer(rows, at, 8))
    return bits.view(np.float64)
