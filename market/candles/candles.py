"""Candles as columns: the unit that fold, store, cache, wire and charts hand to each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from market import rows
from market.candles.exact import NANOS
from market.candles.timeframe import Session
from market.codes import CandleFlag
from market.row_type import Indices, Rows

U1 = npt.NDArray[np.uint8]
U4 = npt.NDArray[np.uint32]
U8 = npt.NDArray[np.uint64]
I4 = npt.NDArray[np.int32]
I8 = npt.NDArray[np.int64]
F8 = npt.NDArray[np.float64]
Column = npt.NDArray[Any]

DTYPES: dict[str, type[np.generic]] = {
    "instrument": np.uint32,
    "timeframe": np.uint8,
    "session": np.uint8,
    "start_ns": np.int64,
    "end_ns": np.int64,
    "revision": np.uint32,
    "trades": np.int64,
    "open": np.float64,
    "high": np.float64,
    "low": np.float64,
    "close": np.float64,
    "volume_whole": np.int64,
    "volume_nano": np.int32,
    "turnover_whole": np.int64,
    "turnover_nano": np.int32,
    "sequence": np.uint64,
    "ts_event": np.int64,
    "ts_recv": np.int64,
    "flags": np.uint8,
}


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Columns of one length, in native byte order.

    A candle is identified by (instrument, timeframe, session, start_ns). Of two states of it the one with the higher
    (revision, trades) is the newer, whoever made it and when. `revision` counts amendments after its window had ended.
    Prices are NaN where no trade formed one. Volume is whole + nano / 1e9 exactly, 0 <= nano < 1e9; turnover, the
    sum of price x size, likewise. `sequence`, `ts_event` and `ts_recv` are those of the instrument's last trade
    when this was made, 0 where it comes from a store. The start of a day, week or month is 00:00 UTC of its date, of
    its Monday, of its first; `end_ns` is when the window ends in the venue's sessions, 0 where that is not known.
    """

    instrument: U4
    timeframe: U1
    session: U1
    start_ns: I8
    end_ns: I8
    revision: U4
    trades: I8
    open: F8
    high: F8
    low: F8
    close: F8
    volume_whole: I8
    volume_nano: I4
    turnover_whole: I8
    turnover_nano: I4
    sequence: U8
    ts_event: I8
    ts_recv: I8
    flags: U1

    @classmethod
    def of(cls, count: int, **columns: npt.ArrayLike) -> "Candles":
        """Make `count` candles of whole columns or single values; columns that are not given are zeros."""
        made = {name: np.zeros(count, dtype) for name, dtype in DTYPES.items()}
        for name, values in columns.items():
            made[name][:] = values
        return cls(**made)

    @classmethod
    def concat(cls, parts: Sequence["Candles"]) -> "Candles":
        """Join candles, in order."""
        filled = [part for part in parts if len(part)]
        if len(filled) < 2:
            return filled[0] if filled else _NONE
        return cls(**{name: np.concatenate([getattr(part, name) for part in filled]) for name in DTYPES})

    @classmethod
    def gather(cls, parts: Iterable["Candles"], most: int) -> "Candles":
        """Join `most` candles at most while they are made: no more than a part of them is there twice."""
        columns, count = {name: np.empty(most, dtype) for name, dtype in DTYPES.items()}, 0
        for part in parts:
            for name, column in columns.items():
                column[count : count + len(part)] = getattr(part, name)
            count += len(part)
        whole = cls(**columns).take(slice(count))
        return whole if 2 * count >= most else whole.take(np.arange(count))

    def __len__(self) -> int:
        return len(self.instrument)

    def take(self, indices: Indices | slice) -> "Candles":
        """Give the candles at `indices`: views where it is a slice, copies where it is positions or a mask."""
        return Candles(**{field.name: getattr(self, field.name)[indices] for field in fields(self)})

    @property
    def volume(self) -> F8:
        """The volume as the nearest float."""
        return as_float(self.volume_whole, self.volume_nano)

    @property
    def vwap(self) -> F8:
        """The average price by volume; NaN where there is no volume."""
        return _ratio(as_float(self.turnover_whole, self.turnover_nano), self.volume)

    def sorted_newest(self) -> "Candles":
        """Sort by timeframe, instrument, start and session, and keep the newest state of each candle."""
        order = np.lexsort((self.trades, self.revision, self.session, self.start_ns, self.instrument, self.timeframe))
        keys = [getattr(self, name)[order] for name in ("timeframe", "instrument", "start_ns", "session")]
        is_last = np.ones(len(order), bool)
        is_last[:-1] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys]) if len(order) else True
        return self.take(order[is_last])


_NONE = Candles.of(0)


def as_float(whole: I8, nano: I4) -> F8:
    """Give an exact sum as a float; the one way to, so that store, cache and wire agree to the last bit."""
    floats: F8 = whole + nano / NANOS
    return floats


def to_rows(candles: Candles) -> Rows:
    """Write candles as CANDLE rows."""
    written = rows.CANDLE.blank(len(candles))
    for name in ("flags", "timeframe", "instrument", "sequence", "ts_event", "ts_recv", "revision"):
        written[name] = getattr(candles, name)
    written["start"], written["end"] = candles.start_ns, candles.end_ns
    written["trades"] = np.minimum(candles.trades, 0xFFFF_FFFF)
    for name in ("open", "high", "low", "close", "volume", "vwap"):
        written[name] = getattr(candles, name)
    return written


def from_rows(written: Rows) -> Candles:
    """Read CANDLE rows; their sums are floats, so that what comes back is only for showing."""
    volume = written["volume"].astype(np.float64)
    turnover = np.where(volume > 0, written["vwap"], 0.0) * volume
    columns = {
        name: written[name]
        for name in (
            "instrument",
            "timeframe",
            "revision",
            "trades",
            "open",
            "high",
            "low",
            "close",
            "sequence",
            "ts_event",
            "ts_recv",
            "flags",
        )
    }
    for name, values in (("volume", volume), ("turnover", turnover)):
        whole = np.floor(values)
        nano = np.rint((values - whole) * NANOS).astype(np.int64)
        columns[f"{name}_whole"], columns[f"{name}_nano"] = whole + nano // NANOS, nano % NANOS
    session = np.where(written["flags"] & CandleFlag.EXTENDED, Session.EXTENDED, Session.REGULAR)
    return Candles.of(len(written), **columns, session=session, start_ns=written["start"], end_ns=written["end"])


def _ratio(turnover: F8, volume: F8) -> F8:
    ratio = np.full(len(volume), np.nan)
    np.divide(turnover, volume, out=ratio, where=volume > 0)
    return ratio
