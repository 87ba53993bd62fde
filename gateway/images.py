"""How rows look to clients: plain values under stable names, unknown prices as null, times as ISO 8601 text."""

import math
import re
from datetime import datetime

import numpy as np

from market import rows
from market.book import LEVELS
from market.instrument import Instrument
from market.row_type import Rows

Image = dict[str, object]

_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8})(?:[.,]([0-9]{1,9}))?(Z|[+-][0-9]{2}:?[0-9]{2})")
_LATEST_NS = 2**63 - 1  # what rows can hold


def quote_image(instrument: Instrument, state: Rows) -> Image:
    """Show one STATE row under its canonical name."""
    row = state[0]
    image: Image = {"symbol": str(instrument.key)}
    for name in rows.STATE_FIGURES:
        value = float(row[name])
        image[name] = None if math.isnan(value) else value
    image["seq"] = int(row["sequence"])
    image["ts_event"] = iso(int(row["ts_event"]))
    image["ts_recv"] = iso(int(row["ts_recv"]))
    return image


def depth_image(levels: Rows) -> Image:
    """Show 20 LEVEL rows as the levels that are there."""
    return {"bids": levels_image(levels[:LEVELS]), "asks": levels_image(levels[LEVELS:])}


def levels_image(side: Rows) -> list[tuple[float, float, int]]:
    """Show one side's LEVEL rows as the levels that are there, best first: price, size, orders."""
    present = side[side["size"] > 0]
    return list(zip(present["price"].tolist(), present["size"].tolist(), present["orders"].tolist(), strict=True))


def iso(ts_ns: int) -> str | None:
    """Write a time in UTC to the nanosecond; 0, which is no time, is None."""
    return f"{np.datetime64(ts_ns, 'ns')}Z" if ts_ns else None


def from_iso(text: str) -> int:
    """Read an ISO 8601 time with its zone, to the nanosecond, as ns since 1970 UTC; raises ValueError."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r:.60} is not of the form YYYY-MM-DDTHH:MM:SS, then 1 to 9 decimals if any, then Z or an offset"
        )
    whole, decimals, zone = found.groups()
    ts_ns = int(datetime.fromisoformat(whole + zone).timestamp()) * 1_000_000_000 + int((decimals or "").ljust(9, "0"))
    if abs(ts_ns) > _LATEST_NS:
        raise ValueError(f"{text!r:.60} is not within 292 years of 1970")
    return ts_ns
