"""TOPS 1.6 messages to rows, a whole block of them at a time.

| message | row | how |
|---|---|---|
| Q quote update | QUOTE | flag 0x80 (not available for trading) -> HALTED, 0x40 -> EXTENDED_HOURS; price and size 0: no side |
| T trade report | TRADE | sale conditions 0x80 INTERMARKET_SWEEP, 0x40 EXTENDED_HOURS, 0x20 ODD_LOT, 0x10 TRADE_THROUGH_EXEMPT, 0x08 SINGLE_PRICE_CROSS |
| B trade break | CORRECTION, flag BUST | price and size are the withdrawn trade's; `ts_trade` is that trade's time where it was seen |
| S system event | STATUS of the venue | S SYSTEM_START, R REGULAR_OPEN, M REGULAR_CLOSE, E SYSTEM_END; O and C (the messages' own start and end): none |
| H trading status | STATUS | H HALTED, P PAUSED, O ORDER_ACCEPTANCE, T TRADING; IEX's reason as it is, e.g. `NA`, `T1`, `MCB3` |
| O operational halt | STATUS where it changes | O HALTED, reason `OPHALT`; N back to what the trading status says |
| P short sale price test | STATUS | 1 SHORT_SALE_RESTRICTED, 0 SHORT_SALE_UNRESTRICTED; IEX's detail as reason: A, C, D, N or blank |
| D security directory | none, it lists the symbol | round lot, adjusted previous official close and LULD tier have no place in a listing |
| X official price, A auction information, E security event, I retail liquidity indicator | none | no row carries them |

What gives no row is counted in `seen` by type. A status row's `until` is 0 and its `value` NaN: TOPS says neither.
Messages that are too short, of unknown type or code, without a symbol, or with a time, price or size that cannot be are
counted in `faults`, named by their offset, and skipped.
"""  # noqa: E501 - a table's rows cannot be broken

from collections import Counter
from itertools import repeat

import numpy as np
import numpy.typing as npt

from market import rows
from market.codes import NO_INSTRUMENT, Condition, CorrectionFlag, QuoteFlag, TradingState
from market.instrument import Listing
from market.row_type import Rows, as_bytes
from workers.feed.adapter import SourceFaults
from workers.feed.iex.instruments import SymbolFieldError, SymbolTable, TradeTimes, TradingStates
from workers.feed.iex.layouts import PRICE_UNITS
from workers.feed.iex.messages import MessageColumns, Positions, members, table
from workers.feed.iex.segments import MessageBlock

_UNKNOWN = -1
_SYSTEM_STATES = {
    ord("S"): TradingState.SYSTEM_START,
    ord("R"): TradingState.REGULAR_OPEN,
    ord("M"): TradingState.REGULAR_CLOSE,
    ord("E"): TradingState.SYSTEM_END,
}
_STATUS_STATES = {
    ord("H"): TradingState.HALTED,
    ord("P"): TradingState.PAUSED,
    ord("O"): TradingState.ORDER_ACCEPTANCE,
    ord("T"): TradingState.TRADING,
}
_LISTING_TYPES = b"QTBHOPD"  # the messages whose symbols are listed
_ROWLESS_TYPES = b"DXAEI"
_LISTS = members(_LISTING_TYPES)
_CONDITIONS = {
    0x80: Condition.INTERMARKET_SWEEP,
    0x40: Condition.EXTENDED_HOURS,
    0x20: Condition.ODD_LOT,
    0x10: Condition.TRADE_THROUGH_EXEMPT,
    0x08: Condition.SINGLE_PRICE_CROSS,
}
_CONDITIONS_OF = table(
    {code: sum(condition for bit, condition in _CONDITIONS.items() if code & bit) for code in range(256)}
)
_QUOTE_FLAGS_OF = table(
    {
        code: (QuoteFlag.HALTED if code & 0x80 else 0) | (QuoteFlag.EXTENDED_HOURS if code & 0x40 else 0)
        for code in range(256)
    }
)


