"""The latest candles of one instrument and timeframe, and which of them changed since when. Pure."""

import math
from bisect import insort
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from gateway.live.messages import Candle
from market.codes import CandleFlag
from market.row_type import Rows

HELD_CANDLES = 300  # of an instrument and timeframe
_SECOND_NS = 1_000_000_000


class HeldCandle(NamedTuple):
    """One state of one candle of one kind of time."""

    start_s: int
    flags: int
    sequence: int
    """The instrument's, when it was made; 0: not known."""
    revision: int
    trades: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    vwap: float

    @property
    def order(self) -> tuple[int, int, bool]:
        """By which a newer state of the same candle is told; that its window has ended comes last."""
        return self.revision, self.trades, bool(self.flags & CandleFlag.CLOSED)

    @property
    def has_price(self) -> bool:
        """Whether a trade formed a price."""
        return not math.isnan(self.open)


def held_candles(rows: Rows) -> Iterator[HeldCandle]:
    """Read CANDLE rows."""
    columns = [rows[name].tolist() for name in _COLUMNS]
    for start_ns, *others in zip(*columns, strict=True):
        yield HeldCandle(start_ns // _SECOND_NS, *others)


class _Slot:
    """What starts at one time: a candle of the regular session, one of the time outside it, or both."""

    __slots__ = ("parts", "version")

    def __init__(self) -> None:
        self.parts: dict[bool, HeldCandle] = {}  # by whether it is of extended hours
        self.version = 0


class CandleRing:
    """Takes states in any order and keeps the newest of each candle; a position counts all changes that ever came."""

    def __init__(self) -> None:
        self.end = 0
        self.sequence = 0
        """The highest of all that came."""
        self.is_whole = False
        """Whether no candle from the first one held on is missing."""
        self.is_all = False
        """Whether there is no candle before the first one held."""
        self._slots: dict[int, _Slot] = {}
        self._starts: list[int] = []  # ascending
        self._dropped = 0  # the highest position at which a candle changed that is not held any more

    @property
    def is_full(self) -> bool:
        """Whether a further candle puts out the oldest."""
        return len(self._starts) == HELD_CANDLES

    def take(self, candle: HeldCandle) -> bool:
        """Take a state of a candle; return whether it says anything new."""
        slot = self._slots.get(candle.start_s) or self._add(candle.start_s)
        if slot is None:
            return False
        self.sequence = max(self.sequence, candle.sequence)
        is_extended = bool(candle.flags & CandleFlag.EXTENDED)
        before = slot.parts.get(is_extended)
        if before is not None and before.order >= candle.order:
            if before.order == candle.order and before.sequence < candle.sequence:
                slot.parts[is_extended] = before._replace(sequence=candle.sequence)
            return False
        slot.parts[is_extended] = candle
        self.end += 1
        slot.version = self.end
        return True

    def arrange(self) -> bool:
        """Count a candle as changed after all older ones, where older ones came later; return whether any was.

        Else a snapshot, which begins at a position, could be without the newest.
        """
        latest, end = 0, self.end
        for start in self._starts:
            slot = self._slots[start]
            if slot.version < latest:
                self.end += 1
                slot.version = self.end
            latest = slot.version
        return self.end > end

    def since(self, position: int) -> list[Candle]:
        """Give the candles that changed after a position, oldest first, each once."""
        changed = (self._slots[start] for start in self._starts if self._slots[start].version > position)
        shown = map(_shown, changed)
        return [each for each in shown if each is not None]

    def missed(self, position: int) -> bool:
        """Whether a candle changed after a position and is not held any more."""
        return 0 < position < self._dropped

    def position_before(self, count: int) -> int:
        """Give the position after which `count` candles changed, or all, where there are no more."""
        versions = sorted((slot.version for slot in self._slots.values()), reverse=True)
        return next(islice(versions, count, None), 0)

    def position_at(self, sequence: int) -> int:
        """Give the highest position after which there is everything that changed at a sequence or later.

        At the sequence itself a candle may have closed, and of one from the store nobody knows when it changed.
        """
        changed = [
            slot.version
            for slot in self._slots.values()
            if any(part.sequence >= sequence or not part.sequence for part in slot.parts.values())
        ]
        return min(changed, default=self.end + 1) - 1

    def position_from(self, start_s: int) -> int:
        """Give the highest position after which there are all candles that start then or later."""
        changed = [slot.version for start, slot in self._slots.items() if start >= start_s]
        return min(changed, default=self.end + 1) - 1

    def covers(self, sequence: int) -> bool:
        """Whether every candle that changed after a sequence is held: one is that had changed by then, or all are."""
        reaches_back = self.is_all or any(
            0 < part.sequence <= sequence for slot in self._slots.values() for part in slot.parts.values()
        )
        return self.is_whole and reaches_back

    def covers_from(self, start_s: int) -> bool:
        """Whether every candle that starts then or later is held."""
        return self.is_whole and (self.is_all or self._starts[0] <= start_s)

    def _add(self, start_s: int) -> _Slot | None:
        """Make room for a candle; None for one that is older than all of a full ring."""
        if self.is_full:
            if start_s < self._starts[0]:
                return None
            self.is_all = False
            self._dropped = max(self._dropped, self._slots.pop(self._starts.pop(0)).version)
        insort(self._starts, start_s)
        slot = self._slots[start_s] = _Slot()
        return slot


_COLUMNS = (
    "start", "flags", "sequence", "revision", "trades", "open", "high", "low", "close", "volume", "vwap",
)  # fmt: skip


def _shown(slot: _Slot) -> Candle | None:
    """Show what starts at one time as one candle: prices of the regular session where it has any, volume of both.

    None, where no trade formed a price.
    """
    parts = list(slot.parts.values())
    priced = next(
        (slot.parts[kind] for kind in (False, True) if kind in slot.parts and slot.parts[kind].has_price), None
    )
    is_withdrawn = all(part.flags & CandleFlag.WITHDRAWN for part in parts)
    if priced is None and not is_withdrawn:
        return None
    volume = sum(part.volume for part in parts)
    turnover = sum(part.volume * part.vwap for part in parts if part.volume > 0)
    vwap = parts[0].vwap if len(parts) == 1 else turnover / volume if volume > 0 else math.nan
    return Candle(
        t=parts[0].start_s,
        o=priced.open if priced else None,
        h=priced.high if priced else None,
        l=priced.low if priced else None,
        c=priced.close if priced else None,
        v=volume,
        n=sum(part.trades for part in parts),
        w=None if math.isnan(vwap) else vwap,
        e=sum(part.revision for part in parts),
        x=int(all(part.flags & CandleFlag.EXTENDED for part in parts)),
        f=int(all(part.flags & CandleFlag.CLOSED for part in parts)),
        k=int(is_withdrawn),
    )
