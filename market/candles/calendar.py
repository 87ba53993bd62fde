"""Segments from a calendar's sessions, and as bytes."""

import json
import zlib
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from market.candles.sessions import MINUTE_NS, Segments
from market.candles.timeframe import Session

_MAGIC = b"TMS1"
_1970 = date(1970, 1, 1)
_NONE = np.iinfo(np.int64).min  # numpy's NaT as an integer: a session without a break

I4 = npt.NDArray[np.int32]
I8 = npt.NDArray[np.int64]


class SegmentsError(ValueError):
    """Bytes are not segments."""


def build_segments(
    opens_ns: I8, closes_ns: I8, break_starts_ns: I8, break_ends_ns: I8, labels: I4, zone: str
) -> Segments:
    """Lay out a venue's time from its sessions, at least one, ascending; `labels` are their days since 1970.

    Breaks are NaT (the lowest int64) where there is none. Time outside sessions is cut at local midnight and belongs to
    its local day; a session is never cut there.
    """
    has_break = break_starts_ns != _NONE
    starts = np.concatenate([opens_ns, break_ends_ns[has_break]]) // MINUTE_NS
    ends = np.concatenate([np.where(has_break, break_starts_ns, closes_ns), closes_ns[has_break]]) // MINUTE_NS
    order = np.argsort(starts)
    starts, ends, days = starts[order], ends[order], np.concatenate([labels, labels[has_break]])[order]
    midnights, midnight_days = _midnights(int(labels[0]) - 1, int(labels[-1]) + 2, zone)
    cuts = np.unique(np.concatenate([midnights, starts, ends]))
    cuts = cuts[(cuts >= midnights[0]) & (cuts <= midnights[-1])]
    begins = cuts[:-1]
    piece = np.searchsorted(starts, begins, "right") - 1
    is_regular = (piece >= 0) & (begins < ends[piece])
    day = np.where(is_regular, days[piece], midnight_days[np.searchsorted(midnights, begins, "right") - 1])
    is_first = np.ones(len(begins), bool)  # of its stretch: a session that midnight has cut is joined again
    is_first[1:] = ~(is_regular[1:] & is_regular[:-1] & (piece[1:] == piece[:-1]))
    return Segments(
        begins[is_first].astype(np.int32),
        np.where(is_regular, Session.REGULAR, Session.EXTENDED)[is_first].astype(np.uint8),
        day[is_first].astype(np.int32),
        int(cuts[-1]),
        zone,
    )


def to_bytes(segments: Segments) -> bytes:
    """Write segments small: differences, compressed."""
    head = {
        "zone": segments.zone,
        "outside": int(segments.outside),
        "count": len(segments),
        "last_end": segments.last_end,
    }
    text = json.dumps(head).encode()
    columns = [_differences(segments.start), segments.session.tobytes(), _differences(segments.day)]
    return _MAGIC + len(text).to_bytes(2, "big") + text + zlib.compress(b"".join(columns))


def from_bytes(data: bytes) -> Segments:
    """Read what `to_bytes` wrote; raises SegmentsError for anything else."""
    try:
        if data[:4] != _MAGIC:
            raise SegmentsError(f"segments begin with {_MAGIC!r}, not {data[:4]!r}")
        split = 6 + int.from_bytes(data[4:6], "big")
        head, columns = json.loads(data[6:split]), zlib.decompress(data[split:])
        count = head["count"]
        start = np.cumsum(np.frombuffer(columns, "<i4", count), dtype=np.int32)
        session = np.frombuffer(columns, np.uint8, count, count * 4)
        day = np.cumsum(np.frombuffer(columns, "<i4", count, count * 5), dtype=np.int32)
        return Segments(start, session, day, head["last_end"], head["zone"], Session(head["outside"]))
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise SegmentsError(f"these are not segments: {error}") from error


def _differences(column: I4) -> bytes:
    return np.diff(column, prepend=np.int32(0)).astype("<i4").tobytes()


def _midnights(first_day: int, last_day: int, zone: str) -> tuple[I8, I8]:
    """Give every local midnight from one day to another, as minutes, and the days that begin there."""
    local, days = ZoneInfo(zone), np.arange(first_day, last_day + 1)
    dates = [_1970 + timedelta(day) for day in days.tolist()]
    moments = [datetime(each.year, each.month, each.day, tzinfo=local).astimezone(UTC) for each in dates]
    return np.array([int(moment.timestamp()) // 60 for moment in moments]), days
