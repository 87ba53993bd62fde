"""The peers of the pieces: the same work done in straightforward Python, a row at a time."""

import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from market import rows
from market.codes import NOT_PRICE_FORMING, Kind


@dataclass(slots=True)
class State:
    """One instrument's state as an object."""

    sequence: int = 0
    ts_event: int = 0
    ts_recv: int = 0
    bid: float = 0.0
    bid_size: float = 0.0
    ask: float = 0.0
    ask_size: float = 0.0
    last: float = 0.0
    last_size: float = 0.0
    open: float = 0.0
    high: float = 0.0
    low: float = float("inf")
    volume: float = 0.0


class States:
    """Folds quotes and trades, decoded one by one, into objects in a dict. No days, corrections or status."""

    def __init__(self) -> None:
        self._states: dict[int, State] = {}

    def apply(self, data: bytes) -> int:
        """Fold a batch in; return its number of rows."""
        decode = msgspec.msgpack.Decoder().decode
        width = rows.EVENT_BYTES
        for start in range(0, len(data), width):
            kind, _, instrument, _, ts_event, ts_recv, *values = decode(data[start : start + width])
            state = self._states.get(instrument)
            if state is None:
                state = self._states[instrument] = State()
            state.sequence += 1
            state.ts_event, state.ts_recv = ts_event, ts_recv
            if kind == Kind.QUOTE:
                state.bid, state.bid_size, state.ask, state.ask_size = values
            elif kind == Kind.TRADE:
                _trade(state, values[0], values[1], int(values[3]))
        return len(data) // width


def _trade(state: State, price: float, size: float, conditions: int) -> None:
    state.volume += size
    if not conditions & NOT_PRICE_FORMING:
        state.last, state.last_size = price, size
        state.open = state.open or price
        state.high, state.low = max(state.high, price), min(state.low, price)


def frames(subjects: Sequence[str], payloads: Sequence[bytes]) -> bytes:
    """Build `PUB` frames."""
    return b"".join(
        b"PUB %s %d\r\n%s\r\n" % (subject.encode(), len(payload), payload)
        for subject, payload in zip(subjects, payloads, strict=True)
    )


def parse(data: bytes, slot_of: dict[int, int], receive: Callable[[int, bytes], None]) -> int:
    """Split `MSG` commands and hand each payload over; return how many there were."""
    position = found = 0
    while (line_end := data.find(b"\r\n", position)) >= 0:
        _, _, sid, size = data[position:line_end].split(b" ")
        body, position = line_end + 2, line_end + 4 + int(size)
        if position > len(data):
            break
        receive(slot_of[int(sid)], data[body : position - 2])
        found += 1
    return found


class Conflater:
    """Conflation with a dict of when each instrument may be sent again, and one of what waits."""

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._free_at_ns: dict[int, int] = {}
        self._pending: dict[int, None] = {}

    def take(self, changed: Sequence[int], now_ns: int) -> list[int]:
        """Note what changed, and take what is due."""
        for number in changed:
            self._pending[number] = None
        due = [number for number in self._pending if self._free_at_ns.get(number, 0) <= now_ns]
        for number in due:
            del self._pending[number]
            self._free_at_ns[number] = now_ns + self._window_ns
        return due


_PACK = struct.Struct(">BBBBBBIBQBqBqBdBdBdBd").pack


def simulate(random_: random.Random, mids: list[float], count: int, ts_ns: int) -> bytes:
    """Make up `count` quotes around mids that walk, each packed as a row."""
    made = []
    for at in range(count):
        number = int(random_.random() ** 2 * len(mids))
        mids[number] *= 1 + random_.gauss(0, 1e-5)
        bid = round(mids[number], 2)
        sizes = random_.randrange(1, 20) * 100.0, random_.randrange(1, 20) * 100.0
        head = (
            0x9A,
            0xCC,
            Kind.QUOTE,
            0xCC,
            0,
            0xCE,
            number,
            0xCF,
            0,
            0xD3,
            ts_ns + at,
            0xD3,
            0,
        )
        made.append(_PACK(*head, 0xCB, bid, 0xCB, sizes[0], 0xCB, bid + 0.01, 0xCB, sizes[1]))
    return b"".join(made)
