"""How due entries become frames on sockets: joined and written one client after the other, in compiled code.

A frame is the message of `Wire.frame` behind the head that RFC 6455, 5.2 asks for. Where a client has a descriptor, its
frames are written to that, each in one system call; where it has none, Python is told to write for it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import msgspec
import numba
import numpy as np
import numpy.typing as npt

from gateway.live import clients, subscriptions
from gateway.live.clients import NEVER
from gateway.live.due import Due
from gateway.live.subscriptions import NOBODY
from gateway.live.wire import Wire
from market.compiled import compiled
from mesh.raw import Bytes, put, put_big_endian, put_byte

MESSAGE_AT = 10
"""Where a message begins in the buffer it is joined in: the longest head fits before it."""
_OVERHEAD_BYTES = 1 << 10  # of a message beside its entries
_SLOWEST = 4  # a client that cannot be written to is tried at up to 16 times its interval
_COMMA, _BRACKET, _BRACE = map(ord, ",]}")

# The C library's: ssize_t write(int, const void *, size_t).
_SIGNATURE = numba.types.intp(numba.types.int32, numba.types.uintp, numba.types.uintp)
_write = cast(Callable[[int, int, int], int], numba.types.ExternalFunction("write", _SIGNATURE))


class Layout(NamedTuple):
    """What stands around the entries of an `update`, in one encoding."""

    is_text: bool
    opcode: int
    head: Bytes
    """Everything before the first channel; in msgpack its first byte says how many keys there are."""
    channel_heads: Bytes
    """Each channel's name with what stands around it, one after the other."""
    channel_bounds: npt.NDArray[np.int64]
    """Where each begins, and where the last ends."""


class Entries(NamedTuple):
    """The encoded entries of due rows: where each is in the bytes, and which channel it is of."""

    data: Bytes
    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    channel_of: npt.NDArray[np.int8]
    """By topic."""
    position_of: npt.NDArray[np.int64]
    """By topic: what a client has once it has the entry."""


class Outcome(NamedTuple):
    """What became of a run of frames."""

    totals: npt.NDArray[np.int64]
    """Frames, updates and bytes written, and frames that were not; counted on."""
    rest: npt.NDArray[np.int64]
    """Of a frame that a socket took a part of: its client, and where its rest is in the buffer; or a client of 0."""


FRAMES, UPDATES, BYTES, SKIPPED = range(4)


class Pass(NamedTuple):
    """What the frames of some due rows are made from, and written to."""

    layout: Layout
    table: subscriptions.Columns
    readers: clients.Columns
    due: Due
    entries: Entries
    buffer: Bytes
    """Room for any frame of these rows."""
    outcome: Outcome
    most_entries: int
    """Of a frame."""
    tick: int
    at_least_ticks: int
    """The shortest interval between two frames that any client gets."""


def layout_of(wire: Wire, channels: Sequence[str]) -> Layout:
    """Give the layout of an encoding's frames, for those channels in that order."""
    if wire.is_text:
        head, names = b'{"type":"update",', [b'"%b":[' % each.encode() for each in channels]
    else:
        head, names = (
            b"\x80" + msgspec.msgpack.encode("type") + msgspec.msgpack.encode("update"),
            [msgspec.msgpack.encode(each) + b"\xdc" for each in channels],
        )
    bounds = np.cumsum([0, *map(len, names)])
    return Layout(
        wire.is_text, 0x81 if wire.is_text else 0x82, _bytes(head), _bytes(b"".join(names)), bounds.astype(np.int64)
    )


def buffer_bytes(entries_bytes: int, rows: int) -> int:
    """Give the bytes that a message of so many entries takes at most, its head included."""
    return MESSAGE_AT + _OVERHEAD_BYTES + entries_bytes + rows


@compiled
def _put_head(opcode: int, length: int, buffer: Bytes) -> int:
    """Put a frame's head before the message in a buffer; return where it begins (RFC 6455, 5.2)."""
    if length < 126:
        start = MESSAGE_AT - 2
        buffer[start + 1] = length
    else:
        width, marker = (2, 126) if length < 1 << 16 else (8, 127)
        start = MESSAGE_AT - 2 - width
        buffer[start + 1] = marker
        put_big_endian(length, width, buffer, start + 2)
    buffer[start] = opcode
    return start


@compiled
def end_of_client(table: subscriptions.Columns, due: Due, at: int, count: int) -> int:
    """Find where the rows of the client at `at` end, of `count` due ones."""
    if at == count:
        return count
    client = table.client[due.row[at]]
    end = at + 1
    while end < count and table.client[due.row[end]] == client:
        end += 1
    return end


@compiled
def largest_client_bytes(table: subscriptions.Columns, due: Due, entries: Entries, count: int) -> int:
    """Give the most bytes that the entries of any one client have together."""
    most = at = 0
    while at < count:
        end = end_of_client(table, due, at, count)
        most = max(most, entries.length[at:end].sum())
        at = end
    return most


