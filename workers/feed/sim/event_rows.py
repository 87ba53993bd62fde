"""Trades and quotes as event rows, both kinds in one pass.

Every event has four values behind a common prefix: a quote's bid, bid size, ask, ask size; a trade's price, size, id
and conditions. They are written as the eight bytes they are, whichever kind a row is.
"""

import numpy as np
import numpy.typing as npt

from market import rows
from market.codes import Kind
from market.row_type import Rows
from workers.feed.sim.universe import Floats

_VALUES = {Kind.QUOTE: ("bid", "bid_size", "ask", "ask_size"), Kind.TRADE: ("price", "size", "trade_id", "conditions")}
_TEMPLATES = np.frombuffer(rows.QUOTE.template + rows.TRADE.template, f"V{rows.EVENT_BYTES}")
_BITS = np.dtype(
    {
        "names": ["instrument", "ts_event", "0", "1", "2", "3"],
        "formats": [">u4", ">i8", ">u8", ">u8", ">u8", ">u8"],
        "offsets": [
            rows.QUOTE.offsets["instrument"],
            rows.QUOTE.offsets["ts_event"],
            *(rows.QUOTE.offsets[name] for name in _VALUES[Kind.QUOTE]),
        ],
        "itemsize": rows.EVENT_BYTES,
    }
)


def event_rows(
    instrument: npt.NDArray[np.integer],
    ts_event: npt.NDArray[np.int64],
    is_trade: npt.NDArray[np.bool_],
    values: tuple[Floats, Floats, Floats, Floats],
) -> Rows:
    """Build rows of `EVENT_DTYPE`, one per entry; `values` holds each row's four values.

    A trade's id and conditions are integers: `values` carries their 64 bits, viewed as floats.
    """
    built = _TEMPLATES.take(is_trade.view(np.uint8))
    columns = built.view(_BITS)
    columns["instrument"], columns["ts_event"] = instrument, ts_event
    for name, value in zip("0123", values, strict=True):
        columns[name] = value.view(np.uint64)
    return built.view(rows.EVENT_DTYPE)


def quote_rows(
    instrument: npt.NDArray[np.integer],
    ts_event: npt.NDArray[np.int64],
    quote: tuple[Floats, Floats, Floats, Floats],
) -> Rows:
    """Build quotes: bid, bid size, ask, ask size."""
    return event_rows(instrument, ts_event, np.zeros(len(instrument), bool), quote)


def trade_rows(
    instrument: npt.NDArray[np.integer], ts_event: npt.NDArray[np.int64], price: Floats, first_id: int
) -> Rows:
    """Build trades of one round lot each at `price`, with ids that count up from `first_id`."""
    count = len(instrument)
    ids = np.arange(first_id, first_id + count, dtype=np.uint64)
    values = (price, np.full(count, 100.0), ids.view(np.float64), np.zeros(count))
    return event_rows(instrument, ts_event, np.ones(count, bool), values)