class Decoder:
    """Turns blocks of messages into rows; remembers what later messages refer to."""

    def __init__(self, symbols: SymbolTable, faults: SourceFaults, seen: Counter[str]) -> None:
        self._symbols = symbols
        self._faults = faults
        self._seen = seen
        self._states = TradingStates()
        self._trade_times = TradeTimes()

    def decode(self, block: MessageBlock, moved_ns: int = 0) -> tuple[Rows, tuple[Listing, ...]]:
        """Decode a block, which is used up: event rows in the messages' order, and the listings new with them.

        All times are moved on by `moved_ns`. The rows have `instrument`, `ts_event` and the fields of their kind; the
        fields that the runner fills are zero.
        """
        messages = MessageColumns(block, self._faults)
        self._seen["messages"] += len(block)
        messages.check()
        messages.heads["time"] += moved_ns
        numbers = self._number(messages)
        return self._rows(messages, numbers), self._symbols.announce()

    def _number(self, messages: MessageColumns) -> npt.NDArray[np.int64]:
        """Give each message its instrument's number, listing the symbols that are new."""
        numbers = np.full(len(messages.types), NO_INSTRUMENT, np.int64)
        named = np.flatnonzero(messages.alive & _LISTS[messages.types])
        fields: list[bytes] = messages.heads["symbol"][named].tolist()
        known = self._symbols.numbers
        found = np.fromiter(map(known.get, fields, repeat(_UNKNOWN)), np.int64, len(fields))
        for index in np.flatnonzero(found == _UNKNOWN).tolist():
            try:
                number = known.get(fields[index], _UNKNOWN)
                found[index] = self._symbols.add(fields[index]) if number == _UNKNOWN else number
            except SymbolFieldError as error:
                messages.reject(named[index : index + 1], str(error))
        numbers[named] = found
        return numbers

    def _rows(self, messages: MessageColumns, numbers: npt.NDArray[np.int64]) -> Rows:
        """Build the rows of each kind and put them together in the messages' order."""
        parts = [self._quotes(messages), self._trades(messages), self._corrections(messages)]
        parts.append(self._statuses(messages, numbers))
        for code in _ROWLESS_TYPES:
            self._count_rowless(chr(code), int(np.count_nonzero(messages.alive & (messages.types == code))))
        has_row = np.zeros(len(messages.types), bool)
        for positions, _ in parts:
            has_row[positions] = True
        place = np.cumsum(has_row) - 1
        matrix = np.empty((int(np.count_nonzero(has_row)), rows.EVENT_BYTES), np.uint8)
        for positions, part in parts:
            if len(positions):
                matrix[place[positions]] = as_bytes(part)
        events: Rows = matrix.reshape(-1).view(rows.EVENT_DTYPE)
        events["instrument"] = numbers[has_row]
        events["ts_event"] = messages.heads["time"][has_row]
        self._seen["rows"] += len(events)
        return events

    def _quotes(self, messages: MessageColumns) -> tuple[Positions, Rows]:
        positions, raw = messages.of("Q")
        part = rows.QUOTE.blank(len(raw))
        part["flags"] = _QUOTE_FLAGS_OF[raw["code"]]
        for side in ("bid", "ask"):
            part[side] = np.where(raw[side] > 0, raw[side] / PRICE_UNITS, np.nan)
            part[side + "_size"] = raw[side + "_size"]
        return positions, part

    def _trades(self, messages: MessageColumns) -> tuple[Positions, Rows]:
        positions, raw = messages.of("T")
        part = rows.TRADE.blank(len(raw))
        part["price"] = raw["price"] / PRICE_UNITS
        part["size"] = raw["size"]
        part["trade_id"] = raw["trade_id"]
        part["conditions"] = _CONDITIONS_OF[raw["code"]]
        return positions, part

    def _corrections(self, messages: MessageColumns) -> tuple[Positions, Rows]:
        """Build the rows of trade breaks; each finds its trade among those that came before it."""
        positions, raw = messages.of("B")
        traded_at, traded = messages.of("T")
        times_ns = messages.heads["time"][traded_at]
        part = rows.CORRECTION.blank(len(raw))
        part["flags"] = CorrectionFlag.BUST
        part["price"] = raw["price"] / PRICE_UNITS
        part["size"] = raw["size"]
        part["trade_id"] = raw["trade_id"]
        added = 0
        for index, before in enumerate(np.searchsorted(traded_at, positions).tolist()):
            self._trade_times.add(traded["trade_id"][added:before], times_ns[added:before])
            part["ts_trade"][index] = self._trade_times.find(int(raw["trade_id"][index]))
            added = before
        self._trade_times.add(traded["trade_id"][added:], times_ns[added:])
        return positions, part

    def _statuses(self, messages: MessageColumns, numbers: npt.NDArray[np.int64]) -> tuple[Positions, Rows]:
        """Build the rows of the four kinds of status message, in order: halts depend on each other."""
        positions, states, reasons = [], [], []
        at = messages.of_types(b"SHOP")
        kinds, codes = messages.types[at].tolist(), messages.heads["code"][at].tolist()
        columns = zip(at.tolist(), kinds, codes, numbers[at].tolist(), messages.tails(at), strict=True)
        for position, kind, code, instrument, tail in columns:
            status = self._status(kind, code, instrument, tail)
            if status is not None:
                positions.append(position)
                states.append(int(status[0]))
                reasons.append(status[1])
            else:
                self._count_rowless(f"{chr(kind)} {chr(code)}", 1)
        part = rows.STATUS.blank(len(positions))
        part["state"] = states
        part["reason"] = reasons
        part["value"] = np.nan
        return np.array(positions, np.intp), part

    def _status(self, kind: int, code: int, instrument: int, tail: bytes) -> tuple[TradingState, bytes] | None:
        """Give the state and the reason that one message puts into a row; None where it has no row.

        `tail` is what follows the symbol: the reason of a trading status, the detail of a short sale price test.
        """
        if kind == ord("H"):
            return self._states.status(instrument, _STATUS_STATES[code], tail)
        if kind == ord("O"):
            return self._states.operational(instrument, halted=code == ord("O"))
        if kind == ord("P"):
            restricted = TradingState.SHORT_SALE_RESTRICTED if code else TradingState.SHORT_SALE_UNRESTRICTED
            return restricted, tail[:1].ljust(8)
        state = _SYSTEM_STATES.get(code)
        return None if state is None else (state, b" " * 8)

    def _count_rowless(self, what: str, count: int) -> None:
        if count:
            self._seen[f"no row: {what}"] += count