@compiled
def join(  # noqa: C901  # in one piece: handing the arrays over to another function costs a third of all this
    layout: Layout, entries: Entries, due: Due, low: int, high: int, buffer: Bytes
) -> int:
    """Join the entries of due rows into a message, in the buffer from MESSAGE_AT on; return its end."""
    at = put(layout.head, 0, len(layout.head), buffer, MESSAGE_AT)
    channels = there = 0
    for place in range(low, high):
        there |= 1 << entries.channel_of[due.topic[place]]
    for channel in range(len(layout.channel_bounds) - 1):
        if not (there >> channel) & 1:
            continue
        count = 0
        for place in range(low, high):
            count += entries.channel_of[due.topic[place]] == channel
        if layout.is_text and channels:
            at = put_byte(_COMMA, buffer, at)
        channels += 1
        start = layout.channel_bounds[channel]
        at = put(layout.channel_heads, start, layout.channel_bounds[channel + 1] - start, buffer, at)
        if not layout.is_text:
            at = put_big_endian(count, 2, buffer, at)
        for place in range(low, high):
            if entries.channel_of[due.topic[place]] == channel:
                at = put(entries.data, entries.start[place], entries.length[place], buffer, at)
                if layout.is_text:
                    at = put_byte(_COMMA, buffer, at)
        if layout.is_text:
            buffer[at - 1] = _BRACKET
    if layout.is_text:
        return put_byte(_BRACE, buffer, at)
    buffer[MESSAGE_AT] = 0x80 | (1 + channels)
    return at


@compiled
def write_frames(run: Pass, at: int, count: int) -> int:
    """Write the frames of due rows `at` to `count`; return where it stopped.

    It stops before `count` at a client without a descriptor, whose frames are Python's to write, and after one whose
    socket took a part of a frame: `outcome.rest` says so, and the rest is Python's to write before anything else.
    """
    # Taken out once: each time that an array is taken out of a tuple costs as much as copying an entry.
    layout, table, readers, due, entries, buffer, outcome, most_entries, tick, at_least_ticks = run
    outcome.rest[0] = NOBODY
    while at < count and outcome.rest[0] == NOBODY:
        client = table.client[due.row[at]]
        descriptor = readers.descriptor[client]
        if descriptor < 0:
            break
        end = end_of_client(table, due, at, count)
        taken = at
        while taken < end:
            high = min(end, taken + most_entries)
            stop = join(layout, entries, due, taken, high, buffer)
            start = _put_head(layout.opcode, stop - MESSAGE_AT, buffer)
            written = _write(descriptor, buffer.ctypes.data + start, stop - start)
            if written < 0:
                break  # full, or failed: the transport will find out which
            outcome.totals[BYTES] += stop - MESSAGE_AT
            taken = high
            if written < stop - start:
                outcome.rest[0], outcome.rest[1], outcome.rest[2] = client, start + written, stop
                break
        settle(table, readers, due, entries, at, taken, end, most_entries, tick, at_least_ticks, outcome)
        at = end
    return at


@compiled
def settle(
    table: subscriptions.Columns,
    readers: clients.Columns,
    due: Due,
    entries: Entries,
    at: int,
    taken: int,
    end: int,
    most_entries: int,
    tick: int,
    at_least_ticks: int,
    outcome: Outcome,
) -> None:
    """Note that a client took its rows `at` to `taken`, and not those to `end`, and when its turn is next.

    Who takes less than all is slowed down at once; who takes all gets faster again, a step at a time.
    """
    if at == end:
        return
    for place in range(at, taken):
        row = due.row[place]
        table.pending[row] = table.owed[row] = 0
        table.sent[row] = entries.position_of[due.topic[place]]
        table.due_tick[row] = tick + table.every_ticks[row]
    client = table.client[due.row[at]]
    slowness = max(readers.slowness[client] - 1, 0)
    if taken < end:
        slowness = min(slowness + 2, _SLOWEST)
        readers.left_off[client] = due.row[taken]
        readers.stalled_tick[client] = min(readers.stalled_tick[client], tick)
    if taken > at:
        readers.stalled_tick[client] = NEVER
    readers.slowness[client] = slowness
    interval = max(readers.interval_ticks[client], at_least_ticks) << slowness
    # Whoever is served late keeps its place in time: else all that were late together would be due together ever after.
    turn = readers.free_tick[client]
    readers.free_tick[client] = (turn if tick - turn < interval else tick) + interval
    outcome.totals[FRAMES] += -((at - taken) // most_entries)
    outcome.totals[UPDATES] += taken - at
    outcome.totals[SKIPPED] += -((taken - end) // most_entries)


def _bytes(data: bytes) -> Bytes:
    return np.frombuffer(data, np.uint8).copy()
