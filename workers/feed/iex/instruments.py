"""What the decoder remembers of instruments: their numbers, their trading states, and when trades happened."""

from typing import Final

import numpy as np
import numpy.typing as npt

from market.codes import TradingState
from market.instrument import Listing
from market.symbols import SymbolKey

VENUE = "IEXG"
MAX_INSTRUMENTS = 65_536  # IEX trades about 12,000; only a broken capture names more
MAX_TRADES = 1 << 20  # how many trades back a break can be matched; a quiet day's worth
OPERATIONAL_HALT: Final = b"OPHALT  "


class SymbolFieldError(ValueError):
    """A message's symbol field cannot be an instrument's; the message is the reason."""


class SymbolTable:
    """Numbers instruments in the order in which they appear, by the eight bytes of their symbol field."""

    def __init__(self) -> None:
        self.numbers: dict[bytes, int] = {}
        self._unannounced: list[Listing] = []

    def add(self, field: bytes) -> int:
        """Give a new symbol its number and announce its listing; raises SymbolFieldError for what is no symbol.

        A TOPS message names an instrument by its symbol alone, so that is its listing's name too.
        """
        text = field.rstrip(b" ")
        if not text or any(not 0x21 <= byte <= 0x7E for byte in text):
            raise SymbolFieldError("message: symbol is not ASCII text")
        if len(self.numbers) == MAX_INSTRUMENTS:
            raise SymbolFieldError("message: too many symbols")
        symbol = text.decode("ascii")
        self._unannounced.append(Listing(SymbolKey(VENUE, symbol), symbol))
        self.numbers[field] = len(self.numbers)
        return len(self.numbers) - 1

    def announce(self) -> tuple[Listing, ...]:
        """Return the listings that are new since the last call."""
        announced = tuple(self._unannounced)
        self._unannounced.clear()
        return announced


class TradingStates:
    """Joins the two messages that halt an instrument: its trading status and IEX's own operational halt.

    Trading goes on only where neither halts it, so each message's row tells the state that both leave behind.
    """

    def __init__(self) -> None:
        self._status: dict[int, tuple[TradingState, bytes]] = {}
        self._halted: set[int] = set()

    def status(self, instrument: int, state: TradingState, reason: bytes) -> tuple[TradingState, bytes]:
        """Take a trading status; return the state and reason that result."""
        self._status[instrument] = (state, reason.ljust(8))
        return self._present(instrument)

    def operational(self, instrument: int, *, halted: bool) -> tuple[TradingState, bytes] | None:
        """Take an operational halt status; return the state and reason that result, None where nothing changed."""
        if halted == (instrument in self._halted):
            return None
        (self._halted.add if halted else self._halted.discard)(instrument)
        return self._present(instrument)

    def _present(self, instrument: int) -> tuple[TradingState, bytes]:
        if instrument in self._halted:
            return TradingState.HALTED, OPERATIONAL_HALT
        return self._status.get(instrument, (TradingState.TRADING, b" " * 8))


class TradeTimes:
    """When the latest trades happened, by their identifiers: a trade break does not say."""

    def __init__(self) -> None:
        self._trade_ids = np.zeros(MAX_TRADES, np.int64)
        self._times_ns = np.zeros(MAX_TRADES, np.int64)
        self._count = 0

    def add(self, trade_ids: npt.NDArray[np.int64], times_ns: npt.NDArray[np.int64]) -> None:
        """Remember trades, over the oldest where there is no room."""
        slots = (self._count + np.arange(len(trade_ids))) % MAX_TRADES
        self._trade_ids[slots] = trade_ids
        self._times_ns[slots] = times_ns
        self._count += len(trade_ids)

    def find(self, trade_id: int) -> int:
        """Return when the latest trade of this identifier happened, ns since 1970 UTC; 0 where it is not known."""
        slots = np.flatnonzero(self._trade_ids[: self._count] == trade_id)
        if not len(slots):
            return 0
        age = (self._count - 1 - slots) % MAX_TRADES
        return int(self._times_ns[slots[np.argmin(age)]])
