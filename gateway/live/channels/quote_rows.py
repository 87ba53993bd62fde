"""Quotes: what changed in STATE rows, and entries of them in both encodings. Compiled: it is done for every change.

Entries are the values of `messages.QuoteUpdate`, field by field. A very large or small number in JSON, and
a time before 1970, is left to msgspec.
"""

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.live.decimals import put_decimal
from gateway.live.topics import Masks
from gateway.live.wire import Wire
from market import rows
from market.compiled import compiled
from market.row_type import F64
from mesh.raw import Bytes, put, put_big_endian, put_byte, put_digits, read_big_endian

Lengths = npt.NDArray[np.int64]

UNKNOWN, UNUSUAL = -1, -2
"""Why entries were not encoded: no state or no name is there, or a number is very large, very small or less than 0."""
_LONGEST_VALUE_BYTES = 32
_FIGURES = len(rows.STATE_FIGURES)
_FLAGS_BIT = 1 << _FIGURES
_FIRST_FIGURE_AT, _FIGURE_BYTES = rows.STATE.offsets[rows.STATE_FIGURES[0]], F64.width_bytes
_FLAGS_AT = rows.STATE.offsets["flags"]
_SEQUENCE_AT, _EVENT_AT, _RECEIVED_AT = (rows.STATE.offsets[name] for name in ("sequence", "ts_event", "ts_recv"))
_US_NS = 1000
_NIL, _FIXMAP, _MAP_16 = 0xC0, 0x80, 0xDE  # https://github.com/msgpack/msgpack/blob/master/spec.md
_CLOSE = ord("}")


class Names(NamedTuple):
    """What stands before each value in one encoding: `s` with its instrument's symbol, and the keys."""

    symbol: Bytes
    symbol_start: Lengths
    """By instrument number."""
    symbol_length: Lengths
    """By instrument number; 0 where the symbol is not known yet."""
    key: Bytes
    key_start: Lengths
    """Of `q`, `t`, `r`, and of the fields in the order of a mask's bits; and where the last ends."""
    longest_bytes: int
    """The most that an entry takes."""

    def knows(self, number: int) -> bool:
        """Whether the instrument's symbol is there."""
        return number < len(self.symbol_length) and bool(self.symbol_length[number])


def names_of(wire: Wire, keys: list[str]) -> Names:
    """Give the names of an encoding, of no instrument yet; `keys` are those of the mask's bits."""
    named = [key(wire, name) for name in ("q", "t", "r", *keys)]
    starts = np.cumsum([0, *map(len, named)]).astype(np.int64)
    none = np.zeros(0, np.int64)
    return Names(np.zeros(0, np.uint8), none, none, np.frombuffer(b"".join(named), np.uint8).copy(), starts, 0)


def key(wire: Wire, name: str) -> bytes:
    """Encode a key, with all that stands between it and the values before and after."""
    return b',"%b":' % name.encode() if wire.is_text else msgspec.msgpack.encode(name)


def with_symbols(names: Names, wire: Wire, symbols: dict[int, str]) -> Names:
    """Add the symbols of instruments, by number."""
    first = b'{"s":' if wire.is_text else msgspec.msgpack.encode("s")
    encoded = [first + wire.encode(symbol) for symbol in symbols.values()]
    numbers = np.fromiter(symbols, np.intp)
    missing = max(0, int(numbers.max(initial=-1)) + 1 - len(names.symbol_start))
    start, length = (np.append(each, np.zeros(missing, np.int64)) for each in (names.symbol_start, names.symbol_length))
    lengths = np.array([len(each) for each in encoded], np.int64)
    start[numbers], length[numbers] = len(names.symbol) + np.cumsum(lengths) - lengths, lengths
    symbol = np.append(names.symbol, np.frombuffer(b"".join(encoded), np.uint8))
    longest_bytes = int(length.max(initial=0)) + len(names.key) + len(names.key_start) * _LONGEST_VALUE_BYTES
    return names._replace(symbol=symbol, symbol_start=start, symbol_length=length, longest_bytes=longest_bytes)


@compiled
def show_changes(
    newest: Bytes,
    shown: Bytes,
    noted: npt.NDArray[np.intp],
    numbers: npt.NDArray[np.intp],
    masks: Masks,
    positions: npt.NDArray[np.int64],
) -> int:
    """Copy the newest states of the noted instruments to those shown; return how many differ in what entries tell.

    Of these, each once, `numbers`, `masks` of the fields that differ, and `positions`, their sequences, are filled.
    """
    count = 0
    for number in noted:
        before, after = shown[number], newest[number]
        mask = 0
        # Compared as bytes: an unknown price, NaN, equals itself.
        for bit in range(_FIGURES):
            at = _FIRST_FIGURE_AT + bit * _FIGURE_BYTES
            mask |= (read_big_endian(before, at, 8) != read_big_endian(after, at, 8)) << bit
        if before[_FLAGS_AT] != after[_FLAGS_AT]:
            mask |= _FLAGS_BIT
        put(after, 0, len(after), before, 0)
        if mask:
            numbers[count], masks[count], positions[count] = number, mask, read_big_endian(after, _SEQUENCE_AT, 8)
            count += 1
    return count


