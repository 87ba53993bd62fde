"""A page of candles as JSON, msgpack or CSV, with what caches need to know. Pure."""

import hashlib
import math
from dataclasses import dataclass
from enum import Enum

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.charts.indicators import Series
from gateway.charts.page import Page
from gateway.charts.query import ChartQuery
from market.candles.candles import Candles, as_float
from market.codes import CandleFlag
from market.instrument import Instrument

_SECOND_NS = 1_000_000_000
_SETTLED, _CHANGING = "private, max-age=60", "no-store"

Column = list[float | int | None]


class Form(Enum):
    """How an answer is written, by its media type."""

    JSON = "application/json"
    MSGPACK = "application/vnd.msgpack"
    CSV = "text/csv"

    @classmethod
    def of(cls, accept: str) -> "Form":
        """Choose what an Accept header names first of those that there are; JSON where it names none."""
        named = (part.partition(";")[0].strip().lower() for part in accept.split(","))
        return next((form for name in named for form in cls if form.value == name), cls.JSON)


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an answer and its headers."""

    body: bytes
    form: Form
    etag: str
    is_settled: bool

    @property
    def headers(self) -> dict[str, str]:
        """What caches are told: a settled answer is good for a minute, as corrections may still change it."""
        return {"ETag": self.etag, "Cache-Control": _SETTLED if self.is_settled else _CHANGING, "Vary": "Accept"}

    def is_known(self, if_none_match: str) -> bool:
        """Whether the client has this answer already."""
        known = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
        return self.etag in known or "*" in known


def answer(instrument: Instrument, query: ChartQuery, page: Page, form: Form) -> Answer:
    """Write an answer."""
    columns, indicators = _columns(page), _indicators(query, page)
    if form is Form.CSV:
        body = _csv(columns, indicators)
    else:
        body = _encode(form, _document(instrument, query, page, columns, indicators))
    etag = hashlib.blake2b(body, digest_size=16).hexdigest()
    return Answer(body, form, f'"{etag}"', page.is_settled)


def _columns(page: Page) -> dict[str, Column]:
    """Give the columns of the candles."""
    rows = page.candles.take(np.arange(page.first, len(page.candles)))
    return {
        "t": (rows.start_ns // _SECOND_NS).tolist(),
        "o": rows.open.tolist(),
        "h": rows.high.tolist(),
        "l": rows.low.tolist(),
        "c": rows.close.tolist(),
        "v": rows.volume.tolist(),
        "n": rows.trades.tolist(),
        "e": rows.revision.tolist(),
        "vw": _nullable(rows.vwap),
        "x": rows.session.tolist(),
        "filled": page.is_filled[page.first :].astype(np.uint8).tolist(),
    }


def _indicators(query: ChartQuery, page: Page) -> dict[str, dict[str, Column]]:
    """Give the columns of each indicator, beside those of the candles."""
    series = _series(page.candles, page.day)
    return {
        each.text: {name: _nullable(column[page.first :]) for name, column in each.columns(series, page.closed).items()}
        for each in query.indicators
    }


def _series(candles: Candles, day: npt.NDArray[np.int64]) -> Series:
    turnover = as_float(candles.turnover_whole, candles.turnover_nano)
    return Series(candles.close, candles.volume, turnover, day)


def _document(
    instrument: Instrument,
    query: ChartQuery,
    page: Page,
    columns: dict[str, Column],
    indicators: dict[str, dict[str, Column]],
) -> dict[str, object]:
    candles = page.candles
    return {
        "symbol": str(instrument.key),
        "interval": query.timeframe.text,
        "session": query.session,
        "currency": instrument.listing.currency,
        "sequence": int(candles.sequence.max()) if len(candles) else 0,
        **columns,
        "open": bool(len(candles)) and not candles.flags[-1] & CandleFlag.CLOSED,
        "indicators": indicators,
        "previous": _iso(page.previous_ns),
        "next": _iso(page.next_ns),
    }


def _csv(columns: dict[str, Column], indicators: dict[str, dict[str, Column]]) -> bytes:
    """Write one line a candle; an unknown value is empty."""
    wide = dict(columns)
    for text, own in indicators.items():
        wide |= {text if name == "value" else f"{text}.{name}": column for name, column in own.items()}
    lines = [",".join(wide)]
    lines += [
        ",".join("" if value is None else repr(value) for value in row) for row in zip(*wide.values(), strict=True)
    ]
    return "\r\n".join([*lines, ""]).encode()


def _encode(form: Form, document: dict[str, object]) -> bytes:
    return msgspec.json.encode(document) if form is Form.JSON else msgspec.msgpack.encode(document)


def _nullable(column: npt.NDArray[np.float64]) -> Column:
    values: Column = column.tolist()
    if not np.isnan(column).any():
        return values
    return [None if value is not None and math.isnan(value) else value for value in values]


def _iso(time_ns: int | None) -> str | None:
    """Write a time of whole seconds in UTC."""
    return None if time_ns is None else f"{np.datetime64(time_ns // _SECOND_NS, 's')}Z"
