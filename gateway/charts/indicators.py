"""The indicators that a chart may ask for: their bounds, how many candles they need, and their columns. Pure.

TA-Lib computes the closed candles, `market.indicators` goes on from there to the open one.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import talib

from market.indicators import Bars, Bbands, Ema, Indicator, Macd, Rsi, Sma, Smoothed, Vwap

MOST_INDICATORS = 8
_LONGEST = 200
_LONGEST_RSI = 100
_WHOLE = re.compile(r"[0-9]{1,6}")
_DECIMAL = re.compile(r"[0-9]{1,6}(\.[0-9]{1,9})?")

F8 = npt.NDArray[np.float64]
Parameters = tuple[float, ...]


class Series(NamedTuple):
    """What indicators are computed from: candles that have a price, oldest first; contiguous columns."""

    close: F8
    volume: F8
    turnover: F8
    day: npt.NDArray[np.int64]

    def part(self, start: int, end: int) -> "Series":
        """Give some of them."""
        return Series(self.close[start:end], self.volume[start:end], self.turnover[start:end], self.day[start:end])

    def bars(self) -> Bars:
        """Give them as plain numbers."""
        return Bars(self.close.tolist(), self.volume.tolist(), self.turnover.tolist(), self.day.tolist())


class Bound(NamedTuple):
    """What one parameter may be."""

    name: str
    low: float
    high: float
    is_whole: bool = True

    def __str__(self) -> str:
        return f"{self.name} {'a whole number ' if self.is_whole else ''}from {self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class IndicatorKind:
    """One indicator with its parameters open."""

    bounds: tuple[Bound, ...]
    columns: tuple[str, ...]
    warm_up: Callable[..., float]
    """How many candles before the first one wanted make its value right, to 1e-12; NaN: those of its trading day."""
    history: Callable[..., Sequence[F8]]
    begin: Callable[..., Indicator]

    def form(self, name: str) -> str:
        """Say how it is asked for, and its bounds."""
        if not self.bounds:
            return name
        form = ":".join([name, *(bound.name for bound in self.bounds)])
        return f"{form} ({', '.join(map(str, self.bounds))})"


@dataclass(frozen=True, slots=True)
class AskedIndicator:
    """One indicator as it was asked for."""

    text: str
    kind: IndicatorKind
    parameters: Parameters

    @property
    def is_daily(self) -> bool:
        """Whether it begins anew with each trading day."""
        return self.kind.begin is Vwap

    @property
    def warm_up(self) -> int:
        """How many candles it needs before the first one wanted; those of the day are not counted."""
        return 0 if self.is_daily else int(self.kind.warm_up(*self.parameters))

    def columns(self, series: Series, closed: int) -> dict[str, F8]:
        """Compute its columns over a series whose first `closed` candles are closed; NaN where there is no value."""
        past = series.part(0, closed)
        columns = [np.full(len(series.close), np.nan) for _ in self.kind.columns]
        for column, history in zip(columns, self.kind.history(past, *self.parameters), strict=True):
            column[:closed] = history
        if closed < len(series.close):
            from_place = 0 if self.is_daily else max(0, closed - self.warm_up)  # what is before says nothing any more
            state = self.kind.begin(*self.parameters).through(past.part(from_place, closed).bars())
            for at in range(closed, len(series.close)):
                state = state.through(series.part(at, at + 1).bars())
                for column, value in zip(columns, state.values, strict=True):
                    column[at] = value
        return dict(zip(self.kind.columns, columns, strict=True))


def parse_indicator(text: str) -> AskedIndicator:
    """Read `sma:20` and its like; raises ValueError, which says the bounds."""
    name, *given = text.split(":")
    kind = KINDS.get(name)
    if kind is None:
        raise ValueError(f"{name!r:.40} is not an indicator; there are {', '.join(KINDS)}")
    if len(given) != len(kind.bounds):
        raise ValueError(f"{text!r:.40} is not of the form {kind.form(name)}")
    parameters = tuple(_parameter(value, bound, name) for value, bound in zip(given, kind.bounds, strict=True))
    if name == "macd" and not parameters[0] < parameters[1]:
        raise ValueError(f"{text!r:.40}: the fast length must be below the slow one")
    return AskedIndicator(text, kind, parameters)


def _parameter(text: str, bound: Bound, name: str) -> float:
    form = _WHOLE if bound.is_whole else _DECIMAL
    value = float(text) if form.fullmatch(text) else 0.0  # which is out of every bound
    if not bound.low <= value <= bound.high:
        raise ValueError(f"{name}: {bound}, not {text!r:.20}")
    return int(value) if bound.is_whole else value


def _sma(series: Series, length: int) -> Sequence[F8]:
    return [talib.SMA(series.close, length)]


def _ema(series: Series, length: int) -> Sequence[F8]:
    return [talib.EMA(series.close, length)]


def _rsi(series: Series, length: int) -> Sequence[F8]:
    return [talib.RSI(series.close, length)]


def _macd(series: Series, fast: int, slow: int, signal: int) -> Sequence[F8]:
    columns: Sequence[F8] = talib.MACD(series.close, fast, slow, signal)
    return columns


def _bbands(series: Series, length: int, width: float) -> Sequence[F8]:
    columns: Sequence[F8] = talib.BBANDS(series.close, length, width, width)
    return columns


def _vwap(series: Series) -> Sequence[F8]:
    """Divide the day's running sums."""
    if not len(series.day):
        return [np.zeros(0)]
    begins = np.flatnonzero(np.diff(series.day, prepend=series.day[0] - 1))
    lengths = np.diff(np.append(begins, len(series.day)))

    def of_day(column: F8) -> F8:
        total = np.cumsum(column)
        return total - np.repeat(total[begins] - column[begins], lengths)

    volume = of_day(series.volume)
    value = np.full(len(volume), np.nan)
    np.divide(of_day(series.turnover), volume, out=value, where=volume > 0)
    return [value]


_LENGTH = Bound("N", 2, _LONGEST)

# Warm-up: an exponential average forgets its seed by (1 - 2/(N+1)) a bar; measured on random walks.
KINDS: dict[str, IndicatorKind] = {
    "sma": IndicatorKind((_LENGTH,), ("value",), lambda length: length - 1, _sma, Sma),
    "ema": IndicatorKind(
        (_LENGTH,), ("value",), lambda length: 15 * length, _ema, lambda length: Ema(Smoothed(length))
    ),
    "rsi": IndicatorKind((Bound("N", 2, _LONGEST_RSI),), ("value",), lambda length: 32 * length, _rsi, Rsi),
    "macd": IndicatorKind(
        (Bound("F", 2, _LONGEST), Bound("S", 2, _LONGEST), Bound("G", 2, 100)),
        ("macd", "signal", "histogram"),
        lambda _, slow, signal: 15 * slow + 5 * signal,
        _macd,
        lambda fast, slow, signal: Macd(Smoothed(fast), Smoothed(slow), Smoothed(signal)),
    ),
    "bbands": IndicatorKind(
        (_LENGTH, Bound("K", 0.1, 10, is_whole=False)),
        ("upper", "middle", "lower"),
        lambda length, _: length - 1,
        _bbands,
        Bbands,
    ),
    "vwap": IndicatorKind((), ("value",), lambda: 0, _vwap, Vwap),
}
