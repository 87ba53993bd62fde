"""The byte layouts of TOPS 1.6 messages, as numpy dtypes over the bytes themselves.

Little endian, packed, prices in 1/10,000 dollar as i64, times in ns since 1970 UTC as i64, symbols 8 ASCII characters
padded with spaces (Investors Exchange TOPS Specification 1.6, "Data Types" and the message formats). A message may be
longer than its layout: what is added at the end in a later version is not read.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

_HEAD: list[tuple[str, str]] = [("type", "u1"), ("code", "u1"), ("time", "<i8"), ("symbol", "V8")]

HEAD = np.dtype(_HEAD)  # of every message; a system event ends before the symbol
QUOTE = np.dtype([*_HEAD, ("bid_size", "<u4"), ("bid", "<i8"), ("ask", "<i8"), ("ask_size", "<u4")])
TRADE = np.dtype([*_HEAD, ("size", "<u4"), ("price", "<i8"), ("trade_id", "<i8")])  # a trade break's too
STATUS = np.dtype([*_HEAD, ("reason", "V4")])
TAIL = np.dtype("V4")  # what follows the symbol in a status or short sale message
SHORT_SALE = np.dtype([*_HEAD, ("detail", "u1")])

PRICE_UNITS = 10_000
MAX_PRICE = 10_000_000 * PRICE_UNITS  # above any price of a share yet; what exceeds it is damage
SYSTEM_BYTES = 10
PADDING_BYTES = QUOTE.itemsize  # behind the last message, so that every layout fits at every start

# The shortest length of each type of message.
MIN_BYTES = {
    ord("S"): SYSTEM_BYTES,
    ord("D"): 31,
    ord("H"): STATUS.itemsize,
    ord("O"): HEAD.itemsize,
    ord("P"): SHORT_SALE.itemsize,
    ord("E"): HEAD.itemsize,
    ord("I"): HEAD.itemsize,
    ord("Q"): QUOTE.itemsize,
    ord("T"): TRADE.itemsize,
    ord("B"): TRADE.itemsize,
    ord("X"): 26,
    ord("A"): 80,
}


def overlay(data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], layout: np.dtype[np.void]) -> npt.NDArray[Any]:
    """Gather one item of `layout` from each of `starts`, whatever lies between them."""
    everywhere: npt.NDArray[Any] = np.ndarray((len(data) - layout.itemsize + 1,), layout, data.data, 0, (1,))
    return everywhere[starts]
