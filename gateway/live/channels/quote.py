"""Channel `quote`: an instrument's state, of which clients are sent what changed."""

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.images import from_iso
from gateway.live.channels.channel import Change, Numbers, Positions
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
_FEW = 32  # entries, which are sooner made one by one than column by column
_PLACES = {name: place for place, (name, _) in enumerate(rows.STATE.fields)}
_TOLD = [(_PLACES[field], 1 << bit) for bit, field in enumerate(FIELDS.values())]
_SEQUENCE, _TS_EVENT, _TS_RECV = (_PLACES[name] for name in ("sequence", "ts_event", "ts_recv"))


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
        self._names = np.empty(0, object)
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

    def entries(self, wire: Wire, numbers: Numbers, masks: Masks, since: Positions) -> list[bytes]:
        """Encode the fields in `masks` of the states shown."""
        self._reserve(numbers)
        states = self._shown.states(numbers)
        if len(numbers) <= _FEW:
            return list(map(wire.encode, map(_update, self._symbols(numbers), states.tolist(), masks.tolist())))
        columns = [_column(states, masks, name, field) for name, field in FIELDS.items()]
        heads = (states["sequence"].tolist(), _micros(states["ts_event"]), _micros(states["ts_recv"]))
        return list(map(wire.encode, map(QuoteUpdate, self._symbols(numbers), *heads, *columns)))

    def _note(self, numbers: Numbers) -> None:
        highest = int(numbers.max())
        if highest >= len(self._dirty):
            self._dirty = np.append(self._dirty, np.zeros(highest + 1, bool))
        self._dirty[numbers] = True
        self._on_changed()

    def _symbols(self, numbers: Numbers) -> list[str]:
        """Give the canonical symbols, of which the directory is asked once."""
        missing = int(numbers.max(initial=-1)) + 1 - len(self._names)
        if missing > 0:
            self._names = np.append(self._names, np.empty(max(missing, len(self._names)), object))
        names: list[str | None] = self._names[numbers].tolist()
        if None in names:
            for number in numbers.tolist():
                self._names[number] = self._names[number] or self._upstream.name(number)
        symbols: list[str] = self._names[numbers].tolist()
        return symbols

    def _reserve(self, numbers: Numbers) -> None:
        self._shown.reserve(int(numbers.max(initial=-1)) + 1)


def _changed_fields(before: Rows, after: Rows) -> Masks:
    # Compared as bytes: an unknown price, NaN, equals itself.
    figures = rows.state_figures(before, ">u8") != rows.state_figures(after, ">u8")
    masks: Masks = figures @ _FIGURE_BITS
    masks[before["flags"] != after["flags"]] |= _BITS["f"]
    return masks


def _update(symbol: str, state: tuple[Any, ...], mask: int) -> QuoteUpdate:
    """Make one entry of a STATE row."""
    figures: list[Any] = [
        (None if (value := state[place]) != value else value) if mask & bit else msgspec.UNSET for place, bit in _TOLD
    ]
    return QuoteUpdate(symbol, state[_SEQUENCE], state[_TS_EVENT] // _US_NS, state[_TS_RECV] // _US_NS, *figures)


def _column(states: Rows, masks: Masks, name: str, field: str) -> Iterable[object]:
    wanted = (masks & _BITS[name]) != 0
    if not wanted.any():
        return repeat(msgspec.UNSET)
    values = states[field].astype(float if field != "flags" else int)
    unknown = np.isnan(values)
    column = values.astype(object)
    if unknown.any():
        column[unknown] = None
    if not wanted.all():
        column[~wanted] = msgspec.UNSET
    listed: list[object] = column.tolist()
    return listed


def _micros(times_ns: npt.NDArray[np.int64]) -> list[int]:
    micros: list[int] = (times_ns // _US_NS).tolist()
    return micros
