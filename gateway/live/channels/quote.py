"""Channel `quote`: an instrument's state, of which clients are sent what changed."""

import math
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from gateway.images import from_iso
from gateway.live.channels.channel import Change, Numbers, Positions
from gateway.live.channels.encoded import Encoded, encoded
from gateway.live.channels.quote_rows import (
    UNKNOWN,
    UNUSUAL,
    encode_json,
    encode_msgpack,
    names_of,
    show_changes,
    with_symbols,
)
from gateway.live.channels.state_channel import StateChannel
from gateway.live.messages import QuoteUpdate
from gateway.live.topics import Masks
from gateway.live.wire import WIRES, Wire
from gateway.quote_table import QuoteTable
from gateway.upstream import Upstream
from market.instrument import Instrument

FIELDS = {
    "b": "bid", "bz": "bid_size", "a": "ask", "az": "ask_size", "l": "last", "lz": "last_size",
    "o": "open", "hi": "high", "lo": "low", "v": "volume", "pc": "prev_close", "f": "flags",
}  # fmt: skip
"""Names on the wire, in the order of the mask's bits, and in STATE rows."""

_BITS = {name: 1 << place for place, name in enumerate(FIELDS)}
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
        self._names = {name: names_of(wire, list(FIELDS)) for name, wire in WIRES.items()}
        self._noted: list[Numbers] = []
        self._rehearse()

    def _rehearse(self) -> None:
        """Tell of nothing: what is compiled, is compiled before anybody waits for it."""
        nothing = np.empty(0, np.intp)
        self._shown_changes(nothing)
        for wire in WIRES.values():
            self.entries(wire, nothing, np.empty(0, np.uint16), np.empty(0, np.int64))

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
        if not self._noted:
            return None
        noted = self._noted[0] if len(self._noted) == 1 else np.concatenate(self._noted)
        self._noted.clear()
        self._shown.reserve(len(self._upstream.table))
        return self._shown_changes(noted)

    def _shown_changes(self, noted: Numbers) -> Change:
        change = Change(np.empty(len(noted), np.intp), np.empty(len(noted), np.uint16), np.empty(len(noted), np.int64))
        newest, shown = self._upstream.table.bytes, self._shown.bytes
        count = show_changes(newest, shown, noted, change.numbers, change.masks, change.positions)
        return Change(change.numbers[:count], change.masks[:count], change.positions[:count])

    def positions(self, numbers: Numbers) -> Positions:
        """Give the sequences shown."""
        self._reserve(numbers)
        return self._shown.sequences(numbers)

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
        names = self._names[wire.subprotocol]
        encode = encode_json if wire.is_text else encode_msgpack
        data = np.empty(len(numbers) * names.longest_bytes, np.uint8)
        lengths = np.empty(len(numbers), np.int64)
        end = encode(self._shown.bytes, numbers, masks, names, data, lengths)
        if end == UNKNOWN:
            self._learn(wire, numbers)
            return self.entries(wire, numbers, masks, since)
        if end == UNUSUAL:
            return self._one_by_one(wire, numbers, masks)
        return Encoded(data[:end], lengths)

    def _learn(self, wire: Wire, numbers: Numbers) -> None:
        """Have room for the states of instruments, and their names at hand."""
        self._reserve(numbers)
        names = self._names[wire.subprotocol]
        unknown = {number: self._upstream.name(number) for number in numbers.tolist() if not names.knows(number)}
        self._names[wire.subprotocol] = with_symbols(names, wire, unknown)

    def _one_by_one(self, wire: Wire, numbers: Numbers, masks: Masks) -> Encoded:
        """Encode what has a very large or small number, or a time before 1970."""
        states = self._shown.states(numbers)
        each = zip(states, numbers.tolist(), masks.tolist(), strict=True)
        return encoded([wire.encode(self._update(*wanted)) for wanted in each])

    def _update(self, state: np.void, number: int, mask: int) -> QuoteUpdate:
        told = {name: state[field].item() for name, field in FIELDS.items() if mask & _BITS[name]}
        told = {name: None if math.isnan(value) else value for name, value in told.items()}
        times = {name: int(state[field]) // _US_NS for name, field in (("t", "ts_event"), ("r", "ts_recv"))}
        told |= {"s": self._upstream.name(number), "q": int(state["sequence"]), **times}
        return msgspec.convert(told, QuoteUpdate)

    def _note(self, numbers: Numbers) -> None:
        self._noted.append(numbers)
        self._on_changed()

    def _reserve(self, numbers: Numbers) -> None:
        self._shown.reserve(int(numbers.max(initial=-1)) + 1)