@compiled
def encode_msgpack(
    states: Bytes, numbers: npt.NDArray[np.intp], masks: Masks, names: Names, out: Bytes, lengths: Lengths
) -> int:
    """Encode the fields in `masks` of STATE rows, `states` by number, into `out`; return where they end, or why not."""
    at = 0
    for place in range(len(numbers)):
        start, number, mask = at, numbers[place], int(masks[place])
        if number >= len(states) or number >= len(names.symbol_length) or not names.symbol_length[number]:
            return UNKNOWN
        state = states[number]
        if _is_unusual(state):
            return UNUSUAL
        fields = 4
        for bit in range(_FIGURES + 1):
            fields += (mask >> bit) & 1
        if fields < 16:
            out[at] = _FIXMAP | fields
            at += 1
        else:
            out[at], out[at + 1], out[at + 2] = _MAP_16, 0, fields
            at += 3
        at = put(names.symbol, names.symbol_start[number], names.symbol_length[number], out, at)
        at = _put_uint(read_big_endian(state, _SEQUENCE_AT, 8), out, _put_key(names, 0, out, at))
        at = _put_uint(read_big_endian(state, _EVENT_AT, 8) // _US_NS, out, _put_key(names, 1, out, at))
        at = _put_uint(read_big_endian(state, _RECEIVED_AT, 8) // _US_NS, out, _put_key(names, 2, out, at))
        for bit in range(_FIGURES):
            if (mask >> bit) & 1:
                at = _put_key(names, 3 + bit, out, at)
                figure_at = _FIRST_FIGURE_AT + bit * _FIGURE_BYTES
                if _is_nan(read_big_endian(state, figure_at, 8)):
                    out[at] = _NIL
                    at += 1
                else:  # a row holds it as msgpack has it, marker and all
                    at = put(state, figure_at - 1, _FIGURE_BYTES, out, at)
        if mask & _FLAGS_BIT:
            at = _put_uint(int(state[_FLAGS_AT]), out, _put_key(names, 3 + _FIGURES, out, at))
        lengths[place] = at - start
    return at


@compiled
def encode_json(
    states: Bytes, numbers: npt.NDArray[np.intp], masks: Masks, names: Names, out: Bytes, lengths: Lengths
) -> int:
    """Encode the same as JSON; return where they end, or why not."""
    at = 0
    for place in range(len(numbers)):
        start, number, mask = at, numbers[place], int(masks[place])
        if number >= len(states) or number >= len(names.symbol_length) or not names.symbol_length[number]:
            return UNKNOWN
        state = states[number]
        if _is_unusual(state):
            return UNUSUAL
        at = put(names.symbol, names.symbol_start[number], names.symbol_length[number], out, at)
        at = put_digits(read_big_endian(state, _SEQUENCE_AT, 8), 1, out, _put_key(names, 0, out, at))
        at = put_digits(read_big_endian(state, _EVENT_AT, 8) // _US_NS, 1, out, _put_key(names, 1, out, at))
        at = put_digits(read_big_endian(state, _RECEIVED_AT, 8) // _US_NS, 1, out, _put_key(names, 2, out, at))
        for bit in range(_FIGURES):
            if (mask >> bit) & 1:
                figure = np.int64(read_big_endian(state, _FIRST_FIGURE_AT + bit * _FIGURE_BYTES, 8))
                at = put_decimal(figure.view(np.float64), out, _put_key(names, 3 + bit, out, at))
                if at < 0:
                    return UNUSUAL
        if mask & _FLAGS_BIT:
            at = put_digits(int(state[_FLAGS_AT]), 1, out, _put_key(names, 3 + _FIGURES, out, at))
        out[at] = _CLOSE
        at += 1
        lengths[place] = at - start
    return at


@compiled
def _put_key(names: Names, which: int, out: Bytes, at: int) -> int:
    start = names.key_start[which]
    return put(names.key, start, names.key_start[which + 1] - start, out, at)


@compiled
def _is_unusual(state: Bytes) -> bool:
    """Whether its sequence or a time has the highest bit set: no feed's has, and an encoder here takes none below 0."""
    return bool((state[_SEQUENCE_AT] | state[_EVENT_AT] | state[_RECEIVED_AT]) & 0x80)


@compiled
def _is_nan(bits: int) -> bool:
    return (bits & 0x7FFF_FFFF_FFFF_FFFF) > 0x7FF0_0000_0000_0000


@compiled
def _put_uint(value: int, out: Bytes, at: int) -> int:
    """Put an integer that is not negative in as few bytes as msgpack has for it."""
    if value < 0x80:
        out[at] = value
        return at + 1
    width, marker = 1, 0xCC
    while width < 8 and value >> (8 * width):
        width, marker = 2 * width, marker + 1
    return put_big_endian(value, width, out, put_byte(marker, out, at))
