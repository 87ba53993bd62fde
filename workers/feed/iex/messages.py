"""A block of TOPS messages as columns, and the checks that each message passes before it becomes a row."""

from functools import cache

import numpy as np
import numpy.typing as npt

from workers.feed.adapter import SourceFaults
from workers.feed.iex import layouts
from workers.feed.iex.segments import MessageBlock

Positions = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

_DAY_NS = 86_400 * 1_000_000_000
_EARLIEST_NS, _LATEST_NS = 946_684_800 * 1_000_000_000, 4_102_444_800 * 1_000_000_000  # 2000 to 2100
_CODES = {"S": b"SRMEOC", "H": b"HPOT", "O": b"ON", "P": b"\0\1"}
_DETAILS = b" ACDN"  # of a short sale price test
_LAYOUTS = {
    "Q": layouts.QUOTE,
    "T": layouts.TRADE,
    "B": layouts.TRADE,
    "H": layouts.STATUS,
    "P": layouts.SHORT_SALE,
}


def table(values: dict[int, int]) -> npt.NDArray[np.uint32]:
    """Spread a mapping of byte values over an array of all 256; the others are 0."""
    spread = np.zeros(256, np.uint32)
    for byte, value in values.items():
        spread[byte] = value
    return spread


@cache
def members(values: bytes) -> Mask:
    """Spread a set of byte values over an array of all 256."""
    return np.isin(np.arange(256), np.frombuffer(values, np.uint8))


_MIN_BYTES = table(layouts.MIN_BYTES)
_OF_CODE = {name: members(codes) for name, codes in _CODES.items()}
_IS_DETAIL = members(_DETAILS)


class MessageColumns:
    """A block's messages as columns; `alive` marks those that no check has rejected."""

    def __init__(self, block: MessageBlock, faults: SourceFaults) -> None:
        self._faults = faults
        self._segments = block.segments
        block.data += bytes(layouts.PADDING_BYTES)
        self._data = np.frombuffer(block.data, np.uint8)
        self._starts = np.array(block.starts, np.int64)
        self._sizes = self._data[self._starts - 2] + self._data[self._starts - 1].astype(np.int64) * 256
        self.types = np.where(self._sizes > 0, self._data[self._starts], np.uint8(0))
        self.heads = layouts.overlay(self._data, self._starts, layouts.HEAD)
        self.alive = np.ones(len(self.types), bool)

    def of_types(self, types: bytes) -> Positions:
        """Return the positions of the living messages of these types."""
        return np.flatnonzero(self.alive & members(types)[self.types])

    def of(self, name: str) -> tuple[Positions, npt.NDArray[np.void]]:
        """Return the living messages of one type, as its layout, with their positions."""
        positions = self.of_types(name.encode())
        return positions, layouts.overlay(self._data, self._starts[positions], _LAYOUTS[name])

    def tails(self, positions: Positions) -> list[bytes]:
        """Return the four bytes behind the symbol field of each message."""
        tails: list[bytes] = layouts.overlay(
            self._data, self._starts[positions] + layouts.HEAD.itemsize, layouts.TAIL
        ).tolist()
        return tails

    def reject(self, positions: Positions, reason: str) -> None:
        """Count messages as faults, each named by its type and its offset in the capture, and drop them."""
        bounds = np.array([segment.start for segment in self._segments])
        for position in positions.tolist():
            segment = self._segments[int(np.searchsorted(bounds, self._starts[position], "right")) - 1]
            offset = segment.offset + int(self._starts[position]) - segment.start
            self._faults.add(reason, f"type {int(self.types[position]):#04x}, message at offset {offset}")
        self.alive[positions] = False

    def check(self) -> None:
        """Reject what cannot be decoded; symbols are checked when they are numbered."""
        least = _MIN_BYTES[self.types]
        self._reject_where(self._sizes < np.maximum(least, 1), "message: too short")
        self._reject_where(least == 0, "message: unknown type")
        times = self.heads["time"]
        sent = np.repeat([segment.send_time for segment in self._segments], [s.messages for s in self._segments])
        sent = np.clip(sent, _EARLIEST_NS, _LATEST_NS)
        wild = (times < _EARLIEST_NS) | (times > _LATEST_NS)
        self._reject_where(wild | (np.abs(times - sent) > _DAY_NS), "message: time is not near its segment's")
        for name, allowed in _OF_CODE.items():
            positions = self.of_types(name.encode())
            self.reject(positions[~allowed[self.heads["code"][positions]]], "message: unknown code")
        self._check_values()

    def _reject_where(self, wrong: Mask, reason: str) -> None:
        self.reject(np.flatnonzero(self.alive & wrong), reason)

    def _check_values(self) -> None:
        """Reject prices, sizes, identifiers and texts that no message has."""
        positions, quotes = self.of("Q")
        wrong = np.zeros(len(quotes), bool)
        for side in ("bid", "ask"):
            wrong |= (quotes[side] < 0) | (quotes[side] > layouts.MAX_PRICE)
        self.reject(positions[wrong], "message: price out of bounds")
        halved = np.zeros(len(quotes), bool)
        for side in ("bid", "ask"):
            halved |= (quotes[side] == 0) != (quotes[side + "_size"] == 0)
        self.reject(positions[halved & ~wrong], "message: price without size or size without price")
        for name in ("T", "B"):
            positions, trades = self.of(name)
            wrong = (trades["price"] <= 0) | (trades["price"] > layouts.MAX_PRICE)
            self.reject(positions[wrong], "message: price out of bounds")
            unnamed = (trades["size"] == 0) | (trades["trade_id"] < 0)
            self.reject(positions[unnamed & ~wrong], "message: trade without size or identifier")
        positions, statuses = self.of("H")
        reasons = np.ascontiguousarray(statuses["reason"]).view(np.uint8).reshape(-1, 4)
        self.reject(positions[((reasons < 0x20) | (reasons > 0x7E)).any(axis=1)], "message: reason is not ASCII text")
        positions, tests = self.of("P")
        self.reject(positions[~_IS_DETAIL[tests["detail"]]], "message: unknown code")
