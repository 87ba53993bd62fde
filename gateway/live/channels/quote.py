"""Channel `quote`: an instrument's state, of which clients are sent what changed."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from gateway.images import from_iso
from gateway.live.channels.channel import Change, Numbers, Positions
from gateway.live.channels.encoded import Encoded, encoded
from gateway.live.channels.quote_encoding import (
    NOT_ENCODED,
    Names,
    encode_json,
    encode_msgpack,
    names_of,
    room_bytes,
    with_symbols,
)
from gateway.live.channels.state_channel import StateChannel
from gateway.live.messages import QuoteUpdate
from gateway.live.topics import Masks
from gateway.live.wire import Wire
from gateway.quote_table import QuoteTable
from gateway.upstream import Upstream
from market import rows
from market.instrument import Instrument
from market.row_type import Rows

FIELDS = {
    "b": "bid", "bz": "bid_size", "a": "ask", "az": "ask_size", "l": "last", "lz": "last_size",
    "o": "open", "hi": "high", "lo": "low", "v": "volume", "pc": "prev_close", "f": "flags",
}  # fmt: skip
"""Names on the wire, in the order of the mask's bits, and in STATE rows."""

_BITS = {name: np.uint16(1 << place) for place, name in enumerate(FIELDS)}
_FIGURE_BITS = np.array([_BITS[name] for name, field in FIELDS.items() if field != "flags"], np.uint16)
_US_NS = 1000


class QuoteChannel(StateChannel):
    """What of `quote.<exch>.<symbol>` clients have been shown: all clients' entries are made of this."""

    name = "quote"
    full_mask = (1 << len(FIELDS)) - 1
    is_dropped_first = False

    def __init__(self, upstream: Upstream, on_changed: Callable[[], None]) -> None:
        self._upstream = upstream
        self._on_changed = on_changed
        upstream.on_changed(self._note)
        self._shown = QuoteTable()
        self._names: dict[str, Names] = {}
        self._dirty = np.zeros(0, bool)

    async def watch(self, instruments: Sequence[Instrument]) -> None:
        """Watch instruments; return when their states are known as far as they can be."""
        await self._upstream.watch(instruments)

    def unwatch(self, numbers: Sequence[int]) -> None:
        """Watch instruments once less each."""
        self._upstream.unwatch(numbers)

    def sweep(self, now_s: float) -> None:
        """Let go of what nobody has watched for a while."""
        self._upstream.sweep(now_s)

    async def refresh(self) -> None:
        """Ask for everything watched anew."""
        await self._upstream.refresh_all()

    def take_changes(self) -> Change | None:
        """Show what changed since the last call; a change that no field tells of is none."""
        numbers = np.flatnonzero(self._dirty)
        if not len(numbers):
            return None
        self._dirty[numbers] = False
        self._shown.reserve(int(numbers[-1]) + 1)
        states = self._upstream.table.states(numbers)
        masks = _changed_fields(self._shown.states(numbers), states)
        self._shown.put(numbers, states)
        told = masks != 0
        return Change(numbers[told], masks[told], states["sequence"][told].astype(np.int64))

    def positions(self, numbers: Numbers) -> Positions:
        """Give the sequences shown."""
        self._reserve(numbers)
        return self._shown.states(numbers)["sequence"].astype(np.int64)

    def is_newer(self, number: int, last_seen: int | str) -> bool:
        """Whether the state shown is newer than a sequence, or a time of the exchange; raises ValueError."""
        self._shown.reserve(number + 1)
        if isinstance(last_seen, int):
            return self._shown.sequence(number) > last_seen
        return self._shown.ts_event_ns(number) > from_iso(last_seen)

    def is_covered(self, number: int, last_seen: int | str) -> bool:  # a state makes up for all before
        """Whether the state is known: it makes up for everything before it."""
        return self._shown.sequence(number) > 0

    def entries(self, wire: Wire, numbers: Numbers, masks: Masks, since: Positions) -> Encoded:
        """Encode the fields in `masks` of the states shown."""
        self._reserve(numbers)
        names = self._names_of(wire, numbers)
        data = np.empty(room_bytes(names, len(numbers)), np.uint8)
        lengths = np.empty(len(numbers), np.int64)
        if not wire.is_text:
            end = encode_msgpack(self._shown.bytes, numbers, masks, names, data, lengths)
            return Encoded(data[:end], lengths)
        states = self._shown.states(numbers)
        figures = rows.state_figures(states).astype(np.float64)
        end = encode_json(self._shown.bytes, figures, numbers, masks, names, data, lengths)
        if (lengths == NOT_ENCODED).any():
            return self._mended(wire, data[:end], lengths, states, numbers, masks)
        return Encoded(data[:end], lengths)

    def _mended(
        self, wire: Wire, data: npt.NDArray[np.uint8], lengths: Positions, states: Rows, numbers: Numbers, masks: Masks
    ) -> Encoded:
        """Make the entries that are missing, one by one, and put all in order."""
        there = iter(Encoded(data, lengths[lengths != NOT_ENCODED]).split())
        return encoded([
            next(there) if length != NOT_ENCODED else wire.encode(self._update(state, number, mask))
            for length, state, number, mask in zip(
                lengths.tolist(), states, numbers.tolist(), masks.tolist(), strict=True
            )
        ])

    def _update(self, state: np.void, number: int, mask: int) -> QuoteUpdate:
        told = {name: state[field].item() for name, field in FIELDS.items() if mask & int(_BITS[name])}
        known = {name: None if value != value else value for name, value in told.items()}  # noqa: PLR0124  # NaN
        times_us = (int(state[name]) // _US_NS for name in ("ts_event", "ts_recv"))
        return QuoteUpdate(self._upstream.name(number), int(state["sequence"]), *times_us, **known)

    def _note(self, numbers: Numbers) -> None:
        highest = int(numbers.max())
        if highest >= len(self._dirty):
            self._dirty = np.append(self._dirty, np.zeros(highest + 1, bool))
        self._dirty[numbers] = True
        self._on_changed()

    def _names_of(self, wire: Wire, numbers: Numbers) -> Names:
        """Give what stands before the values, with the symbols of instruments, of which the directory is asked once."""
        names = self._names.get(wire.subprotocol) or names_of(wire, list(FIELDS))
        inside = numbers < len(names.symbol_length)
        has_name = np.zeros(len(numbers), bool)
        has_name[inside] = names.symbol_length[numbers[inside]] > 0
        if not has_name.all():
            missing = {number: self._upstream.name(number) for number in numbers[~has_name].tolist()}
            names = with_symbols(names, wire, missing)
        self._names[wire.subprotocol] = names
        return names

    def _reserve(self, numbers: Numbers) -> None:
        self._shown.reserve(int(numbers.max(initial=-1)) + 1)


def _changed_fields(before: Rows, after: Rows) -> Masks:
    # Compared as bytes: an unknown price, NaN, equals itself.
    figures = rows.state_figures(before, ">u8") != rows.state_figures(after, ">u8")
    masks: Masks = figures @ _FIGURE_BITS
    masks[before["flags"] != after["flags"]] |= _BITS["f"]
    return masks
